using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Xen's system time: ns since this hypervisor started, a fixed linear function of the TSC, the same for every vCPU.</summary>
internal sealed class SystemClock
{
    private readonly ulong _origin = TimeStampCounter.Read();

    /// <summary>Taken when the time is first asked for: until then, whoever makes a host does other things while the frequency is measured.</summary>
    private readonly Lazy<(uint Multiplier, sbyte Shift)> _scale = new(static () => Scale(TimeStampCounter.Frequency));

    /// <summary>Ticks a second.</summary>
    public ulong TscFrequency => TimeStampCounter.Frequency;

    /// <summary>UTC in ns since 1970 at system time 0, by what the host's clock says now.</summary>
    public ulong WallClockAtZero => (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100 - Now;

    /// <summary>System time in ns.</summary>
    public ulong Now => ToSystemTime(TimeStampCounter.Read());

    /// <summary>What a guest needs to compute <see cref="Now"/> by itself; the version is left 0.</summary>
    public VcpuTimeInfo TimeInfo => new()
    {
        TscTimestamp = _origin,
        SystemTime = 0,
        TscToSystemMul = _scale.Value.Multiplier,
        TscShift = _scale.Value.Shift,
        Flags = VcpuTimeInfo.TscStableBit,
    };

    private ulong ToSystemTime(ulong tsc)
    {
        (uint multiplier, sbyte shift) = _scale.Value;
        ulong ticks = tsc - _origin;
        ticks = shift < 0 ? ticks >> -shift : ticks << shift;
        ulong high = Math.BigMul(ticks, multiplier, out ulong low);
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
