namespace CloudPv.X86;

/// <summary>How a translation differs from the usual one of the same guest code.</summary>
internal enum BlockKind : byte
{
    Normal,

    /// <summary>Every memory access checked for itself: for a run whose group of accesses was refused.</summary>
    Ungrouped,

    /// <summary>Memory accessed through windows: for user code, while its address space has them.</summary>
    Windowed,

    /// <summary>One instruction, then back to the run loop.</summary>
    SingleStep,

    /// <summary>Any instruction that uses the FPU raises #NM: for code that runs while CR0.TS is set. Entered from the run loop alone.</summary>
    WithoutFpu,

    /// <summary>One instruction; one on extended state raises #UD or is left to <see cref="Emulator"/>: for code that runs while XCR0 lacks the state of AVX. Entered from the run loop alone.</summary>
    WithoutAvx,
}

/// <summary>What tells translations apart. The machine frame is part of it, so that translations outlive changes of page tables.</summary>
internal readonly record struct BlockKey(ulong Rip, ulong Frame, CpuMode Mode, BlockKind Kind)
{
    // Rip and frame vary together in their low bits, the enums hardly ever.
    public override int GetHashCode() => (int)((Rip * 0x9e37_79b9_7f4a_7c15) >> 32) ^ (int)(Frame * 0x85eb_ca6b) ^ ((int)Mode << 1) ^ ((int)Kind << 2);

    public bool Equals(BlockKey other) => Rip == other.Rip && Frame == other.Frame && Mode == other.Mode && Kind == other.Kind;
}

/// <summary>One translated run of guest code.</summary>
internal sealed unsafe class Block(BlockKey key, int length, ulong nextFrame, bool usesFpu, bool usesAvx, byte* entry, byte* indirectEntry)
{
    private List<(nint Site, nint Unlinked)>? _links;

    public BlockKey Key { get; } = key;

    /// <summary>Guest bytes from Rip on.</summary>
    public int Length { get; } = length;

    /// <summary>The frame that the bytes beyond the first page were read from; <see cref="NoFrame"/> where there are none.</summary>
    public ulong NextFrame { get; } = nextFrame;

    /// <summary>Whether there is an instruction in it that raises #NM while CR0.TS is set.</summary>
    public bool UsesFpu { get; } = usesFpu;

    /// <summary>Whether there is one that raises #UD while XCR0 lacks the state of AVX.</summary>
    public bool UsesAvx { get; } = usesAvx;

    /// <summary>The host code.</summary>
    public byte* Entry { get; } = entry;

    /// <summary>The host code of an entry through the jump cache, which checks that T0 is Rip.</summary>
    public byte* IndirectEntry { get; } = indirectEntry;

    /// <summary>Whether it has been made sure that no flags are brought here by an indirect jump.</summary>
    public bool IsFreeOfBroughtFlags { get; set; }

    public const ulong NoFrame = ulong.MaxValue;

    /// <summary>Whether the block was made from any of the bytes [offset, offset + length) of a frame.</summary>
    public bool Overlaps(ulong frame, int offset, int length)
    {
        var start = (int)(Key.Rip & 0xfff);
        if (frame == Key.Frame && offset < start + Length && start < offset + length)
            return true;
        return frame == NextFrame && offset < start + Length - MachineMemory.FrameSize;
    }

    /// <summary>Makes the direct jump at <paramref name="site"/> lead here.</summary>
    public void Link(byte* site)
    {
        (_links ??= []).Add(((nint)site, (nint)(site + 4 + *(int*)site)));
        HostAssembler.Patch(site, Entry);
    }

    /// <summary>Sends the direct jump at <paramref name="site"/> back to where it led before, if it leads here.</summary>
    public void Unlink(byte* site)
    {
        var index = _links?.FindIndex(link => link.Site == (nint)site) ?? -1;
        if (index < 0)
            return;
        HostAssembler.Patch(site, (byte*)_links![index].Unlinked);
        _links.RemoveAt(index);
    }

    /// <summary>Sends every direct jump that leads here back to where it led before.</summary>
    public void Unlink()
    {
        foreach (var (site, unlinked) in _links ?? [])
            HostAssembler.Patch((byte*)site, (byte*)unlinked);
        _links = null;
    }
}
