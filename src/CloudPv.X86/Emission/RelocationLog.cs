using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>What a place in translated code is computed from, so that the code can be put elsewhere and stand for the same guest code at another address.</summary>
internal enum RelocationKind : byte
{
    /// <summary>A 32-bit displacement to the block's hot code; the operand is the target's offset in it.</summary>
    ToHot,

    /// <summary>The same to its cold code.</summary>
    ToCold,

    /// <summary>The same to a stub; the operand is the stub's offset in the code region.</summary>
    ToStub,

    /// <summary>A guest address in 64 bits that 32 bits can't express; the operand of this and of the following is relative to the block's address.</summary>
    Address64,

    /// <summary>A guest address in 32 bits, zero-extended.</summary>
    AddressUnsigned32,

    /// <summary>A guest address in 32 bits, sign-extended.</summary>
    AddressSigned32,

    /// <summary>The lower half of a guest address.</summary>
    AddressLow32,

    /// <summary>A guest address with its sign changed, in 64 bits that 32 bits can't express.</summary>
    Negated64,

    /// <summary>The same in 32 bits, zero-extended.</summary>
    NegatedUnsigned32,

    /// <summary>The same in 32 bits, sign-extended.</summary>
    NegatedSigned32,

    /// <summary>An <see cref="AccessDescription"/>: 64 bits, of which the lower 48 are the guest address.</summary>
    Access,

    /// <summary>The 32-bit place of an address's slot in the mode's <see cref="JumpCache"/>.</summary>
    JumpCacheSlot,

    /// <summary>32 bits that are the place of a jump in the code region; the operand is its offset in the block's hot code.</summary>
    SiteInHot,

    /// <summary>The same in its cold code.</summary>
    SiteInCold,
}

/// <summary>Notes, while a block is emitted, the places of its code that depend on where it stands or on the guest address.</summary>
internal sealed unsafe class RelocationLog
{
    private readonly List<nint> _branches = [];
    private readonly List<Place> _places = [];

    /// <summary>The 32-bit displacements.</summary>
    public ReadOnlySpan<nint> Branches => CollectionsMarshal.AsSpan(_branches);

    /// <summary>All others, in the order of host addresses.</summary>
    public ReadOnlySpan<Place> Places => CollectionsMarshal.AsSpan(_places);

    public void Clear()
    {
        _branches.Clear();
        _places.Clear();
    }

    public void AddBranch(byte* site) => _branches.Add((nint)site);

    /// <param name="value">The guest address, or for <see cref="RelocationKind.SiteInHot"/> the host address of the jump.</param>
    public void Add(byte* site, RelocationKind kind, ulong value) => _places.Add(new Place((nint)site, kind, value));

    /// <summary>Code that has just been emitted was copied: what was noted of its places goes for the copy too.</summary>
    public void Copied(byte* from, byte* to, int length)
    {
        int low = 0, high = _places.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_places[middle].Site < (nint)from)
                low = middle + 1;
            else
                high = middle;
        }

        for (; low < _places.Count && _places[low].Site < (nint)(from + length); low++)
            _places.Add(_places[low] with { Site = _places[low].Site - (nint)from + (nint)to });
    }

    internal readonly record struct Place(nint Site, RelocationKind Kind, ulong Value);
}
