namespace CloudPv.X86;

/// <summary>
/// Machine memory: one reserved range of host addresses, in which frame <c>n</c> stands at <c>Base + n * 4096</c>.
/// Ranges of frames are backed by memfds, so that they can be shared, saved and cloned; the rest is not accessible.
/// </summary>
public sealed unsafe class MachineMemory : IDisposable
{
    public const int FrameSize = 4096;
    public const int FrameShift = 12;

    private readonly List<int> _files = [];
    private bool _disposed;

    /// <summary>Reserves addresses for <paramref name="frameCount"/> frames; backs none.</summary>
    public MachineMemory(ulong frameCount)
    {
        ArgumentOutOfRangeException.ThrowIfZero(frameCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frameCount, 1ul << 34);
        FrameCount = frameCount;
        Base = HostSystem.MapAnonymousPages(frameCount << FrameShift, HostSystem.ProtNone);
    }

    public byte* Base { get; }

    public ulong FrameCount { get; }

    /// <summary>Backs <paramref name="count"/> frames from <paramref name="firstFrame"/> on with a new memfd of that size, all zero.</summary>
    public void Back(ulong firstFrame, ulong count, string name)
    {
        ArgumentOutOfRangeException.ThrowIfZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstFrame, FrameCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, FrameCount - firstFrame);
        var size = count << FrameShift;
        var file = HostSystem.CreateMemoryFile(name, size);
        lock (_files)
            _files.Add(file);

        // SAFETY: the range lies within the reservation, which nothing else maps.
        HostSystem.Map(
            Frame(firstFrame), size, HostSystem.ProtRead | HostSystem.ProtWrite, HostSystem.MapShared | HostSystem.MapFixed | HostSystem.MapNoReserve, file);
    }

    /// <summary>The host address of a frame; the caller has checked that the frame is backed.</summary>
    public byte* Frame(ulong frame) => Base + (frame << FrameShift);

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        HostSystem.Unmap(Base, FrameCount << FrameShift);
        foreach (var file in _files)
            HostSystem.Close(file);
    }
}
