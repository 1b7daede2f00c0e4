using Microsoft.Win32.SafeHandles;

namespace CloudPv.X86;

/// <summary>
/// Machine memory: one reserved range of host addresses, in which frame <c>n</c> stands at <c>Base + n * 4096</c>.
/// Ranges of frames are backed by memfds, so that they can be shared, saved and cloned; the rest is not accessible.
/// </summary>
public sealed unsafe class MachineMemory : IDisposable
{
    public const int FrameSize = 4096;
    public const int FrameShift = 12;

    private readonly Dictionary<ulong, (int File, ulong Count)> _ranges = [];
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
        lock (_ranges)
            _ranges.Add(firstFrame, (file, count));

        // SAFETY: the range lies within the reservation, which nothing else maps.
        HostSystem.Map(
            Frame(firstFrame), size, HostSystem.ProtRead | HostSystem.ProtWrite, HostSystem.MapShared | HostSystem.MapFixed | HostSystem.MapNoReserve, file);
    }

    /// <summary>
    /// Writes into a backed range through its file: frames that weren't touched yet are filled without being zeroed first, and without the page fault that stores would
    /// take for each. Throws <see cref="IOException"/> where the host has no memory for them or can't read the bytes.
    /// </summary>
    /// <param name="firstFrame">As it was given to <see cref="Back"/>.</param>
    /// <param name="offset">Bytes from the range's beginning.</param>
    public void Write(ulong firstFrame, ulong offset, ReadOnlySpan<byte> bytes)
    {
        (int File, ulong Count) range;
        lock (_ranges)
            range = _ranges[firstFrame];
        var size = range.Count << FrameShift;
        if (offset > size || (ulong)bytes.Length > size - offset)
            throw new ArgumentOutOfRangeException(nameof(bytes));
        using var file = new SafeFileHandle(range.File, ownsHandle: false);
        RandomAccess.Write(file, bytes, (long)offset);
    }

    /// <summary>Gives the memory of a backed range back to the host. A straggler that still looks at it sees zeros; the next <see cref="Back"/> may take the range.</summary>
    /// <param name="firstFrame">As it was given to <see cref="Back"/>.</param>
    public void Release(ulong firstFrame)
    {
        (int File, ulong Count) range;
        lock (_ranges)
            _ranges.Remove(firstFrame, out range);

        // SAFETY: replaces the range's mapping in one step, so that its addresses are never without one.
        HostSystem.Map(
            Frame(firstFrame), range.Count << FrameShift, HostSystem.ProtRead | HostSystem.ProtWrite,
            HostSystem.MapPrivate | HostSystem.MapAnonymous | HostSystem.MapFixed | HostSystem.MapNoReserve, -1);
        HostSystem.Close(range.File);
    }

    /// <summary>Shows backed frames at another host address, too, whose mapping it replaces. False: there are no such frames, or the host has no room for the mapping.</summary>
    public bool TryShow(byte* address, ulong frame, ulong count, bool writable)
    {
        var protection = HostSystem.ProtRead | (writable ? HostSystem.ProtWrite : 0);
        lock (_ranges)
        {
            foreach (var (first, range) in _ranges)
            {
                if (frame >= first && count <= range.Count && frame - first <= range.Count - count)
                    return HostSystem.TryMapFile(address, count << FrameShift, protection, HostSystem.MapShared | HostSystem.MapPopulate, range.File, (frame - first) << FrameShift);
            }
        }

        return false;
    }

    /// <summary>The host address of a frame; the caller has checked that the frame is backed.</summary>
    public byte* Frame(ulong frame) => Base + (frame << FrameShift);

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        HostSystem.Unmap(Base, FrameCount << FrameShift);
        foreach (var range in _ranges.Values)
            HostSystem.Close(range.File);
    }
}
