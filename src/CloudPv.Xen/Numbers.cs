namespace CloudPv.Xen;

/// <summary>A domain's number (domid_t).</summary>
public readonly record struct DomainId(ushort Value)
{
    public static readonly DomainId Zero = new(0);

    public override string ToString() => $"d{Value}";
}

/// <summary>A machine frame number: a frame of the host's machine memory (xen_pfn_t in a PV guest's page tables).</summary>
public readonly record struct Mfn(ulong Value)
{
    public override string ToString() => $"mfn {Value:x}";
}

/// <summary>A pseudo-physical frame number: a frame in a guest's own contiguous view.</summary>
public readonly record struct Pfn(ulong Value)
{
    public override string ToString() => $"pfn {Value:x}";
}

/// <summary>A linear address in a guest.</summary>
public readonly record struct GuestVirtual(ulong Value)
{
    public override string ToString() => $"{Value:x16}";
}

/// <summary>An event channel's port in one domain (evtchn_port_t).</summary>
public readonly record struct EventPort(uint Value)
{
    public override string ToString() => $"port {Value}";
}

/// <summary>A grant reference in one domain (grant_ref_t).</summary>
public readonly record struct GrantRef(uint Value)
{
    public override string ToString() => $"gref {Value}";
}
