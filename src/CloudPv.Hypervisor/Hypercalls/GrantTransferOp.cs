using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>GNTTABOP_transfer: gives a page of the caller away to a domain whose grant entry accepts one.</summary>
internal static class GrantTransferOp
{
    public static void Transfer(Vcpu vcpu, ref GnttabTransfer op) => op.Status = TryTransfer(vcpu.Domain, op);

    private static GrantStatus TryTransfer(Domain giver, in GnttabTransfer op)
    {
        var frame = new Mfn(op.Mfn);
        if (!giver.Memory.Owns(frame))
            return GrantStatus.BadPage;
        if (!giver.Host.TryGetDomain(new DomainId(op.Domid), out Domain receiver))
            return GrantStatus.BadDomain;
        if (!giver.Memory.TryStealPage(frame, out DomainMemory home))
            return GrantStatus.BadPage;
        if (!receiver.Grants.TryBeginTransfer(giver.Id, new GrantRef(op.Ref)))
        {
            GiveBack(giver, frame, home);
            return GrantStatus.GeneralError;
        }
        if (!receiver.Memory.TryAssignPage(frame, home))
        {
            GiveBack(giver, frame, home);
            return GrantStatus.GeneralError;
        }
        receiver.Grants.CompleteTransfer(new GrantRef(op.Ref), frame);
        return GrantStatus.Okay;
    }

    /// <summary>A page that its receiver doesn't take stays with its giver, who has just had room for it.</summary>
    private static void GiveBack(Domain giver, Mfn frame, DomainMemory home)
    {
        if (!giver.Memory.TryAssignPage(frame, home))
            throw new InvalidOperationException($"{giver.Id} has no room for its own {frame}");
    }
}
