using System.Runtime.InteropServices;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Where the vCPU's vcpu_info stands, and the copies of its time.</summary>
internal sealed unsafe partial class Vcpu
{
    // SAFETY: points into a page that this domain holds until it is disposed of (shared_info, or a frame with a reference taken when it was registered), or to
    // DummyInfo, which is never freed. The guest may write the page at any time: fields are read once and changed atomically.
    private VcpuInfo* _info;

    /// <summary>Shared by all vCPUs that have no vcpu_info: Xen's dummy_vcpu_info.</summary>
    private static readonly VcpuInfo* DummyInfo = (VcpuInfo*)NativeMemory.AllocZeroed((nuint)sizeof(VcpuInfo));

    private Mfn? _registeredInfoFrame;
    private uint _timeVersion;

    private VcpuInfo* LegacyInfo => (VcpuInfo*)Domain.Memory.Pointer(Domain.SharedInfoFrame) + Id;

    /// <summary>The vCPU's vcpu_info, in guest memory.</summary>
    public ref VcpuInfo Info => ref *_info;

    /// <summary>False for a vCPU above 31 before it has registered one.</summary>
    public bool HasInfo => _info != DummyInfo;

    /// <summary>The guest's virtual interrupt flag, inverted.</summary>
    public bool UpcallsMasked
    {
        get => Volatile.Read(ref _info->EvtchnUpcallMask) != 0;
        set => Volatile.Write(ref _info->EvtchnUpcallMask, value ? (byte)1 : (byte)0);
    }

    public bool UpcallDeliverable => Volatile.Read(ref _info->EvtchnUpcallPending) != 0 && !UpcallsMasked;

    /// <summary>Moves vcpu_info into a page of the guest's choice (VCPUOP_register_vcpu_info); once only. On this vCPU's own thread, or while it is down.</summary>
    public long RegisterInfo(Mfn frame, uint offset)
    {
        if (offset > MachineMemory.FrameSize - sizeof(VcpuInfo) || offset % sizeof(ulong) != 0)
            return XenErrno.ENXIO;
        if (_registeredInfoFrame is not null || !Domain.Memory.TryGetPage(frame, writable: true))
            return XenErrno.EINVAL;

        var info = (VcpuInfo*)(Domain.Memory.Pointer(frame) + offset);
        if (HasInfo)
        {
            *info = *_info;
        }
        else
        {
            *info = default;
            info->EvtchnUpcallMask = 1;
        }
        _registeredInfoFrame = frame;
        _info = info;
        CloseSystemCallGate();

        // An event that went to the old place is not lost: everything is looked at once, as Xen has it.
        Interlocked.Or(ref info->EvtchnPendingSel, ulong.MaxValue);
        Volatile.Write(ref info->EvtchnUpcallPending, 1);
        PublishTime();
        return 0;
    }

    /// <summary>Writes vcpu_time_info for the guest. The clock is one linear function of the TSC for good, so this is done once for each place that it stands in.</summary>
    private void PublishTime()
    {
        VcpuTimeInfo time = Domain.Host.Clock.TimeInfo;
        _timeVersion += 2;
        time.Version = _timeVersion | 1;
        _info->Time = time;
        Volatile.Write(ref _info->Time.Version, _timeVersion);
    }
}
