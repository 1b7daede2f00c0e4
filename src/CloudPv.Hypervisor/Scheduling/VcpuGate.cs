namespace CloudPv.Hypervisor;

/// <summary>Where a domain's vCPU threads rest while the domain is paused or has shut down; whoever pauses it waits here until they all do.</summary>
internal sealed class VcpuGate
{
    private readonly object _lock = new();
    private int _threads;
    private int _resting;
    private bool _closed;
    private bool _dying;

    /// <summary>True: a vCPU must not run guest code but <see cref="Rest"/>.</summary>
    public bool IsClosed => Volatile.Read(ref _closed);

    /// <summary>True: a vCPU's thread must end.</summary>
    public bool IsDying => Volatile.Read(ref _dying);

    /// <summary>Counts a vCPU thread that is about to start. False: too late.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_dying)
                return false;
            _threads++;
            return true;
        }
    }

    /// <summary>Counts off a vCPU thread that ends.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            _threads--;
            Monitor.PulseAll(_lock);
        }
    }

    public void Close() => Set(ref _closed, true);

    public void Open() => Set(ref _closed, false);

    /// <summary>Sends every vCPU thread to its end; for good.</summary>
    public void Die()
    {
        Set(ref _dying, true);
        Close();
    }

    /// <summary>Waits, on a vCPU's thread, while the gate is closed.</summary>
    public void Rest()
    {
        lock (_lock)
        {
            _resting++;
            Monitor.PulseAll(_lock);
            while (_closed && !_dying)
                Monitor.Wait(_lock);
            _resting--;
        }
    }

    /// <summary>Waits, on any other thread, until no vCPU runs guest code.</summary>
    public void WaitUntilAllRest()
    {
        lock (_lock)
        {
            while (_resting < _threads && _closed && !_dying)
                Monitor.Wait(_lock);
        }
    }

    /// <summary>Waits, after <see cref="Die"/>, until every vCPU thread has ended.</summary>
    public void WaitUntilEmpty()
    {
        lock (_lock)
        {
            while (_threads > 0)
                Monitor.Wait(_lock);
        }
    }

    private void Set(ref bool flag, bool value)
    {
        lock (_lock)
        {
            flag = value;
            Monitor.PulseAll(_lock);
        }
    }
}
