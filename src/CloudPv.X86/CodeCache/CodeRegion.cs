namespace CloudPv.X86;

/// <summary>
/// One CPU's executable memory: stubs at its start, then hot code growing up to the cold part, and cold code growing behind. Committed as it is touched. When
/// either part is full, everything is dropped and it begins anew.
/// </summary>
internal sealed unsafe class CodeRegion : IDisposable
{
    public const int Size = 64 << 20;

    /// <summary>Where the cold part begins.</summary>
    public const int ColdStart = 44 << 20;

    /// <summary>More than the longest block's hot or cold code.</summary>
    private const int Reserve = 128 << 10;

    /// <summary>With as much code in it as this, a huge page's range becomes one: it costs memory that many idle guests had better not have, each at the end of both parts.</summary>
    private const int WorthHugePage = 1 << 20;

    private readonly byte* _start;
    private byte* _blocksStart;
    private byte* _hot;
    private byte* _cold;
    private bool _emittingHot;
    private byte* _hotHugeEnd;
    private byte* _coldHugeEnd;

    public CodeRegion()
    {
        _start = CodeArena.Allocate();
        Assembler.Cursor = _start;
        _cold = _start + ColdStart;
        _hotHugeEnd = _start;
        _coldHugeEnd = _cold;
    }

    public HostAssembler Assembler { get; } = new();

    public TrapMap HotTraps { get; } = new();

    public TrapMap ColdTraps { get; } = new();

    public WindowAccesses WindowAccesses { get; } = new();

    /// <summary>Where the next block's hot code goes.</summary>
    public byte* HotCursor => _hot;

    /// <summary>Where the next block's cold code goes.</summary>
    public byte* ColdCursor => _cold;

    public uint StubsSize => OffsetOf(_blocksStart);

    public bool IsFull => _hot + Reserve > _start + ColdStart || _cold + Reserve > _start + Size;

    /// <summary>What stands in front of the cursor stays for good.</summary>
    public void EndStubs()
    {
        _blocksStart = Assembler.Cursor;
        _hot = _blocksStart;
    }

    public void UseHot()
    {
        _emittingHot = true;
        Assembler.Cursor = _hot;
    }

    public void UseCold()
    {
        _hot = Assembler.Cursor;
        _emittingHot = false;
        Assembler.Cursor = _cold;
    }

    public void Finish()
    {
        if (_emittingHot)
            _hot = Assembler.Cursor;
        else
            _cold = Assembler.Cursor;
        UseHugePage(ref _hotHugeEnd, _hot);
        UseHugePage(ref _coldHugeEnd, _cold);
    }

    /// <summary>Keeps code that was put at both cursors.</summary>
    public void Keep(int hotLength, int coldLength)
    {
        _hot += hotLength;
        _cold += coldLength;
    }

    public void Clear()
    {
        _hot = _blocksStart;
        _cold = _start + ColdStart;
        HotTraps.Clear();
        ColdTraps.Clear();
        WindowAccesses.Clear();
    }

    /// <summary>Clears it and gives the memory back that the blocks took.</summary>
    public void GiveBack()
    {
        Clear();
        HotTraps.TrimExcess();
        ColdTraps.TrimExcess();
        WindowAccesses.TrimExcess();
        var unused = (byte*)HostSystem.RoundUpToPage((ulong)_blocksStart);
        HostSystem.GiveBackPages(unused, (ulong)(_start + Size - unused));
        HostSystem.UseSmallPages(_start, Size);
        _hotHugeEnd = _start;
        _coldHugeEnd = _start + ColdStart;
    }

    public bool HoldsStubs(nint host) => host >= (nint)_start && host < (nint)_blocksStart;

    public bool HoldsBlocks(nint host) => host >= (nint)_blocksStart && host < (nint)_start + Size;

    public uint OffsetOf(byte* address) => (uint)(address - _start);

    public byte* At(uint offset) => _start + offset;

    public bool TryFindTrap(byte* host, out ulong rip) => (host < _start + ColdStart ? HotTraps : ColdTraps).TryFind(host, out rip);

    public void Dispose() => CodeArena.Free(_start);

    private static void UseHugePage(ref byte* hugeEnd, byte* end)
    {
        if (end < hugeEnd + WorthHugePage)
            return;
        HostSystem.CollapseHugePage(hugeEnd);
        hugeEnd += HostSystem.HugePageSize;
    }
}
