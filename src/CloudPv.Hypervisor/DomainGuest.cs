using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The domain as dom0's backends and toolstack see it.</summary>
public sealed unsafe partial class Domain
{
    public GuestPage MapFrame(Mfn frame)
    {
        if (!Memory.TryGetPage(frame, writable: true))
            throw new ArgumentException($"{frame} is not a page of {Id}", nameof(frame));
        return new MappedFrame(this, frame);
    }

    public GrantStatus TryMapGrant(GrantRef reference, bool readOnly, out GuestPage? page)
    {
        GrantStatus status = Grants.TryMap(DomainId.Zero, reference, readOnly, out GrantMapping mapping);
        page = status == GrantStatus.Okay ? new MappedGrant(this, mapping) : null;
        return status;
    }

    public EventPort AllocateUnboundPort()
    {
        if (!Events.TryAllocate(new EventBinding.Unbound(DomainId.Zero), vcpu: 0, out EventChannel channel))
            throw new InvalidOperationException($"{Id} has no event channel left");
        return new EventPort(channel.Port);
    }

    public IEventChannel? TryBindInterdomain(EventPort guestPort, Action onEvent) => Events.TryBindDom0(guestPort.Value, onEvent);

    private sealed class MappedFrame(Domain domain, Mfn frame) : GuestPage
    {
        private bool _disposed;

        // SAFETY: the frame is referenced until disposal, and the domain outlives its backends' mappings.
        public override Span<byte> Bytes
        {
            get
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                return new(domain.Memory.Pointer(frame), X86.MachineMemory.FrameSize);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (_disposed)
                return;
            _disposed = true;
            domain.Memory.PutPage(frame, writable: true);
        }
    }

    private sealed class MappedGrant(Domain domain, GrantMapping mapping) : GuestPage
    {
        private bool _disposed;

        // SAFETY: the granted frame is referenced, and its domain's memory held, until disposal.
        public override Span<byte> Bytes
        {
            get
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                return new(domain.Memory.Pointer(mapping.Frame), X86.MachineMemory.FrameSize);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (_disposed)
                return;
            _disposed = true;
            domain.Grants.Unmap(mapping);
        }
    }
}
