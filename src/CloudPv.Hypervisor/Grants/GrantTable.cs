using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>A domain's grant table: the entries that the guest writes in shared frames, and what others hold of them at the moment.</summary>
internal sealed unsafe class GrantTable
{
    /// <summary>GNTTAB_RESERVED_CONSOLE and GNTTAB_RESERVED_XENSTORE: entries that the toolstack fills before the guest runs.</summary>
    public static readonly GrantRef ConsoleReference = new(0);
    public static readonly GrantRef XenstoreReference = new(1);

    /// <summary>Frames that the table may grow to: Xen's default.</summary>
    public const int MaxFrames = 64;

    private const int EntriesPerFrameV1 = MachineMemory.FrameSize / 8;
    private const int EntriesPerFrameV2 = MachineMemory.FrameSize / 16;
    private const int StatusesPerFrame = MachineMemory.FrameSize / sizeof(ushort);

    private readonly Domain _domain;
    private readonly Lock _lock = new();
    private readonly List<Mfn> _frames = [];
    private readonly List<Mfn> _statusFrames = [];

    // SAFETY: each pointer is to a frame of Xen's own that this domain shares until its memory goes. The guest may write it at any time: words are read once and
    // changed by compare-exchange.
    private readonly byte*[] _entries = new byte*[MaxFrames];
    private readonly ushort*[] _statuses = new ushort*[MaxFrames];
    private ActiveGrant[] _active = [];
    private int _version = 1;

    public GrantTable(Domain domain)
    {
        _domain = domain;
        GrowTo(1);
    }

    public Domain Domain => _domain;

    /// <summary>1 or 2 (GNTTABOP_set_version).</summary>
    public int Version => Volatile.Read(ref _version);

    public int FrameCount => _frames.Count;

    /// <summary>References that the table has room for now.</summary>
    public uint Size => (uint)_active.Length;

    /// <summary>Fills an entry for dom0 before the guest runs.</summary>
    public void GrantToDom0(GrantRef reference, Mfn frame)
    {
        ref GrantEntryV1 entry = ref EntryV1(reference);
        entry.Domid = DomainId.Zero.Value;
        entry.Frame = (uint)frame.Value;
        entry.Flags = GrantFlags.PermitAccess;
    }

    /// <summary>GNTTABOP_setup_table: the frames of the table, which grows to at least so many. False: more than it may have.</summary>
    public bool TrySetup(uint frames, out ReadOnlySpan<Mfn> list)
    {
        list = [];
        if (frames > MaxFrames)
            return false;
        lock (_lock)
        {
            GrowTo((int)frames);
            list = _frames.ToArray().AsSpan(0, (int)frames);
            return true;
        }
    }

    /// <summary>GNTTABOP_get_status_frames.</summary>
    public bool TryGetStatusFrames(uint frames, out ReadOnlySpan<Mfn> list)
    {
        lock (_lock)
        {
            bool enough = frames <= _statusFrames.Count;
            list = enough ? _statusFrames.ToArray().AsSpan(0, (int)frames) : [];
            return enough;
        }
    }

    /// <summary>GNTTABOP_set_version. Refused while anything is mapped. Entries are cleared but for the toolstack's.</summary>
    public long SetVersion(int version)
    {
        lock (_lock)
        {
            if (version == _version)
                return 0;
            foreach (ActiveGrant active in _active)
            {
                if (active.IsInUse)
                    return XenErrno.EBUSY;
            }
            Convert(version);
            return 0;
        }
    }

    /// <summary>Gives another domain (dom0 too) access to a granted frame. It counts until <see cref="Unmap"/>.</summary>
    public GrantStatus TryMap(DomainId grantee, GrantRef reference, bool readOnly, out GrantMapping mapping) =>
        TryAcquire(grantee, reference, readOnly, wholePage: true, out mapping);

    /// <summary>The same for GNTTABOP_copy, to which a part of a page may be granted too (GTF_sub_page).</summary>
    public GrantStatus TryAcquireForCopy(DomainId grantee, GrantRef reference, bool readOnly, out GrantMapping mapping) =>
        TryAcquire(grantee, reference, readOnly, wholePage: false, out mapping);

    /// <summary>GNTTABOP_swap_grant_ref: exchanges two entries that nobody uses.</summary>
    public GrantStatus Swap(GrantRef first, GrantRef second)
    {
        ActiveGrant[] table = Volatile.Read(ref _active);
        if (first.Value >= (uint)table.Length || second.Value >= (uint)table.Length)
            return GrantStatus.BadGrantReference;
        if (first == second)
            return GrantStatus.Okay;
        (ActiveGrant low, ActiveGrant high) = first.Value < second.Value
            ? (table[first.Value], table[second.Value])
            : (table[second.Value], table[first.Value]);
        lock (low.Lock)
        {
            lock (high.Lock)
            {
                if (low.IsInUse || high.IsInUse)
                    return GrantStatus.Again;
                if (_version == 2)
                    (EntryV2(first), EntryV2(second)) = (EntryV2(second), EntryV2(first));
                else
                    (EntryV1(first), EntryV1(second)) = (EntryV1(second), EntryV1(first));
                return GrantStatus.Okay;
            }
        }
    }

    /// <summary>GNTTABOP_transfer: marks an entry that accepts a page of <paramref name="giver"/> as taken. False: it accepts none.</summary>
    public bool TryBeginTransfer(DomainId giver, GrantRef reference)
    {
        if (reference.Value >= Size)
            return false;
        uint wanted = GrantFlags.AcceptTransfer | (uint)giver.Value << 16;
        return Interlocked.CompareExchange(ref Header(reference), wanted | GrantFlags.TransferCommitted, wanted) == wanted;
    }

    /// <summary>Tells the receiver of a transfer which frame it got.</summary>
    public void CompleteTransfer(GrantRef reference, Mfn frame)
    {
        if (_version == 2)
            EntryV2(reference).Frame = frame.Value;
        else
            EntryV1(reference).Frame = (uint)frame.Value;
        Interlocked.Or(ref Header(reference), GrantFlags.TransferCompleted);
    }

    private GrantStatus TryAcquire(DomainId grantee, GrantRef reference, bool readOnly, bool wholePage, out GrantMapping mapping)
    {
        mapping = default;
        if (!_domain.Memory.TryHold())
            return GrantStatus.BadDomain;
        GrantStatus status = TryAcquireHeld(grantee, reference, readOnly, wholePage, out mapping);
        if (status != GrantStatus.Okay)
            _domain.Memory.LetGo();
        return status;
    }

    private GrantStatus TryAcquireHeld(DomainId grantee, GrantRef reference, bool readOnly, bool wholePage, out GrantMapping mapping)
    {
        mapping = default;
        ActiveGrant[] table = Volatile.Read(ref _active);
        if (reference.Value >= (uint)table.Length)
            return GrantStatus.BadGrantReference;
        ActiveGrant active = table[reference.Value];
        lock (active.Lock)
        {
            bool isFirst = !active.IsInUse;
            if (!isFirst && (active.Grantee != grantee || (wholePage && active.Part != GrantedPart.WholePage)))
                return GrantStatus.GeneralError;
            if (isFirst || (!readOnly && active.Writers == 0))
            {
                if (!TrySetStatus(reference, grantee, readOnly, wholePage))
                    return GrantStatus.GeneralError;
            }
            if (isFirst)
                (active.Frame, active.Part) = Target(reference);
            Mfn frame = active.Frame;
            if (!_domain.Memory.TryGetPage(frame, writable: !readOnly))
            {
                ClearStatus(reference, active);
                return GrantStatus.BadPage;
            }
            active.Grantee = grantee;
            if (readOnly)
                active.Readers++;
            else
                active.Writers++;
            mapping = new GrantMapping(reference, frame, active.Part, readOnly);
            return GrantStatus.Okay;
        }
    }

    public void Unmap(in GrantMapping mapping)
    {
        ActiveGrant active = Volatile.Read(ref _active)[mapping.Reference.Value];
        lock (active.Lock)
        {
            if (mapping.ReadOnly)
                active.Readers--;
            else
                active.Writers--;
            ClearStatus(mapping.Reference, active);
        }
        if (!mapping.ReadOnly)
            _domain.Bus.CodeWritten(mapping.Frame.Value);
        _domain.Memory.PutPage(mapping.Frame, writable: !mapping.ReadOnly);
        _domain.Memory.LetGo();
    }

    /// <summary>Marks an entry as read (and written) by its grantee, where it grants that. The guest may change it at the same time.</summary>
    private bool TrySetStatus(GrantRef reference, DomainId grantee, bool readOnly, bool wholePage)
    {
        ushort wanted = readOnly ? GrantFlags.Reading : (ushort)(GrantFlags.Reading | GrantFlags.Writing);
        ref uint header = ref Header(reference);
        // A guest that keeps changing its entry harms itself only.
        for (int attempt = 0; attempt < 5; attempt++)
        {
            uint seen = Volatile.Read(ref header);
            ushort flags = (ushort)seen;
            if ((flags & GrantFlags.TypeMask) != GrantFlags.PermitAccess || seen >> 16 != grantee.Value)
                return false;
            if (!readOnly && (flags & GrantFlags.ReadOnly) != 0)
                return false;
            if (wholePage && _version == 2 && (flags & GrantFlags.SubPage) != 0)
                return false;
            if (_version == 2)
            {
                Status(reference) |= wanted;
                Interlocked.MemoryBarrier();
                if (Volatile.Read(ref header) == seen)
                    return true;
                Status(reference) = 0;
                continue;
            }
            if (Interlocked.CompareExchange(ref header, seen | wanted, seen) == seen)
                return true;
        }
        return false;
    }

    /// <summary>Takes back the marks that nothing stands for any more.</summary>
    private void ClearStatus(GrantRef reference, ActiveGrant active)
    {
        ushort gone = 0;
        if (active.Writers == 0)
            gone |= GrantFlags.Writing;
        if (!active.IsInUse)
            gone |= GrantFlags.Reading;
        if (gone == 0)
            return;
        if (_version == 2)
            Status(reference) &= (ushort)~gone;
        else
            Interlocked.And(ref Header(reference), ~(uint)gone);
    }

    private Mfn Frame(GrantRef reference) =>
        new(_version == 2 ? Volatile.Read(ref EntryV2(reference).Frame) : Volatile.Read(ref EntryV1(reference).Frame));

    /// <summary>What an entry grants, read once.</summary>
    private (Mfn Frame, GrantedPart Part) Target(GrantRef reference)
    {
        if (_version != 2)
            return (Frame(reference), GrantedPart.WholePage);
        GrantEntryV2 entry = EntryV2(reference);
        return (new Mfn(entry.Frame), (entry.Flags & GrantFlags.SubPage) == 0 ? GrantedPart.WholePage : new GrantedPart(entry.PageOff, entry.Length));
    }

    private ref uint Header(GrantRef reference)
    {
        if (_version == 2)
            return ref EntryV2(reference).Header;
        return ref EntryV1(reference).Header;
    }

    private ref GrantEntryV1 EntryV1(GrantRef reference) =>
        ref ((GrantEntryV1*)_entries[reference.Value / EntriesPerFrameV1])[reference.Value % EntriesPerFrameV1];

    private ref GrantEntryV2 EntryV2(GrantRef reference) =>
        ref ((GrantEntryV2*)_entries[reference.Value / EntriesPerFrameV2])[reference.Value % EntriesPerFrameV2];

    private ref ushort Status(GrantRef reference) => ref _statuses[reference.Value / StatusesPerFrame][reference.Value % StatusesPerFrame];

    private void GrowTo(int frames)
    {
        for (int index = _frames.Count; index < frames; index++)
        {
            Mfn frame = _domain.Memory.AllocateXenFrame(writable: true);
            _entries[index] = _domain.Memory.Pointer(frame);
            _frames.Add(frame);
        }
        ResizeActive();
    }

    private void ResizeActive()
    {
        int size = _frames.Count * (_version == 2 ? EntriesPerFrameV2 : EntriesPerFrameV1);
        while (_version == 2 && _statusFrames.Count * StatusesPerFrame < size)
        {
            Mfn frame = _domain.Memory.AllocateXenFrame(writable: false);
            _statuses[_statusFrames.Count] = (ushort*)_domain.Memory.Pointer(frame);
            _statusFrames.Add(frame);
        }
        if (size <= _active.Length && _version == 1)
            return;
        var grown = new ActiveGrant[size];
        int kept = Math.Min(size, _active.Length);
        Array.Copy(_active, grown, kept);
        for (int index = kept; index < size; index++)
            grown[index] = new ActiveGrant();
        Volatile.Write(ref _active, grown);
    }

    /// <summary>Rewrites the table in the other version's form: the toolstack's entries are kept, the rest is empty.</summary>
    private void Convert(int version)
    {
        const int Reserved = 8;
        Span<GrantEntryV2> kept = stackalloc GrantEntryV2[Reserved];
        for (uint index = 0; index < Reserved; index++)
        {
            var reference = new GrantRef(index);
            kept[(int)index] = new GrantEntryV2 { Header = Header(reference), Frame = Frame(reference).Value };
        }
        foreach (Mfn frame in _frames)
            new Span<byte>(_domain.Memory.Pointer(frame), MachineMemory.FrameSize).Clear();

        Volatile.Write(ref _version, version);
        ResizeActive();
        for (uint index = 0; index < Reserved; index++)
        {
            var reference = new GrantRef(index);
            if (version == 2)
                EntryV2(reference) = kept[(int)index];
            else
                EntryV1(reference) = new GrantEntryV1 { Header = kept[(int)index].Header, Frame = (uint)kept[(int)index].Frame };
        }
    }
}
