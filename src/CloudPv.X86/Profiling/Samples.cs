using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>One look at a thread, as <see cref="SampleSignal"/>'s handler writes it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Sample
{
    /// <summary>The host instruction that ran.</summary>
    public nint Host;

    /// <summary>The guest's RIP as it was last kept; with <see cref="InCode"/>, the host address at which a block will go on, if it called something.</summary>
    public ulong Place;

    public int Activity;

    /// <summary>Not 0: translated code ran, or what it called.</summary>
    public int InCode;

    /// <summary>Periods that have passed beyond the one that this sample stands for.</summary>
    public ulong Overrun;
}

/// <summary>The samples of one thread that nobody has looked at yet. Written by that thread's signal handler.</summary>
[StructLayout(LayoutKind.Explicit, Size = Header + (Capacity * SampleSize))]
internal unsafe struct Samples
{
    public const int Header = 64;
    public const int SampleSize = 32;
    public const int Capacity = 8192;

    // Offsets for the handler.
    public const int CountOffset = 0;
    public const int ContextOffset = 8;
    public const int LostOffset = 16;

    [FieldOffset(CountOffset)] public long Count;
    [FieldOffset(ContextOffset)] public CpuContext* Context;

    /// <summary>Samples for which there was no room.</summary>
    [FieldOffset(LostOffset)] public long Lost;

    [FieldOffset(Header)] private Sample _first;

    // SAFETY: the caller has the whole structure, in memory that doesn't move, and an index below Capacity.
    public static ref Sample At(Samples* samples, long index) => ref (&samples->_first)[index];
}
