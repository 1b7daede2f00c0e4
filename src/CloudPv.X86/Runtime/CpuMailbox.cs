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

    private readonly object _gate = new();
    private int _running;
    private int _waiters;
    private long _posted;
    private long _done;

    private bool _flushAll;
    private List<ulong> _flushPages = [];
    private List<ulong> _withdrawals = [];
    private List<CodeWrite> _codeWrites = [];
    private List<ulong> _takenPages = [];
    private List<ulong> _takenWithdrawals = [];
    private List<CodeWrite> _takenWrites = [];

    /// <summary>What a CPU has to do before it goes on. The lists are valid until the next <see cref="Take"/>.</summary>
    public readonly record struct Requests(bool FlushAll, List<ulong> FlushPages, List<ulong> Withdrawals, List<CodeWrite> CodeWrites, long Ticket);

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

    /// <summary>Only on the CPU's own thread.</summary>
    public Requests Take()
    {
        lock (_gate)
        {
            var requests = new Requests(_flushAll, _flushPages, _withdrawals, _codeWrites, _posted);
            _flushAll = false;
            (_flushPages, _takenPages) = (_takenPages, _flushPages);
            (_withdrawals, _takenWithdrawals) = (_takenWithdrawals, _withdrawals);
            (_codeWrites, _takenWrites) = (_takenWrites, _codeWrites);
            _flushPages.Clear();
            _withdrawals.Clear();
            _codeWrites.Clear();
            return requests;
        }
    }

    /// <summary>What was taken is done.</summary>
    public void Complete(in Requests requests)
    {
        lock (_gate)
        {
            _done = requests.Ticket;
            if (_waiters > 0)
                Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until a request is done or can do no more harm because the CPU isn't running. The caller must not be running itself.</summary>
    public void Wait(long ticket)
    {
        var spinner = default(SpinWait);
        while (!spinner.NextSpinWillYield)
        {
            if (IsSettled(ticket))
                return;
            spinner.SpinOnce();
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

    private bool IsSettled(long ticket) => Volatile.Read(ref _running) == 0 || Volatile.Read(ref _done) >= ticket;

    private long Posted()
    {
        Signal();
        return ++_posted;
    }
}
