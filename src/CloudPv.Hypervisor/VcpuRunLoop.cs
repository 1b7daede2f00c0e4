using System.Runtime.Intrinsics.X86;
using CloudPv.X86;
using Runstates = CloudPv.Xen.Runstate;

namespace CloudPv.Hypervisor;

/// <summary>The vCPU's host thread: wait until there is something to run, deliver what is pending, run guest code, see to what it needs; again.</summary>
internal sealed partial class Vcpu
{
    private const int StackSize = 1024 * 1024;

    [ThreadStatic] private static Vcpu? _current;

    private readonly Parker _parker = new();
    private readonly RunDelay _runDelay = new();
    private readonly HaltPolling _polling;
    private Thread? _thread;
    private int _threadStarted;
    private volatile bool _online;
    private volatile bool _unblocked;
    private volatile bool _trims;
    private bool _blocked;
    private ulong _blockedUntil;

    /// <summary>Whether the vCPU runs, as far as the guest is concerned (VCPUOP_is_up).</summary>
    public bool IsUp => _online;

    /// <summary>Whether the caller is the vCPU's own thread.</summary>
    public bool IsCurrent => _current == this;

    /// <summary>Brings the vCPU up (VCPUOP_up, and vCPU 0 at the start). Its registers are set by now. From any thread.</summary>
    public void BringUp()
    {
        _online = true;
        Start();
        Interrupt();
    }

    /// <summary>Takes the vCPU down (VCPUOP_down). From any thread: it stops before its next guest instruction.</summary>
    public void TakeDown()
    {
        _online = false;
        Interrupt();
    }

    /// <summary>Starts the thread where the vCPU is up and the domain has been unpaused once.</summary>
    public void Start()
    {
        if (!_online || !Domain.HasStarted || Interlocked.CompareExchange(ref _threadStarted, 1, 0) != 0 || !Domain.Gate.TryEnter())
            return;
        _thread = new Thread(Run, StackSize) { IsBackground = true, Name = $"{Domain.Id}v{Id}" };
        _thread.Start();
    }

    /// <summary>Makes the vCPU look at its state anew: pause, death, pending events. From any thread.</summary>
    public void Interrupt()
    {
        if (IsCurrent)
            return;
        _parker.Set();
        Cpu.Kick();
    }

    /// <summary>Makes the alarm of the vCPU's timers, which gets it out of guest code and out of its sleep. On the vCPU's thread.</summary>
    public unsafe CpuAlarm CreateAlarm() => Cpu.CreateAlarm(_parker.Word);

    /// <summary>An event became pending on this vCPU: ends SCHEDOP_block and SCHEDOP_poll (vcpu_kick). From any thread.</summary>
    public void Wake()
    {
        _unblocked = true;
        Interrupt();
    }

    /// <summary>Has the vCPU give its translations' memory back when it is idle next. From any thread.</summary>
    public void Trim()
    {
        _trims = true;
        Interrupt();
    }

    /// <summary>From here on an event isn't missed by a <see cref="Block"/> that follows; the caller looks in between whether there is one already.</summary>
    public void PrepareToBlock()
    {
        _unblocked = false;
        Interlocked.MemoryBarrier();
    }

    /// <summary>Blocks until <see cref="Wake"/> or <paramref name="deadline"/> (system time). Takes effect before the next guest instruction.</summary>
    public void Block(ulong deadline)
    {
        _blockedUntil = deadline;
        _blocked = true;
    }

    private void Run()
    {
        _current = this;
        try
        {
            SetUpThread();
            Timers.Start();
            Runstate.Enter(Runstates.Running);
            Profile?.Start();
            while (WaitUntilRunnable())
            {
                PendingTraps.Deliver(this);
                // The guest may have crashed itself there.
                if (Domain.Gate.IsClosed)
                    continue;
                CpuExit exit = Cpu.Run();
                GuestExits.Handle(this, exit);
            }
        }
        catch (Exception fault) when (Domain.TryContain(this, fault))
        {
            // A defect of the hypervisor has ended this domain, and is in its log; other domains go on.
        }
        Profile?.Stop();
        Timers.Stop();
        _runDelay.Dispose();
        Domain.Gate.Leave();
    }

    private void SetUpThread()
    {
        HostThread.UsePreciseTimeouts();
        CpuShare share = Domain.Config.Share;
        if (share.Cpus.Count > 0)
            HostThread.Pin(share.Cpus);
        if (share.NiceOffset != 0 && !HostThread.TryChangeNice(share.NiceOffset))
            Domain.Host.Log($"{Domain.Id} vcpu{Id}: this host lets only the privileged raise a weight above {CpuShare.DefaultWeight}; {share.Weight} counts as that");
        Credit.Start(Domain.Host.Clock.Now);
    }

    /// <summary>False: the domain has shut down or is being destroyed.</summary>
    private bool WaitUntilRunnable()
    {
        if (_online && !_blocked && !Credit.IsSpent && !Domain.Gate.IsClosed)
            return true;
        return WaitLong();
    }

    private bool WaitLong()
    {
        Cpu.Activity = VcpuActivity.Wait;
        while (!Domain.Gate.IsDying)
        {
            if (Domain.Gate.IsClosed)
            {
                Runstate.Enter(Runstates.Runnable);
                Domain.Gate.Rest();
            }
            else if (!_online)
            {
                Runstate.Enter(Runstates.Offline);
                Park(VcpuTimers.Never);
            }
            else if (!_blocked && Credit.IsSpent)
            {
                Runstate.Enter(Runstates.Runnable);
                SleepUntil(Credit.ChargeAt, Domain.Host.Clock.Now);
                Timers.Expire();
            }
            else if (!_blocked)
            {
                Runstate.Enter(Runstates.Running);
                return true;
            }
            else if (_unblocked || Domain.Host.Clock.Now >= _blockedUntil)
            {
                _blocked = false;
                Domain.Events.Polls.End(this);
            }
            else
            {
                Runstate.Enter(Runstates.Blocked);
                TrimIfAsked();
                Park(_blockedUntil);
            }
        }
        return false;
    }

    private void TrimIfAsked()
    {
        if (!_trims)
            return;
        _trims = false;
        Cpu.GiveTranslationsBack();
    }

    /// <summary>Waits until interrupted, or until the next of the vCPU's own timers or <paramref name="deadline"/>, whose expiry is seen to.</summary>
    private void Park(ulong deadline)
    {
        ulong next = Math.Min(Timers.Next, deadline);
        ulong start = Domain.Host.Clock.Now;
        ulong now = LookOut(start, next);
        SleepUntil(next, now);
        _polling.Learn(Domain.Host.Clock.Now - start);
        Timers.Expire();
    }

    /// <summary>Looks out for work for as long as that pays.</summary>
    /// <returns>The time now.</returns>
    private ulong LookOut(ulong start, ulong next)
    {
        ulong end = Math.Min(start + _polling.Window(start), next);
        ulong now = start;
        while (now < end && !_parker.IsSet)
        {
            X86Base.Pause();
            now = Domain.Host.Clock.Now;
        }
        return now;
    }

    /// <summary>Sleeps until interrupted or until a system time. The alarm that the guest's timers have anyway ends it: a futex's own timeout would be a second timer.</summary>
    private void SleepUntil(ulong time, ulong now)
    {
        if (time <= now)
            return;
        Timers.RingAt(time, now);
        _parker.Wait();
    }
}
