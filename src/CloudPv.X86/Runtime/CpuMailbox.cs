namespace CloudPv.X86;

/// <summary>Bytes of a frame that were written.</summary>
internal readonly record struct CodeWrite(ulong Frame, int Offset, int Length);

/// <summary>
/// How other threads reach a CPU. A CPU that runs looks into its mailbox at its next check and before it enters guest code, so a request to one that doesn't run is
/// as good as done when it is posted; to one that runs, the sender can wait until it is.
/// </summary>
internal sealed unsafe class CpuMailbox(CpuContext* context)
{
    /// <summary>Why <see cref="CpuContext.Interrupt"/> isn't zero: there are requests; whoever runs the CPU wants it back.</summary>
    public const int Requested = 1;
    public const int Kicked = 2;

    /// <summary>Some 20 µs (<see cref="Thread.SpinWait"/> takes about 37 ns each): a CPU that has a processor answers within a few, and a sleep takes longer.</summary>
    private const int LooksBeforeSleep = 64, SpinsBetweenLooks = 8;

    private readonly object _gate = new();
    private int _running;
    private int _waiters;
    private long _posted;
    private long _taken;

    private bool _flushAll;
    private List<ulong> _flushPages = [];
    private List<ulong> _withdrawals = [];
    private List<CodeWrite> _codeWrites = [];
    private List<ulong> _takenPages = [];
    private List<ulong> _takenWithdrawals = [];
    private List<CodeWrite> _takenWrites = [];

    /// <summary>What a CPU has to do before it goes on. The lists are valid until the next <see cref="Take"/>.</summary>
    public readonly record struct Requests(bool FlushAll, List<ulong> FlushPages, List<ulong> Withdrawals, List<CodeWrite> CodeWrites);

    /// <summary>Declares the CPU running. The exchange is a full fence: who posts afterwards sees it run, who posted before is seen by the check that follows.</summary>
    public void BeginRunning() => Interlocked.Exchange(ref _running, 1);

    public void EndRunning()
    {
        Interlocked.Exchange(ref _running, 0);
        if (Volatile.Read(ref _waiters) == 0)
            return;
        lock (_gate)
            Monitor.PulseAll(_gate);
    }

    /// <summary>Makes the CPU look up soon.</summary>
    public void Signal() => Interlocked.Or(ref context->Interrupt, Requested);

    /// <summary>Makes the CPU leave guest code soon.</summary>
    public void Kick() => Interlocked.Or(ref context->Interrupt, Kicked);

    public long PostFlush()
    {
        lock (_gate)
        {
            _flushAll = true;
            return Posted();
        }
    }

    public long PostFlush(ulong address)
    {
        lock (_gate)
        {
            _flushPages.Add(address);
            return Posted();
        }
    }

    /// <summary>Asks for all write tags of a frame to be dropped.</summary>
    public long PostWithdrawal(ulong frame)
    {
        lock (_gate)
        {
            _withdrawals.Add(frame);
            return Posted();
        }
    }

    public long PostCodeWrite(CodeWrite write)
    {
        lock (_gate)
        {
            _codeWrites.Add(write);
            return Posted();
        }
    }

    /// <summary>
    /// Only on the CPU's own thread, between accesses to guest memory. The caller does what is asked before the next access, so those who wait need not wait for that: they
    /// wait for the CPU to have stopped doing what it did before they asked.
    /// </summary>
    public Requests Take()
    {
        lock (_gate)
        {
            var requests = new Requests(_flushAll, _flushPages, _withdrawals, _codeWrites);
            _flushAll = false;
            (_flushPages, _takenPages) = (_takenPages, _flushPages);
            (_withdrawals, _takenWithdrawals) = (_takenWithdrawals, _withdrawals);
            (_codeWrites, _takenWrites) = (_takenWrites, _codeWrites);
            _flushPages.Clear();
            _withdrawals.Clear();
            _codeWrites.Clear();
            Volatile.Write(ref _taken, _posted);
            if (_waiters > 0)
                Monitor.PulseAll(_gate);
            return requests;
        }
    }

    /// <summary>Waits until the CPU has taken a request or isn't running, so that it accesses nothing before it has done what is asked. The caller must not be running itself.</summary>
    public void Wait(long ticket)
    {
        for (var look = 0; look < LooksBeforeSleep; look++)
        {
            if (IsSettled(ticket))
                return;
            Thread.SpinWait(SpinsBetweenLooks);
        }

        lock (_gate)
        {
            Interlocked.Increment(ref _waiters);
            while (!IsSettled(ticket))
                Monitor.Wait(_gate);
            _waiters--;
        }
    }

    /// <summary>Waits until the CPU isn't running.</summary>
    public void WaitUntilStopped() => Wait(long.MaxValue);

    private bool IsSettled(long ticket) => Volatile.Read(ref _running) == 0 || Volatile.Read(ref _taken) >= ticket;

    private long Posted()
    {
        Signal();
        return ++_posted;
    }
}
