namespace CloudPv.X86;

/// <summary>What differs between the translations of the two modes: the context's tables, and what can be fetched.</summary>
internal sealed class ModeTranslation(CpuMode mode, FlagLiveness liveness)
{
    public CpuMode Mode { get; } = mode;

    public FlagLiveness Liveness { get; } = liveness;

    public int ReadTags { get; } = ContextLayout.ReadTags(mode);

    public int WriteTags { get; } = ContextLayout.WriteTags(mode);

    public int ReadPages { get; } = ContextLayout.ReadPages(mode);

    public int WritePages { get; } = ContextLayout.WritePages(mode);

    public int StackPage { get; } = ContextLayout.StackPage(mode);

    public int JumpCache { get; } = ContextLayout.JumpCache(mode);
}
