namespace CloudPv.X86;

/// <summary>One byte a machine frame: the guest's rights in it, and what its CPUs have made of it.</summary>
internal sealed unsafe class FrameTable(ulong frameCount) : IDisposable
{
    private const byte AccessBits = 3;

    /// <summary>Some CPU holds translations of code in the frame: no CPU may hold a write tag.</summary>
    private const byte CodeBit = 4;

    /// <summary>Some CPU may hold a write tag for the frame.</summary>
    private const byte WriteTagBit = 8;

    /// <summary>Bits 4–7: how often writes beside code have made us give the code up.</summary>
    private const int PatienceShift = 4;

    private const byte PatienceBits = 0xf0;

    private readonly ulong _size = (frameCount + 4095) & ~4095ul;
    private byte* _bytes = HostSystem.MapAnonymousPages((frameCount + 4095) & ~4095ul, HostSystem.ProtRead | HostSystem.ProtWrite);

    public ulong Count => frameCount;

    public FrameAccess Access(ulong frame) => frame < frameCount ? (FrameAccess)(_bytes[frame] & AccessBits) : FrameAccess.None;

    public void SetAccess(ulong first, ulong count, FrameAccess access)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, frameCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, frameCount - first);
        for (var frame = first; frame < first + count; frame++)
            Change(frame, clear: AccessBits, set: (byte)access);
    }

    public bool HasCode(ulong frame) => (Volatile.Read(ref _bytes[frame]) & CodeBit) != 0;

    public void SetCode(ulong frame) => Change(frame, clear: 0, set: CodeBit);

    public void ClearCode(ulong frame) => Change(frame, clear: CodeBit, set: 0);

    public bool MayHaveWriteTags(ulong frame) => (Volatile.Read(ref _bytes[frame]) & WriteTagBit) != 0;

    /// <summary>Announces a write tag, then asks whether the frame has code: in this order, so that whoever makes it a code frame meanwhile sees one or the other.</summary>
    public bool TryAnnounceWriteTag(ulong frame)
    {
        if (!MayHaveWriteTags(frame))
            Change(frame, clear: 0, set: WriteTagBit);
        return !HasCode(frame);
    }

    /// <summary>0–15: how much longer than at first to bear slow writes to a code frame.</summary>
    public int Patience(ulong frame) => Volatile.Read(ref _bytes[frame]) >> PatienceShift;

    public void RaisePatience(ulong frame)
    {
        var patience = Patience(frame);
        if (patience < PatienceBits >> PatienceShift)
            Change(frame, clear: PatienceBits, set: (byte)((patience + 1) << PatienceShift));
    }

    public void Dispose()
    {
        if (_bytes == null)
            return;
        HostSystem.Unmap(_bytes, _size);
        _bytes = null;
    }

    // SAFETY: callers pass frames below the count; the table is one mapping of that many bytes.
    private void Change(ulong frame, byte clear, byte set)
    {
        ref var entry = ref _bytes[frame];
        byte old, changed;
        do
        {
            old = Volatile.Read(ref entry);
            changed = (byte)((old & ~clear) | set);
        }
        while (Interlocked.CompareExchange(ref entry, changed, old) != old);
    }
}
