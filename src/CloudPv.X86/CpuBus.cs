namespace CloudPv.X86;

/// <summary>What the CPUs of one guest share: machine memory, the guest's rights in it, and the means to reach each other.</summary>
public sealed class CpuBus : IDisposable
{
    private readonly Lock _exclusive = new();
    private Cpu[] _cpus = [];
    private int _stopping;
    private ulong _mappingVersion = Unwatched;
    private ulong _codeMappingVersion = Unwatched;
    private ulong _tableMappingVersion = Unwatched;

    /// <summary>The <see cref="MappingVersion"/> of a guest whose page tables nobody watches.</summary>
    internal const ulong Unwatched = 0;

    public CpuBus(MachineMemory memory, TranslatorOptions options)
    {
        Memory = memory;
        Options = options;
        Translations = options.TranslationReuse ? new TranslationCache() : null;
        Frames = new FrameTable(memory.FrameCount);
        Code = new CodeFrames(Frames);
        Walker = new PageWalker(memory, Frames);
    }

    public MachineMemory Memory { get; }

    public TranslatorOptions Options { get; }

    /// <summary>Null if <see cref="TranslatorOptions.TranslationReuse"/> is off.</summary>
    public TranslationCache? Translations { get; }

    internal FrameTable Frames { get; }

    internal CodeFrames Code { get; }

    internal PageWalker Walker { get; }

    /// <summary>
    /// Counts the changes of page tables and rights that can have taken something away from where it was, or only those that can have so taken code. As long as the count
    /// stays, and unless it is <see cref="Unwatched"/>, what was found stays where it was found.
    /// </summary>
    internal ulong MappingVersion(bool ofCode) => Volatile.Read(ref ofCode ? ref _codeMappingVersion : ref _mappingVersion);

    /// <summary>Counts the changes of entries that led to page tables.</summary>
    internal ulong TableMappingVersion => Volatile.Read(ref _tableMappingVersion);

    /// <summary>
    /// Says that an entry was changed that was present in a page table to which some CPU's root may lead. Who calls this once has to call it after each such change, before
    /// the flush that makes the change count.
    /// </summary>
    /// <param name="ofCode">Whether the entry led to pages that may be executed.</param>
    /// <param name="ofTable">Whether it led to them through another page table.</param>
    public void MappingsChanged(bool ofCode, bool ofTable)
    {
        if (ofTable)
            Interlocked.Increment(ref _tableMappingVersion);
        Interlocked.Increment(ref _mappingVersion);
        if (ofCode)
            Interlocked.Increment(ref _codeMappingVersion);
    }

    /// <summary>The guest's rights in a frame. A lowered right counts from the next <see cref="FlushTlb(ReadOnlySpan{ulong})"/> on.</summary>
    public FrameAccess GetAccess(ulong frame) => Frames.Access(frame);

    public void SetAccess(ulong frame, ulong count, FrameAccess access)
    {
        Frames.SetAccess(frame, count, access);
        if (MappingVersion(ofCode: false) != Unwatched)
            MappingsChanged(ofCode: true, ofTable: false);
    }

    /// <summary>Flushes the whole TLB of every CPU whose bit is set in <paramref name="cpus"/> (by <see cref="Cpu.Index"/>; other CPUs may run).
    /// When it returns, none of them will use an older translation. Must not be called with a lock held that a CPU takes while it runs.</summary>
    public void FlushTlb(ReadOnlySpan<ulong> cpus) => RequestAndWait(cpus, static (mailbox, _) => mailbox.PostFlush(), 0);

    /// <summary>The same for the page of one linear address.</summary>
    public void FlushTlb(ReadOnlySpan<ulong> cpus, ulong address) => RequestAndWait(cpus, static (mailbox, page) => mailbox.PostFlush(page), address);

    /// <summary>Tells the CPUs that the hypervisor or a backend wrote guest memory that may hold translated code.</summary>
    public void CodeWritten(ulong frame)
    {
        if (frame < Frames.Count)
            CodeWritten(new CodeWrite(frame, 0, MachineMemory.FrameSize));
    }

    public void Dispose()
    {
        Translations?.Dispose();
        Frames.Dispose();
    }

    /// <summary>Every CPU will drop what it made of these bytes before it next enters guest code or at its next check. The write has happened.</summary>
    internal void CodeWritten(CodeWrite write)
    {
        Interlocked.MemoryBarrier();
        if (!Frames.HasCode(write.Frame))
            return;
        Code.Unmark(write.Frame, write.Offset, write.Length);
        foreach (var cpu in Volatile.Read(ref _cpus))
            cpu.Mailbox.PostCodeWrite(write);
    }

    /// <summary>Takes the right to write a frame from all CPUs but <paramref name="self"/>, which must not be running, and waits until they have lost it.</summary>
    internal void WithdrawWriteTags(ulong frame, Cpu self)
    {
        var cpus = Volatile.Read(ref _cpus);
        Span<long> tickets = stackalloc long[cpus.Length];
        for (var index = 0; index < cpus.Length; index++)
            tickets[index] = cpus[index] == self ? 0 : cpus[index].Mailbox.PostWithdrawal(frame);
        for (var index = 0; index < cpus.Length; index++)
        {
            if (cpus[index] != self)
                cpus[index].Mailbox.Wait(tickets[index]);
        }
    }

    /// <summary>Runs <paramref name="action"/> while no CPU executes guest code. The caller must not be running.</summary>
    internal void RunAlone(Cpu self, Action action)
    {
        lock (_exclusive)
        {
            Volatile.Write(ref _stopping, 1);
            foreach (var cpu in Volatile.Read(ref _cpus))
            {
                if (cpu == self)
                    continue;
                cpu.Mailbox.Signal();
                cpu.Mailbox.WaitUntilStopped();
            }

            try
            {
                action();
            }
            finally
            {
                Volatile.Write(ref _stopping, 0);
            }
        }
    }

    /// <summary>Whether a CPU that runs has to stop for a while: by <see cref="CpuMailbox.EndRunning"/>, <see cref="AwaitOther"/> and a fresh start.</summary>
    internal bool IsStopping => Volatile.Read(ref _stopping) != 0;

    internal void AwaitOther()
    {
        lock (_exclusive)
        {
            // The lock is the wait.
        }
    }

    internal void Add(Cpu cpu)
    {
        lock (_exclusive)
            Volatile.Write(ref _cpus, [.. _cpus, cpu]);
    }

    internal void Remove(Cpu cpu)
    {
        lock (_exclusive)
            Volatile.Write(ref _cpus, [.. _cpus.Where(other => other != cpu)]);
    }

    private void RequestAndWait(ReadOnlySpan<ulong> selected, Func<CpuMailbox, ulong, long> post, ulong address)
    {
        var cpus = Volatile.Read(ref _cpus);
        Span<long> tickets = stackalloc long[cpus.Length];
        for (var index = 0; index < cpus.Length; index++)
        {
            var number = cpus[index].Index;
            if (number / 64 < selected.Length && (selected[number / 64] >> (number % 64) & 1) != 0)
                tickets[index] = post(cpus[index].Mailbox, address);
        }

        for (var index = 0; index < cpus.Length; index++)
        {
            if (tickets[index] != 0)
                cpus[index].Mailbox.Wait(tickets[index]);
        }
    }
}
