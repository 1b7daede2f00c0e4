using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Xen's system time: ns since this hypervisor started, a fixed linear function of the TSC, the same for every vCPU.</summary>
internal sealed class SystemClock
{
    private readonly ulong _origin = TimeStampCounter.Read();
    private readonly uint _multiplier;
    private readonly sbyte _shift;

    public SystemClock()
    {
        TscFrequency = TimeStampCounter.Frequency;
        (_multiplier, _shift) = Scale(TscFrequency);

        TimeSpan sinceEpoch = DateTime.UtcNow - DateTime.UnixEpoch;
        WallClockAtZero = (ulong)sinceEpoch.Ticks * 100 - Now;
    }

    /// <summary>Ticks a second.</summary>
    public ulong TscFrequency { get; }

    /// <summary>UTC in ns since 1970 at system time 0.</summary>
    public ulong WallClockAtZero { get; }

    /// <summary>System time in ns.</summary>
    public ulong Now => ToSystemTime(TimeStampCounter.Read());

    /// <summary>What a guest needs to compute <see cref="Now"/> by itself; the version is left 0.</summary>
    public VcpuTimeInfo TimeInfo => new()
    {
        TscTimestamp = _origin,
        SystemTime = 0,
        TscToSystemMul = _multiplier,
        TscShift = _shift,
        Flags = VcpuTimeInfo.TscStableBit,
    };

    private ulong ToSystemTime(ulong tsc)
    {
        ulong ticks = tsc - _origin;
        ticks = _shift < 0 ? ticks >> -_shift : ticks << _shift;
        ulong high = Math.BigMul(ticks, _multiplier, out ulong low);
        return (high << 32) | (low >> 32);
    }

    /// <summary>The factor of vcpu_time_info: ns = (ticks shifted) * multiplier / 2^32, the multiplier as large as 32 bits allow.</summary>
    internal static (uint Multiplier, sbyte Shift) Scale(ulong frequency)
    {
        const ulong Nanoseconds = 1_000_000_000;
        int shift = 0;
        ulong shifted = frequency;
        for (; shifted > 2 * Nanoseconds; shifted >>= 1)
            shift--;
        for (; shifted <= Nanoseconds; shifted <<= 1)
            shift++;
        return ((uint)((Nanoseconds << 32) / shifted), (sbyte)shift);
    }
}
