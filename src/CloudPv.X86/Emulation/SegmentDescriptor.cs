namespace CloudPv.X86;

/// <summary>A segment selector (SDM vol. 3, 3.4.2).</summary>
internal readonly record struct Selector(ushort Value)
{
    public bool IsNull => (Value & 0xfffc) == 0;

    public int Rpl => Value & 3;

    /// <summary>As exceptions report it: without the RPL.</summary>
    public uint ErrorCode => (uint)Value & 0xfffc;
}

/// <summary>An 8-byte segment descriptor (SDM vol. 3, 3.4.5).</summary>
internal readonly record struct SegmentDescriptor(ulong Value)
{
    public bool IsPresent => (Value & (1ul << 47)) != 0;

    public int Dpl => (int)(Value >> 45) & 3;

    public bool IsCodeOrData => (Value & (1ul << 44)) != 0;

    /// <summary>The four type bits; of a system descriptor, its kind.</summary>
    public int Type => (int)(Value >> 40) & 15;

    public bool IsCode => IsCodeOrData && (Type & 8) != 0;

    public bool IsConforming => IsCode && (Type & 4) != 0;

    public bool IsReadable => IsCodeOrData && (!IsCode || (Type & 2) != 0);

    public bool IsWritable => IsCodeOrData && !IsCode && (Type & 2) != 0;

    /// <summary>The L bit without D: code of 64-bit mode.</summary>
    public bool IsLongCode => IsCode && (Value & (3ul << 53)) == 1ul << 53;

    public ulong Base => ((Value >> 16) & 0xff_ffff) | ((Value >> 32) & 0xff00_0000);

    /// <summary>The last byte's offset, the G bit applied.</summary>
    public uint Limit
    {
        get
        {
            var limit = (uint)(Value & 0xffff) | ((uint)(Value >> 32) & 0xf_0000);
            return (Value & (1ul << 55)) != 0 ? (limit << 12) | 0xfff : limit;
        }
    }

    /// <summary>Whether CPL 3 with this RPL may use it as data: conforming code needs no privilege.</summary>
    public bool IsVisible => IsConforming || Dpl == 3;
}
