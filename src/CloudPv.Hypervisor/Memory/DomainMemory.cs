using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>A domain's frames: ownership, page types and reference counts, its page tables and grant mappings.</summary>
/// <remarks>
/// Its frames are one range of machine memory: what the domain starts with, then room to grow (<see cref="SlackPages"/>), then Xen's own pages that it shares
/// with the domain. Nothing in it is touched before the guest does.
/// </remarks>
internal sealed unsafe class DomainMemory : IDisposable
{
    /// <summary>LIBXL_MAXMEM_CONSTANT: xl lets a guest have 1 MiB more than it asked for.</summary>
    private const ulong SlackPages = 256;

    /// <summary>Frames beyond what the domain may have at once, so that adjoining ones can be found for it.</summary>
    private const ulong SparePages = 1024;

    /// <summary>Room for shared_info and for the largest grant table with its status frames.</summary>
    private const ulong XenPages = 256;

    private readonly Domain _domain;
    private readonly MachineMemory _machine;
    private readonly FrameTable _frames;
    private readonly ulong _rangeCount;
    private readonly Stack<Mfn> _freeXen = new();
    private readonly WritablePageTables _writableTables;
    private readonly GrantMappings _grantMappings;

    /// <summary>The domain itself, each grant of its pages in use, and each page of its range that was transferred: while there is one, the range stays.</summary>
    private int _holders = 1;
    private bool _hasEnded;

    /// <summary>Throws <see cref="DomainBuildException"/> where the host can't give so much.</summary>
    public DomainMemory(Domain domain)
    {
        _domain = domain;
        _machine = domain.Host.Machine;
        _frames = domain.Host.Frames;
        InitialPages = (ulong)domain.Config.MemoryMiB << 8;
        CheckHostMemory(domain.Config.MemoryMiB);
        ulong maximum = InitialPages + SlackPages;
        ulong own = maximum + SparePages;
        _rangeCount = (own + XenPages + 511) & ~511UL;
        First = _frames.Allocate(_rangeCount);
        _machine.Back(First.Value, _rangeCount, domain.Config.Name);
        domain.Host.MachineToPhys.Extend(First, _rangeCount);
        MemoryMap = MemoryMapOp.Initial(InitialPages);
        Foreign = new ForeignFrames(domain.Bus);
        Clock = new TlbClock(domain);
        Types = new PageTypes(this);
        Updates = new PageTableUpdates(this);
        _writableTables = new WritablePageTables(this, domain.Config.VcpuCount);
        _grantMappings = new GrantMappings(this);
        domain.Bus.SetAccess(First.Value, InitialPages, FrameAccess.Read | FrameAccess.Write);
        domain.Bus.SetAccess(domain.Host.MachineToPhys.FirstFrame, domain.Host.MachineToPhys.FrameCount, FrameAccess.Read);
        MappingsChanged(ofCode: true, ofTable: true); // from now on they are watched
        Reservation = new Reservation(domain, this, InitialPages, maximum, own);
        for (ulong i = _rangeCount; i-- > own;)
        {
            Mfn frame = new(First.Value + i);
            Info(frame).Flags = FrameFlags.Free;
            _freeXen.Push(frame);
        }
    }

    /// <summary>Guards all types and references of this domain's frames. No CPU takes it while it runs guest code.</summary>
    private readonly Lock _lock = new();

    public Mfn First { get; }

    /// <summary>Pages that the domain was built with.</summary>
    public ulong InitialPages { get; }

    public Reservation Reservation { get; }

    /// <summary>The e820 map that the guest is told; replaced as a whole.</summary>
    public E820Entry[] MemoryMap { get; set; }

    public PageTypes Types { get; }

    public PageTableUpdates Updates { get; }

    public ForeignFrames Foreign { get; }

    public AdoptedFrames Adopted { get; } = new();

    public TlbClock Clock { get; }

    private static void CheckHostMemory(int megabytes)
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20;
        if (megabytes < 1)
            throw new DomainBuildException($"A domain cannot have {megabytes} MiB of memory.");
        if (megabytes > available)
            throw new DomainBuildException($"The domain is to have {megabytes:N0} MiB of memory, but this host has {available:N0} MiB.");
    }

    /// <summary>Begins a change of types, references or tables. Disposing ends it: the lock is released, and then the CPUs that could still use a translation
    /// that the change has taken away are flushed.</summary>
    /// <param name="current">The vCPU on whose thread this is; null: none of this domain's.</param>
    public ChangeSection Change(Vcpu? current) => new(this, current);

    public readonly ref struct ChangeSection
    {
        private readonly DomainMemory _memory;
        private readonly Vcpu? _current;

        public ChangeSection(DomainMemory memory, Vcpu? current)
        {
            _memory = memory;
            _current = current;
            memory._lock.EnterPatiently();
        }

        public void Dispose()
        {
            bool flush = _memory.Types.TakeFlush(out uint stamp);
            _memory._lock.Exit();
            if (flush)
                _memory.Clock.FlushOlder(_current, stamp);
        }
    }

    /// <summary>Whether a frame number from the guest is one of this domain's frames, Xen's shared ones among them.</summary>
    public bool Owns(Mfn frame)
    {
        if (frame.Value - First.Value < _rangeCount)
            return _frames[frame] is { Owner: 0 } info && !info.Has(FrameFlags.Free);
        return frame.Value < _frames.End && _frames[frame].Owner == OwnerTag && Adopted.Contains(frame);
    }

    private ushort OwnerTag => (ushort)(_domain.Id.Value + 1);

    /// <summary>Whether a frame number from the guest is one of the machine's memory at all (mfn_valid).</summary>
    public bool IsMemory(Mfn frame) => frame.Value >= Host.FirstXenFrame.Value && frame.Value < _frames.End;

    /// <summary>Whether a frame is this domain's and in use as a page table of a level.</summary>
    public bool IsTable(Mfn frame, FrameType level) => Owns(frame) && Info(frame) is { TypeReferences: > 0 } info && info.Type == level;

    /// <summary>Whether nothing refers to one of the domain's frames, so that it can be taken away (steal_page).</summary>
    public bool IsUnused(Mfn frame) => Info(frame) is { References: 0, TypeReferences: 0 } info && !info.Has(FrameFlags.Xen | FrameFlags.Released);

    public ref FrameInfo Info(Mfn frame) => ref _frames[frame];

    /// <summary>The host address of a frame that is known to be backed.</summary>
    public byte* Pointer(Mfn frame) => _machine.Frame(frame.Value);

    /// <summary>Fills the domain's memory at an offset from its first frame, which is within it. Throws <see cref="IOException"/> where the host can't.</summary>
    public void Load(ulong offset, ReadOnlySpan<byte> bytes) => _machine.Write(First.Value, offset, bytes);

    public ulong PhysicalOf(Mfn frame) => _domain.Host.MachineToPhys[frame];

    public void SetPhysicalOf(Mfn frame, ulong pfn) => _domain.Host.MachineToPhys[frame] = pfn;

    /// <summary>The frame of one of the pages that the domain is built with.</summary>
    public Mfn InitialFrame(Pfn page) => new(First.Value + page.Value);

    /// <summary>Pins the tables that the domain is built with (MMUEXT_PIN_L4_TABLE).</summary>
    public void PinInitialTables(Mfn root)
    {
        using (Change(current: null))
        {
            if (Types.GetWithType(root, FrameType.L4) != 0)
                throw new InvalidOperationException("The domain builder made page tables that don't validate.");
            Info(root).Flags |= FrameFlags.Pinned;
        }
    }

    /// <summary>Writes what Xen keeps in slots 256 to 271 of each level-4 table (init_xen_l4_slots).</summary>
    public void FillXenSlots(Mfn level4)
    {
        new Span<ulong>((ulong*)Pointer(level4) + GuestAddressSpace.FirstXenSlot, GuestAddressSpace.XenSlots).Clear();
        ShowMachineToPhys(level4, _domain.HasAssist(VmAssistType.M2pStrict));
    }

    /// <summary>The machine-to-phys table is there for the guest's kernel. A guest that asks for it strictly (VMASST_TYPE_m2p_strict) has it in all tables but those of
    /// its user mode; any other has it in the tables that its kernel has run on.</summary>
    private void ShowMachineToPhys(Mfn level4, bool visible) =>
        Volatile.Write(ref ((ulong*)Pointer(level4))[GuestAddressSpace.FirstXenSlot], visible ? _domain.Host.MachineToPhys.Level4Entry : 0);

    /// <summary>An entry of a table in use no longer leads where it led (<see cref="CpuBus.MappingsChanged"/>).</summary>
    public void MappingsChanged(bool ofCode, bool ofTable) => _domain.Bus.MappingsChanged(ofCode, ofTable);

    /// <summary>A reference was given back that nobody took: the guest wrote to a page table through a translation that it hadn't flushed. Only its own counts suffer.</summary>
    public void ReportTampering(Mfn frame) => _domain.Host.Log($"{_domain.Id}: reference count of {frame} would go below zero");

    /// <summary>Allocates a zeroed page of Xen's own that the domain may map (share_xen_page_with_guest): shared_info, grant frames.</summary>
    /// <param name="writable">Whether the guest may map it writable (grant status frames are read-only).</param>
    public Mfn AllocateXenFrame(bool writable)
    {
        lock (_lock)
        {
            if (!_freeXen.TryPop(out Mfn frame))
                throw new InvalidOperationException("No room for another page that Xen shares with the domain.");
            Info(frame) = new FrameInfo
            {
                Flags = FrameFlags.Xen | FrameFlags.Validated,
                Type = writable ? FrameType.Writable : FrameType.None,
                TypeReferences = 1,
            };
            SetPhysicalOf(frame, MachineToPhys.Invalid);
            new Span<byte>(Pointer(frame), MachineMemory.FrameSize).Clear();
            _domain.Bus.SetAccess(frame.Value, 1, writable ? FrameAccess.Read | FrameAccess.Write : FrameAccess.Read);
            return frame;
        }
    }

    /// <summary>Takes a page of Xen's own back. The guest may still map it; then it is only reused when it doesn't any more.</summary>
    public void FreeXenFrame(Mfn frame)
    {
        using (Change(current: null))
        {
            ref FrameInfo info = ref Info(frame);
            info.TypeReferences--;
            info.Flags |= FrameFlags.Released;
            if (info.References == 0)
                Reclaim(frame);
        }
    }

    /// <summary>Takes a reference to a frame of this domain (get_page), so that it isn't freed while it is mapped elsewhere. With <paramref name="writable"/> also a
    /// writable type reference (get_page_and_type PGT_writable_page): false for page tables and descriptor tables.</summary>
    public bool TryGetPage(Mfn frame, bool writable)
    {
        using (Change(current: null))
            return writable ? Types.GetWithType(frame, FrameType.Writable) == 0 : Types.TryGet(frame);
    }

    public void PutPage(Mfn frame, bool writable)
    {
        using (Change(current: null))
        {
            if (writable)
                Types.PutWithType(frame);
            else
                Types.Put(frame);
        }
    }

    /// <summary>MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR, MOV to CR3 in guest-kernel mode and VCPUOP_initialise: takes a level-4 table into use. 0 or an error.</summary>
    /// <param name="vcpu">The calling one, or one that doesn't run.</param>
    public long SetBasePointer(Vcpu vcpu, CpuMode mode, Mfn root)
    {
        using (Change(vcpu))
        {
            Mfn old = mode == CpuMode.Kernel ? vcpu.KernelRoot : vcpu.UserRoot;
            if (old != root)
            {
                if (root != default || mode == CpuMode.Kernel)
                {
                    long error = Types.GetWithType(root, FrameType.L4);
                    if (error != 0)
                        return error;
                    bool strict = _domain.HasAssist(VmAssistType.M2pStrict);
                    if (strict == (mode == CpuMode.User))
                        ShowMachineToPhys(root, visible: mode == CpuMode.Kernel);
                }
                vcpu.SetRoot(mode, root);
                if (old != default)
                    Types.PutWithType(old);
            }
        }
        if (mode == CpuMode.Kernel)
            Clock.FlushLocal(vcpu);
        return 0;
    }

    /// <summary>A frame that was given back and whose last reference is gone is nobody's.</summary>
    public void Reclaim(Mfn frame)
    {
        if (!Info(frame).Has(FrameFlags.Xen))
        {
            Reservation.Free(frame);
            return;
        }
        Info(frame) = new FrameInfo { Flags = FrameFlags.Free };
        _domain.Bus.SetAccess(frame.Value, 1, FrameAccess.None);
        Types.RequestFlush();
        _freeXen.Push(frame);
    }

    /// <summary>The domain has ended. Its memory goes when nobody else uses a page of it any more.</summary>
    public void Dispose()
    {
        lock (_lock)
            _hasEnded = true;
        LetGo();
    }

    /// <summary>Keeps this domain's memory although the domain may end. False: it has gone.</summary>
    public bool TryHold()
    {
        int holders = Volatile.Read(ref _holders);
        while (holders != 0)
        {
            int seen = Interlocked.CompareExchange(ref _holders, holders + 1, holders);
            if (seen == holders)
                return true;
            holders = seen;
        }
        return false;
    }

    /// <summary>Undoes one <see cref="TryHold"/>.</summary>
    public void LetGo()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
            Free();
    }

    private void Free()
    {
        Adopted.ReleaseAll();
        for (ulong i = 0; i < _rangeCount; i++)
            SetPhysicalOf(new(First.Value + i), MachineToPhys.Invalid);
        _machine.Release(First.Value);
        _frames.Free(First, _rangeCount);
        _domain.Bus.Dispose();
    }

    /// <summary>A store to a page table through a read-only mapping. True: the instruction at rip was carried out and stepped over, or
    /// <paramref name="raised"/> is to be raised instead of the fault.</summary>
    public bool TryEmulateStore(Vcpu vcpu, in CpuExit fault, out CpuExit? raised) => _writableTables.TryEmulate(vcpu, fault, out raised);

    /// <summary>Maps a granted frame (of whatever domain; the caller holds references) at the PTE of a linear address, or at the PTE whose machine address is
    /// given (GNTMAP_contains_pte).</summary>
    /// <param name="forUser">GNTMAP_application_map: the guest's user mode may use it, too.</param>
    /// <param name="availableBits">The three bits of the entry that are free for the guest's use (GNTMAP_guest_avail_mask).</param>
    public GrantStatus CreateGrantMapping(Vcpu vcpu, ulong address, Mfn frame, bool readOnly, bool containsPte, bool forUser, uint availableBits) =>
        _grantMappings.Create(vcpu, address, frame, readOnly, containsPte, forUser, availableBits);

    /// <summary>Undoes <see cref="CreateGrantMapping"/>: the PTE must still map <paramref name="frame"/> with that right; it is cleared, or replaced by the PTE
    /// at <paramref name="newAddress"/> where that isn't 0 (GNTTABOP_unmap_and_replace).</summary>
    public GrantStatus DestroyGrantMapping(Vcpu vcpu, ulong address, Mfn frame, bool readOnly, bool containsPte, ulong newAddress) =>
        _grantMappings.Destroy(vcpu, address, frame, readOnly, containsPte, newAddress);

    /// <summary>Takes a page out of this domain (steal_page): it must be unmapped, of no type and not Xen's. False: it isn't.</summary>
    /// <param name="home">In whose range it is; held for as long as the page is elsewhere.</param>
    public bool TryStealPage(Mfn frame, out DomainMemory home)
    {
        home = this;
        using (Change(current: null))
        {
            if (!Owns(frame) || !IsUnused(frame))
                return false;
            Reservation.Remove(frame);
            if (Adopted.TryRemove(frame, out DomainMemory giver))
                home = giver;
            else if (!TryHold())
                throw new InvalidOperationException($"{_domain.Id} gives a page away after its end.");
            return true;
        }
    }

    /// <summary>Gives a stolen page to this domain (assign_pages). False: it is at its maximum, or has ended.</summary>
    public bool TryAssignPage(Mfn frame, DomainMemory home)
    {
        lock (_lock)
        {
            if (_hasEnded || !Reservation.TryAdd(frame, home == this ? (ushort)0 : OwnerTag))
                return false;
            if (home == this)
                LetGo();
            else
                Adopted.Add(frame, home);
            return true;
        }
    }
}
