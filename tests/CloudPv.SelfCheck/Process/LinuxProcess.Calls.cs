using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace CloudPv.SelfCheck.Process;

/// <summary>The system calls (arch/x86/entry/syscalls/syscall_64.tbl). One that isn't here answers -ENOSYS.</summary>
internal sealed partial class LinuxProcess
{
    private const long NotPermitted = -1, NoEntry = -2, BadFile = -9, TryAgain = -11, NoMemory = -12, BadAddress = -14, NotADirectory = -20, Invalid = -22, NotATerminal = -25, ReadOnly = -30, NoCall = -38;
    private const ulong Here = unchecked((ulong)-100); // AT_FDCWD
    private const int LargestTransfer = 1 << 20;

    private readonly Dictionary<int, OpenFile> _open = new() { [0] = new OpenFile("stdin", []), [1] = new OpenFile("stdout", []), [2] = new OpenFile("stderr", []) };
    private long _clock = 1_000_000_000;

    private sealed class OpenFile(string path, byte[] bytes)
    {
        public string Path { get; } = path;

        public byte[] Bytes { get; } = bytes;

        public long Position { get; set; }

        public bool IsListed { get; set; }
    }

    private long Call(ulong number, ulong first, ulong second, ulong third, ulong fourth, ulong fifth, ulong sixth)
    {
        const long user = 1000, process = 4711;
        switch (number)
        {
            case 0: return Read(first, second, third, position: null);
            case 1: return Write(first, second, third);
            case 2: return Open(PathAt(Here, first), second);
            case 3: return _open.Remove((int)first) ? 0 : BadFile;
            case 4 or 6: return StatusOf(PathAt(Here, first), second);
            case 5: return _open.TryGetValue((int)first, out var file) ? StatusOf(file, second) : BadFile;
            case 7: return 0; // poll
            case 8: return Seek(first, (long)second, third);
            case 9: return Map(first, second, third, fourth, fifth, sixth);
            case 10: return Protect(first, second, third);
            case 11: return Unmap(first, second);
            case 12: return SetBreak(first);
            case 13 or 14 or 131: return 0; // signals never come
            case 16: return NotATerminal;
            case 17: return Read(first, second, third, (long)fourth);
            case 20: return WriteVector(first, second, third);
            case 21: return Exists(PathAt(Here, first));
            case 24 or 202: return 0; // sched_yield, futex
            case 25: return NoMemory; // mremap
            case 28: return Advise(first, second, third);
            case 32: return Duplicate(first);
            case 39 or 186 or 218: return process;
            case 60 or 231: return Exit(first);
            case 63: return Name63(first);
            case 72: return third == 0 || second != 0 ? 0 : Duplicate(first);
            case 79: return WriteText(first, "/");
            case 89: return ReadLink(PathAt(Here, first), second, third);
            case 96: return WriteWords(first, Tick() / 1000 / 1_000_000, _clock / 1000 % 1_000_000);
            case 97: return WriteWords(second, 8 << 20, -1);
            case 98: return Memory.TryWrite(second, new byte[144]) ? 0 : BadAddress; // getrusage
            case 99: return SystemInfo(first);
            case 100 or 201: return Tick() / 1_000_000_000;
            case 102 or 104 or 107 or 108: return user;
            case 110: return 1;
            case 158: return SetBase(first, second);
            case 204: return Memory.TryWrite(third, [1, 0, 0, 0, 0, 0, 0, 0]) ? 8 : BadAddress;
            case 217: return List(first, second, third);
            case 228 or 229: return second == 0 ? 0 : WriteWords(second, Tick() / 1_000_000_000, _clock % 1_000_000_000);
            case 230 or 35: return 0; // sleeping takes no time
            case 257: return Open(PathAt(first, second), third);
            case 262: return ((fourth & 0x1000) != 0 && Memory.ReadText(second) is "") ? Call(5, first, third, 0, 0, 0, 0) : StatusOf(PathAt(first, second), third);
            case 267: return ReadLink(PathAt(first, second), third, fourth);
            case 269 or 439: return Exists(PathAt(first, second));
            case 273: return 0;
            case 292 or 33: return NotPermitted;
            case 293: return Pipe(first);
            case 302: return fourth == 0 ? 0 : WriteWords(fourth, 8 << 20, -1);
            case 318: return Random(first, second);
            default: return NoCall;
        }
    }

    private long Tick() => _clock += 1000;

    private long Read(ulong descriptor, ulong address, ulong count, long? position)
    {
        if (!_open.TryGetValue((int)descriptor, out var file))
            return BadFile;
        var from = position ?? file.Position;
        var bytes = file.Bytes.AsSpan((int)Math.Min(from, file.Bytes.Length));
        bytes = bytes[..(int)Math.Min((ulong)bytes.Length, count)];
        if (!Memory.TryWrite(address, bytes))
            return BadAddress;
        if (position is null)
            file.Position += bytes.Length;
        return bytes.Length;
    }

    private long Write(ulong descriptor, ulong address, ulong count)
    {
        if (!_open.TryGetValue((int)descriptor, out var file))
            return BadFile;
        var bytes = new byte[Math.Min(count, LargestTransfer)];
        if (!Memory.TryRead(address, bytes))
            return BadAddress;
        switch (file.Path)
        {
            case "stdout": Output.Write(bytes); break;
            case "stderr": Errors.Write(bytes); break;
            case "/dev/null": break;
            default: return BadFile;
        }

        return bytes.Length;
    }

    private long WriteVector(ulong descriptor, ulong vector, ulong count)
    {
        long written = 0;
        Span<byte> entry = stackalloc byte[16];
        for (; count > 0; count--, vector += 16)
        {
            if (!Memory.TryRead(vector, entry))
                return BadAddress;
            for (var (address, left) = (MemoryMarshal.Read<ulong>(entry), MemoryMarshal.Read<ulong>(entry[8..])); left > 0;)
            {
                var part = Write(descriptor, address, left);
                if (part < 0)
                    return part;
                (address, left, written) = (address + (ulong)part, left - (ulong)part, written + part);
            }
        }

        return written;
    }

    /// <summary>The path at an address, by an open folder or, where there is none, the root. Null: it can't be read.</summary>
    private string? PathAt(ulong folder, ulong address) =>
        Memory.ReadText(address) is { } path ? Path.Combine(_open.TryGetValue((int)folder, out var file) ? file.Path : "/", path) : null;

    private long Open(string? path, ulong flags)
    {
        if (path is null)
            return BadAddress;
        if (path == "/dev/null" || Directory.Exists(path))
            return Add(new OpenFile(path, []));
        if (IsOfSystem(path) || !File.Exists(path))
            return NoEntry;
        if ((flags & 0x1_0000) != 0)
            return NotADirectory;
        return (flags & 3) != 0 ? ReadOnly : Add(new OpenFile(path, HostFiles.Bytes(path)));
    }

    /// <summary>What isn't the same at every look.</summary>
    private static bool IsOfSystem(string path) => new[] { "/dev/", "/proc/", "/sys/" }.Any(folder => path.StartsWith(folder, StringComparison.Ordinal));

    private long Add(OpenFile file)
    {
        var descriptor = 0;
        while (_open.ContainsKey(descriptor))
            descriptor++;
        _open.Add(descriptor, file);
        return descriptor;
    }

    private long Duplicate(ulong descriptor) => _open.TryGetValue((int)descriptor, out var file) ? Add(file) : BadFile;

    private long Pipe(ulong address)
    {
        Span<byte> pair = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(pair, (int)Add(new OpenFile("pipe", [])));
        BinaryPrimitives.WriteInt32LittleEndian(pair[4..], (int)Add(new OpenFile("pipe", [])));
        return Memory.TryWrite(address, pair) ? 0 : BadAddress;
    }

    private static long Exists(string? path) => path is null ? BadAddress : Path.Exists(path) ? 0 : NoEntry;

    private long StatusOf(string? path, ulong address)
    {
        if (path is null)
            return BadAddress;
        return Path.Exists(path) ? StatusOf(new OpenFile(path, []), address) : NoEntry;
    }

    /// <summary>struct stat.</summary>
    private long StatusOf(OpenFile file, ulong address)
    {
        const uint regular = 0x8000, directory = 0x4000, device = 0x2000, pipe = 0x1000;
        var isFile = File.Exists(file.Path) && file.Path != "/dev/null";
        var type = isFile ? regular : Directory.Exists(file.Path) ? directory : file.Path is "/dev/null" ? device : pipe;
        Span<byte> status = stackalloc byte[144];
        status.Clear();
        var size = isFile ? new FileInfo(file.Path).Length : 0;
        BinaryPrimitives.WriteUInt64LittleEndian(status, 1);
        BinaryPrimitives.WriteUInt64LittleEndian(status[8..], NumberOf(file.Path));
        BinaryPrimitives.WriteUInt64LittleEndian(status[16..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(status[24..], type | (type == pipe ? 0x180u : (uint)File.GetUnixFileMode(file.Path)));
        BinaryPrimitives.WriteInt64LittleEndian(status[48..], size);
        BinaryPrimitives.WriteInt64LittleEndian(status[56..], (long)ProcessMemory.PageSize);
        BinaryPrimitives.WriteInt64LittleEndian(status[64..], (size + 511) / 512);
        if (type != pipe)
            BinaryPrimitives.WriteInt64LittleEndian(status[88..], new DateTimeOffset(File.GetLastWriteTimeUtc(file.Path)).ToUnixTimeSeconds());
        return Memory.TryWrite(address, status) ? 0 : BadAddress;
    }

    /// <summary>An inode number: the same for the same path, also where it leads through links (FNV-1a).</summary>
    private static ulong NumberOf(string path)
    {
        var real = File.Exists(path) && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } target ? target.FullName : path;
        var hash = 0xcbf2_9ce4_8422_2325;
        foreach (var letter in real)
            hash = (hash ^ letter) * 0x100_0000_01b3;
        return hash >> 1;
    }

    private long Seek(ulong descriptor, long offset, ulong origin)
    {
        if (!_open.TryGetValue((int)descriptor, out var file))
            return BadFile;
        if (file.Path is "stdin" or "stdout" or "stderr" or "pipe")
            return -29;
        file.Position = offset + (origin switch { 1 => file.Position, 2 => file.Bytes.Length, _ => 0 });
        return file.Position;
    }

    private long Map(ulong address, ulong size, ulong rights, ulong flags, ulong descriptor, ulong offset)
    {
        const ulong isFixed = 0x10, isAnonymous = 0x20;
        size = AlignUp(size);
        if (size == 0)
            return Invalid;
        var start = (flags & isFixed) != 0 ? address : Memory.FindFree(size);
        OpenFile? file = null;
        if ((flags & isAnonymous) == 0 && !_open.TryGetValue((int)descriptor, out file))
            return BadFile;
        var bytes = file is { Bytes.Length: > 0 } && ((PageRights)rights).HasFlag(PageRights.Execute) ? HostFiles.Code(file.Path) : file?.Bytes;
        Memory.Map(new MemoryArea(start, start + size, (PageRights)rights, bytes, offset, (ulong)(bytes?.Length ?? 0)));
        return (long)start;
    }

    private long Protect(ulong address, ulong size, ulong rights)
    {
        Memory.Protect(address, address + AlignUp(size), (PageRights)rights);
        return 0;
    }

    private long Unmap(ulong address, ulong size)
    {
        Memory.Unmap(address, address + AlignUp(size));
        return 0;
    }

    private long Advise(ulong address, ulong size, ulong advice)
    {
        const ulong dontNeed = 4;
        if (advice == dontNeed)
            Memory.Discard(address, address + AlignUp(size));
        return 0;
    }

    private long SetBreak(ulong address)
    {
        if (address < _breakStart)
            return (long)_break;
        var (before, after) = (AlignUp(_break), AlignUp(address));
        if (after > before)
            Memory.Map(new MemoryArea(before, after, PageRights.Read | PageRights.Write));
        else if (after < before)
            Memory.Unmap(after, before);
        _break = address;
        return (long)address;
    }

    private long Exit(ulong status)
    {
        End = $"exit status {status & 0xff}";
        return 0;
    }

    /// <summary>uname(2).</summary>
    private long Name63(ulong address)
    {
        const int field = 65;
        var names = new byte[6 * field];
        foreach (var (index, name) in new[] { "Linux", "self-check", "6.1.0", "#1", "x86_64", "" }.Index())
            Encoding.ASCII.GetBytes(name, names.AsSpan(index * field));
        return Memory.TryWrite(address, names) ? 0 : BadAddress;
    }

    private long ReadLink(string? path, ulong address, ulong size)
    {
        if (path is null)
            return BadAddress;
        var target = path == "/proc/self/exe" ? _program.Path : Path.Exists(path) ? new FileInfo(path).LinkTarget : "";
        if (target is null or "")
            return target is null ? Invalid : NoEntry;
        var bytes = Encoding.UTF8.GetBytes(target);
        bytes = bytes[..(int)Math.Min((ulong)bytes.Length, size)];
        return Memory.TryWrite(address, bytes) ? bytes.Length : BadAddress;
    }

    /// <summary>getdents64(2), in the order of names.</summary>
    private long List(ulong descriptor, ulong address, ulong size)
    {
        if (!_open.TryGetValue((int)descriptor, out var folder))
            return BadFile;
        if (folder.IsListed)
            return 0;
        var entries = new MemoryStream();
        foreach (var path in Directory.EnumerateFileSystemEntries(folder.Path).Order(StringComparer.Ordinal).Skip((int)folder.Position))
        {
            var name = Encoding.UTF8.GetBytes(Path.GetFileName(path));
            var entry = new byte[(19 + name.Length + 1 + 7) & ~7];
            if (entries.Length + entry.Length > (long)size)
                return Listed();
            folder.Position++;
            BinaryPrimitives.WriteUInt64LittleEndian(entry, NumberOf(path));
            BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(8), folder.Position);
            BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(16), (ushort)entry.Length);
            entry[18] = (byte)(Directory.Exists(path) ? 4 : 8);
            name.CopyTo(entry, 19);
            entries.Write(entry);
        }

        folder.IsListed = true;
        return Listed();

        long Listed() => Memory.TryWrite(address, entries.ToArray()) ? entries.Length : BadAddress;
    }

    private long SetBase(ulong code, ulong address)
    {
        const ulong setFs = 0x1002;
        if (code != setFs)
            return Invalid;
        Cpu.State.FsBase = address;
        return 0;
    }

    private long Random(ulong address, ulong count)
    {
        var bytes = new byte[Math.Min(count, 256)];
        new Random(1).NextBytes(bytes);
        return Memory.TryWrite(address, bytes) ? bytes.Length : BadAddress;
    }

    private long WriteText(ulong address, string text) => Memory.TryWrite(address, Encoding.UTF8.GetBytes(text + "\0")) ? text.Length + 1 : BadAddress;

    private long WriteWords(ulong address, params ReadOnlySpan<long> words) => Memory.TryWrite(address, MemoryMarshal.AsBytes(words)) ? 0 : BadAddress;

    /// <summary>sysinfo(2): 1 GiB, all free.</summary>
    private long SystemInfo(ulong address)
    {
        const long memory = 1 << 30;
        return WriteWords(address, 0, 0, 0, 0, memory, memory, 0, 0, 0, 0, 0, 0, 0, 1);
    }

    private static ulong AlignUp(ulong size) => (size + ProcessMemory.PageSize - 1) & ~(ProcessMemory.PageSize - 1);
}
