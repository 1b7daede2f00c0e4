using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>How a domain starts, pauses and ends.</summary>
public sealed partial class Domain
{
    private readonly Lock _lifecycle = new();
    private readonly TaskCompletionSource<ShutdownReason> _shutdown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _disposed;

    internal VcpuGate Gate { get; } = new();

    /// <summary>Unpaused once: vCPU threads may run.</summary>
    internal bool HasStarted { get; private set; }

    /// <summary>What the guest said it would shut down with (SCHEDOP_shutdown_code), for a domain that is then destroyed as crashed.</summary>
    internal uint? ShutdownCode { get; set; }

    /// <summary>Completes when the domain shuts down by itself, crashes or is destroyed by a hypervisor fault of its own; never faults.</summary>
    public Task<ShutdownReason> Shutdown => _shutdown.Task;

    /// <summary>Why the hypervisor ended the domain as crashed; null where it didn't, also where the guest's kernel says that it crashed itself.</summary>
    public string? CrashReason { get; private set; }

    /// <summary>Starts vCPU 0 (and whatever the guest brings up), or lets a paused domain go on.</summary>
    public void Unpause()
    {
        lock (_lifecycle)
        {
            if (_shutdown.Task.IsCompleted || _disposed)
                return;
            Gate.Open();
            if (HasStarted)
                return;
            HasStarted = true;
            Vcpus[0].BringUp();
        }
    }

    /// <summary>Returns when no vCPU runs guest code any more. Not from a vCPU's thread.</summary>
    public void Pause()
    {
        lock (_lifecycle)
        {
            Gate.Close();
            InterruptAll();
        }
        Gate.WaitUntilAllRest();
    }

    /// <summary>Has each vCPU, when it is idle, give back the memory of what it has translated so far, which after a boot is mostly never run again.</summary>
    public void TrimTranslations()
    {
        lock (_lifecycle)
        {
            if (_disposed)
                return;
            foreach (Vcpu vcpu in Vcpus)
                vcpu.Trim();
        }
    }

    /// <summary>Ends the domain's run for a reason: its vCPUs stop before their next guest instruction. The first reason stands. From any thread.</summary>
    internal void Halt(ShutdownReason reason)
    {
        lock (_lifecycle)
        {
            if (!_shutdown.TrySetResult(reason))
                return;
            Gate.Close();
            InterruptAll();
        }
    }

    /// <summary>Ends this domain alone as a crash, with a line in the hypervisor's log and the calling vCPU's registers.</summary>
    internal void Crash(Vcpu? vcpu, string reason)
    {
        CrashReason ??= reason;
        Host.Log($"{Id} crashed: {reason}");
        if (vcpu is not null)
            Host.Log(RegisterDump.Of(vcpu));
        Halt(ShutdownReason.Crash);
    }

    /// <summary>Turns an exception on a vCPU's thread, which is a defect of the hypervisor, into the end of this domain.</summary>
    internal bool TryContain(Vcpu vcpu, Exception fault)
    {
        CrashReason ??= $"hypervisor fault on vcpu{vcpu.Id}: {fault.Message}";
        Host.Log($"{Id} crashed: hypervisor fault on vcpu{vcpu.Id}: {fault}");
        Halt(ShutdownReason.Crash);
        return true;
    }

    /// <summary>Stops every vCPU thread and frees the domain's memory, but for what others still have mapped of it.</summary>
    public void Dispose()
    {
        lock (_lifecycle)
        {
            if (_disposed)
                return;
            _disposed = true;
            Gate.Die();
            InterruptAll();
        }
        Gate.WaitUntilEmpty();
        Watchdogs.Dispose();
        // A backend that comes too late finds no port to raise.
        Events.Reset();
        MappedGrants.ReleaseAll();
        Host.Remove(this);
        foreach (Vcpu vcpu in Vcpus)
            vcpu.Dispose();
        _translations?.Dispose();
        Memory.Dispose();
    }

    private void InterruptAll()
    {
        foreach (Vcpu vcpu in Vcpus)
            vcpu.Interrupt();
    }
}
