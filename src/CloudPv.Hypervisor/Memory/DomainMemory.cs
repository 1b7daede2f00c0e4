using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>A domain's frames: ownership, page types and reference counts, its page tables and p2m.</summary>
internal sealed unsafe class DomainMemory : IDisposable
{
    public DomainMemory(Domain domain) => throw new NotImplementedException();

    /// <summary>Allocates a zeroed page of Xen's own that the domain may map (share_xen_page_with_guest): shared_info, grant frames.</summary>
    /// <param name="writable">Whether the guest may map it writable (grant status frames are read-only).</param>
    public Mfn AllocateXenFrame(bool writable) => throw new NotImplementedException();

    public void FreeXenFrame(Mfn frame) => throw new NotImplementedException();

    /// <summary>The host address of a frame that is known to be backed.</summary>
    public byte* Pointer(Mfn frame) => throw new NotImplementedException();

    /// <summary>Takes a reference to a frame of this domain (get_page), so that it isn't freed while it is mapped elsewhere. With <paramref name="writable"/> also a
    /// writable type reference (get_page_and_type PGT_writable_page): false for page tables and descriptor tables.</summary>
    public bool TryGetPage(Mfn frame, bool writable) => throw new NotImplementedException();

    public void PutPage(Mfn frame, bool writable) => throw new NotImplementedException();

    /// <summary>A store to a page table through a read-only mapping (writable page tables). True: the instruction at rip was carried out and stepped over.</summary>
    public bool TryEmulateStore(Vcpu vcpu, in CpuExit fault) => throw new NotImplementedException();

    /// <summary>MOV to CR3 in guest-kernel mode, and VCPUOP_initialise: takes a level-4 table into use. 0 or an error.</summary>
    public long SetBasePointer(Vcpu vcpu, CpuMode mode, Mfn root) => throw new NotImplementedException();

    /// <summary>Maps a granted frame (of whatever domain; the caller holds references) at the PTE of a linear address, or at the PTE whose machine address is
    /// given (GNTMAP_contains_pte).</summary>
    public GrantStatus CreateGrantMapping(Vcpu vcpu, ulong address, Mfn frame, bool readOnly, bool containsPte, uint availableBits) =>
        throw new NotImplementedException();

    /// <summary>Undoes <see cref="CreateGrantMapping"/>: the PTE must still map <paramref name="frame"/> with that right; it is cleared, or replaced by the PTE
    /// at <paramref name="newAddress"/> where that isn't 0 (GNTTABOP_unmap_and_replace).</summary>
    public GrantStatus DestroyGrantMapping(Vcpu vcpu, ulong address, Mfn frame, bool readOnly, bool containsPte, ulong newAddress) =>
        throw new NotImplementedException();

    /// <summary>Takes a page out of this domain (steal_page): it must be unmapped, of no type and not Xen's. False: it isn't.</summary>
    public bool TryStealPage(Mfn frame) => throw new NotImplementedException();

    /// <summary>Gives a stolen page to this domain (assign_pages). False: it is at its maximum.</summary>
    public bool TryAssignPage(Mfn frame) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}
