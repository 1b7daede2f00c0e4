using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>
/// The program that <see cref="HostCpu"/> runs as a child process: a static ELF of some hundred bytes. It catches every signal of a trap on a stack that the parent shares,
/// tells the parent by a byte on standard output, and obeys a byte from standard input: run (by returning from the signal, with whatever registers the parent put into the
/// signal frame) or make a system call. It ends when its input does.
/// </summary>
internal static class HostProgram
{
    /// <summary>Where the area shared with the parent stands in the child.</summary>
    public const ulong Control = 0x7000_0000_0000;

    public const int ControlSize = SignalStack + SignalStackSize;
    public const int SignalStack = 0x1000;
    public const int SignalStackSize = 0x10000;

    // Offsets in the control area.
    public const int Context = 0;
    public const int FsBase = 8;
    public const int GsBase = 16;
    public const int Command = 24;
    public const int Call = 32;
    public const int CallArguments = 40;
    public const int CallResult = 88;
    public const int StickyFlags = 96;
    public const int Limit = 104;
    public const int StackDescription = 0x100;
    public const int HandlerDescription = 0x140;

    public const byte RunCommand = 1;
    public const byte CallCommand = 2;

    private const ulong Image = 0x6000_0000_0000;
    private const int HeaderSize = 0x78;

    private const int SysRead = 0;
    private const int SysWrite = 1;
    private const int SysMmap = 9;
    private const int SysSigaction = 13;
    private const int SysSigreturn = 15;
    private const int SysExit = 60;
    private const int SysSigaltstack = 131;
    private const int SysArchPrctl = 158;

    private const int ArchSetGs = 0x1001;
    private const int ArchSetFs = 0x1002;
    private const int ArchGetFs = 0x1003;
    private const int ArchGetGs = 0x1004;

    /// <summary>SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV.</summary>
    private static readonly int[] Signals = [4, 5, 7, 8, 11];

    /// <summary>The ELF file, and what <c>rt_sigaction</c> needs of it.</summary>
    public static byte[] Build(int controlDescriptor, out ulong handler, out ulong restorer)
    {
        var a = new Assembler(64);
        var handlerLabel = a.CreateLabel();
        var restorerLabel = a.CreateLabel();
        EmitStart(a, controlDescriptor);
        a.Label(ref handlerLabel);
        EmitHandler(a);
        a.Label(ref restorerLabel);
        a.mov(eax, SysSigreturn);
        a.syscall();

        var stream = new MemoryStream();
        stream.Write(new byte[HeaderSize]);
        var assembled = a.Assemble(new StreamCodeWriter(stream), Image + HeaderSize, BlockEncoderOptions.ReturnNewInstructionOffsets);
        handler = assembled.GetLabelRIP(handlerLabel);
        restorer = assembled.GetLabelRIP(restorerLabel);
        var file = stream.ToArray();
        WriteHeader(file);
        return file;
    }

    private static void EmitStart(Assembler a, int controlDescriptor)
    {
        const int readWrite = 3;
        const int sharedFixed = 0x11;
        a.mov(eax, SysMmap);
        a.mov(rdi, Control);
        a.mov(esi, ControlSize);
        a.mov(edx, readWrite);
        a.mov(r10d, sharedFixed);
        a.mov(r8d, controlDescriptor);
        a.xor(r9d, r9d);
        a.syscall();
        a.mov(rbx, Control);
        a.mov(eax, SysSigaltstack);
        a.lea(rdi, __[rbx + StackDescription]);
        a.xor(esi, esi);
        a.syscall();
        foreach (var signal in Signals)
        {
            a.mov(eax, SysSigaction);
            a.mov(edi, signal);
            a.lea(rsi, __[rbx + HandlerDescription]);
            a.xor(edx, edx);
            a.mov(r10d, 8);
            a.syscall();
        }

        a.int3();
    }

    /// <summary>The signal handler; rdx is the ucontext.</summary>
    private static void EmitHandler(Assembler a)
    {
        var wait = a.CreateLabel();
        var run = a.CreateLabel();
        var exit = a.CreateLabel();
        a.mov(rbx, Control);
        a.mov(__qword_ptr[rbx + Context], rdx);
        EmitArchPrctl(a, ArchGetFs, FsBase, byAddress: true);
        EmitArchPrctl(a, ArchGetGs, GsBase, byAddress: true);

        a.Label(ref wait);
        a.mov(eax, SysWrite);
        a.mov(edi, 1);
        a.mov(rsi, rbx);
        a.mov(edx, 1);
        a.syscall();
        a.mov(eax, SysRead);
        a.xor(edi, edi);
        a.lea(rsi, __[rbx + Command]);
        a.mov(edx, 1);
        a.syscall();
        a.cmp(rax, 1);
        a.jne(exit);
        a.cmp(__byte_ptr[rbx + Command], RunCommand);
        a.je(run);

        a.mov(rax, __qword_ptr[rbx + Call]);
        a.mov(rdi, __qword_ptr[rbx + CallArguments]);
        a.mov(rsi, __qword_ptr[rbx + CallArguments + 8]);
        a.mov(rdx, __qword_ptr[rbx + CallArguments + 16]);
        a.mov(r10, __qword_ptr[rbx + CallArguments + 24]);
        a.mov(r8, __qword_ptr[rbx + CallArguments + 32]);
        a.mov(r9, __qword_ptr[rbx + CallArguments + 40]);
        a.syscall();
        a.mov(__qword_ptr[rbx + CallResult], rax);
        a.jmp(wait);

        a.Label(ref run);
        EmitArchPrctl(a, ArchSetFs, FsBase, byAddress: false);
        EmitArchPrctl(a, ArchSetGs, GsBase, byAddress: false);
        a.xor(eax, eax);
        a.mov(ds, eax);
        a.mov(es, eax);
        a.push(__qword_ptr[rbx + StickyFlags]);
        a.popfq();
        a.ret();

        a.Label(ref exit);
        a.mov(eax, SysExit);
        a.xor(edi, edi);
        a.syscall();
    }

    private static void EmitArchPrctl(Assembler a, int code, int offset, bool byAddress)
    {
        a.mov(eax, SysArchPrctl);
        a.mov(edi, code);
        if (byAddress)
            a.lea(rsi, __[rbx + offset]);
        else
            a.mov(rsi, __qword_ptr[rbx + offset]);
        a.syscall();
    }

    /// <summary>An ELF64 header with one loadable segment, readable and executable, of the whole file.</summary>
    private static void WriteHeader(Span<byte> file)
    {
        ReadOnlySpan<byte> identification = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identification.CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file[16..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(file[18..], 62);
        BinaryPrimitives.WriteUInt32LittleEndian(file[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(file[24..], Image + HeaderSize);
        BinaryPrimitives.WriteUInt64LittleEndian(file[32..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file[52..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file[54..], 56);
        BinaryPrimitives.WriteUInt16LittleEndian(file[56..], 1);

        var segment = file[64..];
        BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], 5);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], Image);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], Image);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)file.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], (ulong)file.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], 0x1000);
    }
}
