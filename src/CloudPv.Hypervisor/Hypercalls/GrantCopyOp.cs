using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>GNTTABOP_copy: bytes from one page to another, each end a grant of some domain or a frame of the caller's.</summary>
internal static unsafe class GrantCopyOp
{
    /// <summary>One end of a copy: a referenced frame and what was taken to get at it.</summary>
    private readonly record struct End(Domain Owner, Mfn Frame, GrantMapping? Grant, bool Writable)
    {
        public void Release()
        {
            if (Grant is { } grant)
            {
                Owner.Grants.Unmap(grant);
                return;
            }
            if (Writable)
                Owner.Bus.CodeWritten(Frame.Value);
            Owner.Memory.PutPage(Frame, Writable);
        }
    }

    public static void Copy(Vcpu vcpu, ref GnttabCopy op) => op.Status = TryCopy(vcpu, op);

    private static GrantStatus TryCopy(Vcpu vcpu, in GnttabCopy op)
    {
        GrantStatus status = Take(vcpu, op.Source, (op.Flags & GnttabCopy.SourceGref) != 0, op.Len, writable: false, out End source);
        if (status != GrantStatus.Okay)
            return status;
        status = Take(vcpu, op.Dest, (op.Flags & GnttabCopy.DestGref) != 0, op.Len, writable: true, out End destination);
        if (status == GrantStatus.Okay && !(FitsItsPage(op.Source, op.Len) && FitsItsPage(op.Dest, op.Len)))
        {
            status = GrantStatus.BadCopyArgument;
            destination.Release();
        }
        else if (status == GrantStatus.Okay)
        {
            // SAFETY: both frames are referenced, and offset and length were checked against the page's size.
            byte* from = source.Owner.Memory.Pointer(source.Frame) + op.Source.Offset;
            byte* to = destination.Owner.Memory.Pointer(destination.Frame) + op.Dest.Offset;
            Buffer.MemoryCopy(from, to, op.Len, op.Len);
            destination.Release();
        }
        source.Release();
        return status;
    }

    private static bool FitsItsPage(in GnttabCopyPointer pointer, int length) => pointer.Offset + length <= MachineMemory.FrameSize;

    private static GrantStatus Take(Vcpu vcpu, in GnttabCopyPointer pointer, bool isGrant, int length, bool writable, out End end)
    {
        end = default;
        bool isSelf = pointer.Domid == SpecialDomain.Self;
        if (!isSelf && !isGrant)
            return GrantStatus.PermissionDenied;
        Domain owner = vcpu.Domain;
        if (!isSelf && !vcpu.Domain.Host.TryGetDomain(new DomainId(pointer.Domid), out owner))
            return GrantStatus.BadDomain;
        if (!isGrant)
        {
            var frame = new Mfn(pointer.Gmfn);
            if (!owner.Memory.TryGetPage(frame, writable))
                return GrantStatus.BadPage;
            end = new End(owner, frame, null, writable);
            return GrantStatus.Okay;
        }

        GrantStatus status = owner.Grants.TryAcquireForCopy(vcpu.Domain.Id, new GrantRef(pointer.Ref), !writable, out GrantMapping grant);
        if (status != GrantStatus.Okay)
            return status;
        if (!grant.Part.Covers(pointer.Offset, length))
        {
            owner.Grants.Unmap(grant);
            return GrantStatus.GeneralError;
        }
        end = new End(owner, grant.Frame, grant, writable);
        return GrantStatus.Okay;
    }
}
