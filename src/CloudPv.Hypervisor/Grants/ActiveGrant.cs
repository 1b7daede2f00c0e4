using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>What others hold of one grant entry at the moment. Guarded by its own lock.</summary>
internal sealed class ActiveGrant
{
    public Lock Lock { get; } = new();
    public DomainId Grantee { get; set; }
    public Mfn Frame { get; set; }
    public GrantedPart Part { get; set; } = GrantedPart.WholePage;
    public int Readers { get; set; }
    public int Writers { get; set; }

    public bool IsInUse => Readers + Writers != 0;
}

/// <summary>Which bytes of a page a grant covers.</summary>
internal readonly record struct GrantedPart(ushort Offset, ushort Length)
{
    public static readonly GrantedPart WholePage = new(0, MachineMemory.FrameSize);

    /// <summary>Whether a run of bytes within a page lies in it.</summary>
    public bool Covers(int offset, int length) => offset >= Offset && offset + length <= Offset + Length;
}

/// <summary>One access to a granted frame.</summary>
internal readonly record struct GrantMapping(GrantRef Reference, Mfn Frame, GrantedPart Part, bool ReadOnly);
