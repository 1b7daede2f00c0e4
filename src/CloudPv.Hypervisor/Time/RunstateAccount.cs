using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Where a vCPU's time goes (VCPUOP_get_runstate_info), and the guest's registered copy of it. Changed by the vCPU's own thread, read by any.</summary>
internal sealed class RunstateAccount(Vcpu vcpu)
{
    private readonly Lock _lock = new();
    private VcpuRunstateInfo _info = new() { State = (int)Runstate.Offline, StateEntryTime = vcpu.Domain.Host.Clock.Now };

    /// <summary>Linear address of the guest's copy (VCPUOP_register_runstate_memory_area); 0: none.</summary>
    private GuestVirtual _area;

    /// <summary>The account up to now.</summary>
    public VcpuRunstateInfo Current
    {
        get
        {
            lock (_lock)
            {
                VcpuRunstateInfo info = _info;
                Charge(ref info, vcpu.Domain.Host.Clock.Now - info.StateEntryTime);
                return info;
            }
        }
    }

    /// <summary>Takes the address of the guest's copy and fills it. It is not checked further: a copy that can't be written is left alone.</summary>
    /// <param name="caller">The vCPU that registers it, perhaps for another one.</param>
    public void Register(GuestVirtual area, Vcpu caller)
    {
        _area = area;
        if (area.Value != 0)
            caller.TryWrite(area, Current);
    }

    public void Enter(Runstate state)
    {
        lock (_lock)
        {
            if (_info.State == (int)state)
                return;
            ulong now = vcpu.Domain.Host.Clock.Now;
            Charge(ref _info, now - _info.StateEntryTime);
            _info.State = (int)state;
            _info.StateEntryTime = now;
        }
        UpdateArea();
    }

    /// <summary>Writes the guest's copy, with the kernel's page tables as Xen does, whichever mode the vCPU is in. Only by its own thread.</summary>
    private void UpdateArea()
    {
        if (_area.Value == 0)
            return;
        CpuMode mode = vcpu.Cpu.Mode;
        vcpu.Cpu.Mode = CpuMode.Kernel;
        VcpuRunstateInfo info = _info;
        if (vcpu.Domain.HasAssist(VmAssistType.RunstateUpdateFlag))
        {
            // XEN_RUNSTATE_UPDATE stands in the entry time while the rest changes, so that another vCPU can tell.
            var entryTime = new GuestVirtual(_area.Value + VcpuRunstateInfo.StateEntryTimeOffset);
            ulong updating = info.StateEntryTime | VcpuRunstateInfo.Update;
            vcpu.TryWrite(entryTime, updating);
            info.StateEntryTime = updating;
            vcpu.TryWrite(_area, info);
            vcpu.TryWrite(entryTime, updating & ~VcpuRunstateInfo.Update);
        }
        else
        {
            vcpu.TryWrite(_area, info);
        }
        vcpu.Cpu.Mode = mode;
    }

    private static void Charge(ref VcpuRunstateInfo info, ulong nanoseconds)
    {
        switch ((Runstate)info.State)
        {
            case Runstate.Running: info.TimeRunning += nanoseconds; break;
            case Runstate.Runnable: info.TimeRunnable += nanoseconds; break;
            case Runstate.Blocked: info.TimeBlocked += nanoseconds; break;
            case Runstate.Offline: info.TimeOffline += nanoseconds; break;
            default: throw new InvalidOperationException($"runstate {info.State}");
        }
    }
}
