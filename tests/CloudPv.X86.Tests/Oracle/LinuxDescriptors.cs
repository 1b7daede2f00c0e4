namespace CloudPv.X86.Tests.Oracle;

/// <summary>The GDT that Linux gives a 64-bit process, as far as CPL 3 can tell.</summary>
internal sealed class LinuxDescriptors : ISegmentDescriptors
{
    public bool TryRead(ushort selector, out ulong descriptor)
    {
        const int lastEntry = 15;
        var isLocal = (selector & 4) != 0;
        descriptor = (selector >> 3) switch
        {
            1 => 0x00cf_9b00_0000_ffff,
            2 => 0x00af_9b00_0000_ffff,
            3 => 0x00cf_9300_0000_ffff,
            4 => 0x00cf_fb00_0000_ffff,
            5 => 0x00cf_f300_0000_ffff,
            6 => 0x00af_fb00_0000_ffff,
            _ => 0ul,
        };
        return !isLocal && selector >> 3 <= lastEntry;
    }
}
