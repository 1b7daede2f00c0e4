using System.Runtime.InteropServices;
using System.Text;

namespace CloudPv.SelfCheck.Process;

/// <summary>An ELF program or its dynamic linker, put into a process's memory as Linux does.</summary>
/// <param name="Base">What was added to its addresses.</param>
/// <param name="Headers">The linear address of its program headers.</param>
/// <param name="Interpreter">The path of the dynamic linker it asks for; null: it is static.</param>
internal sealed record ElfProgram(ulong Base, ulong Entry, ulong Headers, int HeaderCount, ulong End, string? Interpreter)
{
    public const int HeaderSize = 56;

    private const int TypeDynamic = 3;
    private const uint SegmentLoad = 1;
    private const uint SegmentInterpreter = 3;

    /// <param name="preferred">Where to put one that can stand anywhere.</param>
    public static ElfProgram Load(ProcessMemory memory, byte[] file, ulong preferred)
    {
        if (!file.AsSpan().StartsWith("\x7f"u8 + "ELF"u8) || Read<ushort>(file, 18) != 62)
            throw new InvalidDataException("not an x86-64 ELF program");
        var offset = Read<ushort>(file, 16) == TypeDynamic ? preferred : 0;
        var (headers, count) = (Read<ulong>(file, 32), Read<ushort>(file, 56));
        ulong headersAt = 0, end = 0;
        string? interpreter = null;
        for (var index = 0; index < count; index++)
        {
            var header = file.AsSpan((int)headers + (index * HeaderSize), HeaderSize);
            var (at, address, size, full) = (Read<ulong>(header, 8), Read<ulong>(header, 16), Read<ulong>(header, 32), Read<ulong>(header, 40));
            switch (Read<uint>(header, 0))
            {
                case SegmentInterpreter:
                    interpreter = Encoding.UTF8.GetString(file, (int)at, (int)size - 1);
                    break;
                case SegmentLoad:
                    var start = offset + (address & ~(ProcessMemory.PageSize - 1));
                    end = AlignUp(offset + address + full);
                    memory.Map(new MemoryArea(start, end, RightsOf(Read<uint>(header, 4)), file, at - (address % ProcessMemory.PageSize), at + size));
                    if (headers >= at && headers < at + size)
                        headersAt = offset + address + (headers - at);
                    break;
            }
        }

        return new ElfProgram(offset, offset + Read<ulong>(file, 24), headersAt, count, end, interpreter);
    }

    private static PageRights RightsOf(uint flags) =>
        ((flags & 4) != 0 ? PageRights.Read : PageRights.None) | ((flags & 2) != 0 ? PageRights.Write : PageRights.None) | ((flags & 1) != 0 ? PageRights.Execute : PageRights.None);

    private static ulong AlignUp(ulong address) => (address + ProcessMemory.PageSize - 1) & ~(ProcessMemory.PageSize - 1);

    private static T Read<T>(ReadOnlySpan<byte> bytes, int offset)
        where T : unmanaged => MemoryMarshal.Read<T>(bytes[offset..]);
}
