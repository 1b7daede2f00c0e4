namespace CloudPv.X86;

/// <summary>
/// Machine memory: one reserved range of host addresses, in which frame <c>n</c> stands at <c>Base + n * 4096</c>.
/// Ranges of frames are backed by memfds, so that they can be shared, saved and cloned; the rest is not accessible.
/// </summary>
public sealed unsafe class MachineMemory : IDisposable
{
    public const int FrameSize = 4096;
    public const int FrameShift = 12;

    /// <summary>Reserves addresses for <paramref name="frameCount"/> frames; backs none.</summary>
    public MachineMemory(ulong frameCount) => throw new NotImplementedException();

    public byte* Base { get; }

    public ulong FrameCount { get; }

    /// <summary>Backs <paramref name="count"/> frames from <paramref name="firstFrame"/> on with a new memfd of that size, all zero.</summary>
    public void Back(ulong firstFrame, ulong count, string name) => throw new NotImplementedException();

    /// <summary>The host address of a frame; the caller has checked that the frame is backed.</summary>
    public byte* Frame(ulong frame) => Base + (frame << FrameShift);

    public void Dispose() => throw new NotImplementedException();
}
