using System.Runtime.InteropServices;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>The arena as the emulator's memory.</summary>
internal sealed class ArenaMemory(byte[] bytes) : IEmulatorMemory
{
    private const byte PageFault = 14;
    private const uint Present = 1;
    private const uint Write = 2;
    private const uint User = 4;

    public bool TryRead(ulong address, Span<byte> destination, out CpuExit fault)
    {
        if (!Check(address, destination.Length, PageRights.Read, out fault))
            return false;
        bytes.AsSpan(Arena.Offset(address), destination.Length).CopyTo(destination);
        return true;
    }

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source, out CpuExit fault)
    {
        if (!Check(address, source.Length, PageRights.Write, out fault))
            return false;
        source.CopyTo(bytes.AsSpan(Arena.Offset(address)));
        return true;
    }

    public bool TryCompareExchange(ulong address, int size, UInt128 expected, UInt128 desired, out UInt128 actual, out CpuExit fault)
    {
        actual = 0;
        if (!Check(address, size, PageRights.Write, out fault))
            return false;
        var place = bytes.AsSpan(Arena.Offset(address), size);
        place.CopyTo(MemoryMarshal.AsBytes(new Span<UInt128>(ref actual)));
        if (actual == expected)
            MemoryMarshal.AsBytes(new Span<UInt128>(ref desired))[..size].CopyTo(place);
        return true;
    }

    private static bool Check(ulong address, int size, PageRights needed, out CpuExit fault)
    {
        var last = (address + (uint)size - 1) & ~(ulong)(Arena.PageSize - 1);
        var first = address & ~(ulong)(Arena.PageSize - 1);
        return CheckPage(address, first, needed, out fault) && (first == last || CheckPage(last, last, needed, out fault));
    }

    private static bool CheckPage(ulong address, ulong page, PageRights needed, out CpuExit fault)
    {
        fault = default;
        var offset = Arena.Offset(page);
        var rights = offset < 0 ? PageRights.None : Arena.Rights(offset / Arena.PageSize);
        if ((rights & needed) != PageRights.None)
            return true;
        var error = User | (needed == PageRights.Write ? Write : 0) | (rights != PageRights.None ? Present : 0);
        fault = new CpuExit(CpuExitKind.Exception, PageFault, error, address);
        return false;
    }
}
