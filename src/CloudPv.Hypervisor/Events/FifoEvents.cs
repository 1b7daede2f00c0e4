using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The FIFO ABI: an event word per port in pages that the guest gives, linked into a queue per vCPU and priority whose heads stand in the vCPU's control block.</summary>
internal sealed unsafe class FifoEvents(Domain domain) : EventAbi
{
    private const int WordsPerPage = MachineMemory.FrameSize / sizeof(uint);
    private const int MaxPages = EvtchnFifo.MaxPorts / WordsPerPage;

    /// <summary>Tries to change a word that the guest keeps changing, before the link is given up.</summary>
    private const int LinkAttempts = 4;

    // SAFETY: each pointer is to a frame of the guest with a writable reference taken in AddPage, kept until the domain's memory goes. Words are changed atomically only;
    // links that a guest writes into them are never followed here.
    private readonly uint*[] _pages = new uint*[MaxPages];
    private readonly FifoQueue[][] _queues = [.. domain.Vcpus.Select(vcpu => FifoQueue.CreateAll(vcpu))];
    private int _pageCount;

    public override uint PortLimit => (uint)Volatile.Read(ref _pageCount) * WordsPerPage;

    /// <summary>EVTCHNOP_init_control: the page and offset of a vCPU's control block.</summary>
    public long MapControlBlock(Vcpu vcpu, Mfn frame, uint offset)
    {
        FifoQueue[] queues = _queues[vcpu.Id];
        if (queues[0].ControlBlock != null)
            return XenErrno.EINVAL;
        if (!domain.Memory.TryGetPage(frame, writable: true))
            return XenErrno.EINVAL;
        var block = (EvtchnFifoControlBlock*)(domain.Memory.Pointer(frame) + offset);
        foreach (FifoQueue queue in queues)
            queue.ControlBlock = block;
        return 0;
    }

    /// <summary>EVTCHNOP_expand_array: the next page of event words. Ports that were raised before their words stood there are told now.</summary>
    public long AddPage(Mfn frame, EventChannels channels)
    {
        if (_pageCount == MaxPages)
            return XenErrno.ENOSPC;
        if (!domain.Memory.TryGetPage(frame, writable: true))
            return XenErrno.EINVAL;
        uint first = PortLimit;
        _pages[_pageCount] = (uint*)domain.Memory.Pointer(frame);
        Volatile.Write(ref _pageCount, _pageCount + 1);

        foreach (EventChannel channel in channels.Range(first, WordsPerPage))
        {
            bool raised;
            lock (channel.FifoLock)
                raised = channel.RaisedEarly;
            if (raised)
                SetPending(channel);
        }
        return 0;
    }

    public override bool SetPending(EventChannel channel)
    {
        uint* word = Word(channel.Port);
        if (word == null && TryRaiseEarly(channel, out bool wasRaised))
            return !wasRaised;
        word = Word(channel.Port);
        uint old = Interlocked.Or(ref *word, EvtchnFifo.Pending);
        if ((old & (EvtchnFifo.Masked | EvtchnFifo.Linked)) == 0)
            Link(channel, word);
        return (old & EvtchnFifo.Pending) == 0;
    }

    public override void ClearPending(EventChannel channel)
    {
        channel.RaisedEarly = false;
        uint* word = Word(channel.Port);
        if (word != null)
            Interlocked.And(ref *word, ~EvtchnFifo.Pending);
    }

    public override void Unmask(EventChannel channel)
    {
        uint* word = Word(channel.Port);
        if (word == null)
            return;
        if ((Interlocked.And(ref *word, ~EvtchnFifo.Masked) & EvtchnFifo.Pending) != 0)
            SetPending(channel);
    }

    public override bool IsPending(EventChannel channel)
    {
        uint* word = Word(channel.Port);
        return word == null ? channel.RaisedEarly : (Volatile.Read(ref *word) & EvtchnFifo.Pending) != 0;
    }

    /// <summary>Remembers a port that has no event word yet. False: it has got one meanwhile.</summary>
    private bool TryRaiseEarly(EventChannel channel, out bool wasRaised)
    {
        lock (channel.FifoLock)
        {
            wasRaised = channel.RaisedEarly;
            if (Word(channel.Port) != null)
                return false;
            channel.RaisedEarly = true;
            return true;
        }
    }

    private uint* Word(uint port) => port < PortLimit ? _pages[port / WordsPerPage] + port % WordsPerPage : null;

    /// <summary>Appends a port to the queue of its vCPU and priority, and tells the vCPU where the queue was empty.</summary>
    private void Link(EventChannel channel, uint* word)
    {
        Vcpu vcpu = domain.Vcpus[channel.NotifyVcpu];
        lock (channel.FifoLock)
        {
            FifoQueue queue = _queues[vcpu.Id][channel.Priority];
            // The guest must not unmask before it has given the control block; such an event is dropped.
            if (queue.ControlBlock == null)
                return;

            FifoQueue last = channel.LastQueue ?? queue;
            lock (last.Lock)
            {
                if ((Interlocked.Or(ref *word, EvtchnFifo.Linked) & EvtchnFifo.Linked) != 0)
                    return;
                // A port that was the tail of its old queue has left it empty: nothing may be linked behind it there.
                if (last.Tail == channel.Port)
                    last.Tail = 0;
                if (last == queue)
                    Append(queue, channel.Port);
            }
            if (last != queue)
            {
                lock (queue.Lock)
                    Append(queue, channel.Port);
            }
            channel.LastQueue = queue;
        }
    }

    private void Append(FifoQueue queue, uint port)
    {
        uint* tail = queue.Tail == 0 ? null : Word(queue.Tail);
        bool linked = tail != null && TrySetLink(tail, port);
        if (!linked)
            Volatile.Write(ref queue.ControlBlock->Head[queue.Priority], port);
        queue.Tail = port;
        if (linked)
            return;
        uint ready = 1u << queue.Priority;
        if ((Interlocked.Or(ref queue.ControlBlock->Ready, ready) & ready) == 0)
            MarkEventsPending(queue.Vcpu);
    }

    /// <summary>Points the tail at the new port, unless the guest has taken the tail off the queue meanwhile (LINKED clear): the queue is empty then. False: it has.</summary>
    private static bool TrySetLink(uint* tail, uint port)
    {
        uint word = Volatile.Read(ref *tail);
        if ((word & EvtchnFifo.Linked) == 0)
            return false;
        if (TryReplaceLink(tail, word, port))
            return true;

        // The guest is at this very word. BUSY asks it to wait while the link is written.
        word = Interlocked.Or(ref *tail, EvtchnFifo.Busy) | EvtchnFifo.Busy;
        for (int attempt = 0; attempt < LinkAttempts; attempt++)
        {
            if ((word & EvtchnFifo.Linked) == 0)
                break;
            if (TryReplaceLink(tail, word, port))
                return true;
            word = Volatile.Read(ref *tail);
        }
        // Either unlinked, or the guest breaks the rule; in both cases the queue is started anew.
        Interlocked.And(ref *tail, ~EvtchnFifo.Busy);
        return false;
    }

    private static bool TryReplaceLink(uint* tail, uint word, uint port)
    {
        uint replacement = (word & ~(EvtchnFifo.Busy | EvtchnFifo.LinkMask)) | port;
        return Interlocked.CompareExchange(ref *tail, replacement, word) == word;
    }
}

/// <summary>One vCPU's queue of one priority.</summary>
internal sealed unsafe class FifoQueue(Vcpu vcpu, int priority)
{
    public Vcpu Vcpu { get; } = vcpu;
    public int Priority { get; } = priority;
    public Lock Lock { get; } = new();

    /// <summary>The port appended last; 0: none.</summary>
    public uint Tail { get; set; }

    // SAFETY: set once by FifoEvents.MapControlBlock, to a frame that stays referenced.
    public EvtchnFifoControlBlock* ControlBlock { get; set; }

    public static FifoQueue[] CreateAll(Vcpu vcpu) => [.. Enumerable.Range(0, EvtchnFifo.MaxQueues).Select(priority => new FifoQueue(vcpu, priority))];
}
