namespace CloudPv.Dom0;

/// <summary>Runs one piece of work on the thread pool, never twice at once: what is asked for while it runs makes it run once more.
/// The way from an event channel's callback, which must not block, to the code that serves the ring.</summary>
public sealed class DeferredWork(Action work) : IThreadPoolWorkItem
{
    private const int Idle = 0, Queued = 1, Running = 2, RunningAndQueued = 3;

    private int _state;

    /// <summary>Asks for a run that begins after this call. From any thread.</summary>
    public void Schedule()
    {
        // What the caller wrote before must be visible to a run that its look at the state relies on.
        Interlocked.MemoryBarrier();
        while (true)
        {
            int state = Volatile.Read(ref _state);
            if (state is Queued or RunningAndQueued)
                return;
            int next = state == Idle ? Queued : RunningAndQueued;
            if (Interlocked.CompareExchange(ref _state, next, state) != state)
                continue;
            if (next == Queued)
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return;
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        do
        {
            Interlocked.Exchange(ref _state, Running);
            work();
        }
        while (Interlocked.CompareExchange(ref _state, Idle, Running) != Running);
    }
}
