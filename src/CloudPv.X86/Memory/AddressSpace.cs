namespace CloudPv.X86;

/// <summary>What a CPU keeps of one mode's address space: its soft TLB, jump cache and instruction TLB, all dropped together.</summary>
internal sealed unsafe class AddressSpace
{
    public AddressSpace(CpuContext* context, CpuMode mode, CpuBus bus, Stubs stubs)
    {
        Tlb = new SoftTlb(context, mode);
        Jumps = new JumpCache(context, mode, stubs.Leave(LeaveReason.JumpCacheMiss));
        Fetcher = new CodeFetcher(bus.Walker, bus.Memory);
        Translation = new ModeTranslation(mode, new FlagLiveness(bus.Options, Fetcher));
    }

    public SoftTlb Tlb { get; }

    public JumpCache Jumps { get; }

    public CodeFetcher Fetcher { get; }

    public ModeTranslation Translation { get; }

    public void Flush()
    {
        Tlb.Flush();
        Jumps.Clear();
        Fetcher.Flush();
    }

    public void Flush(ulong address)
    {
        if (Fetcher.IsInLargePage(address))
        {
            Flush();
            return;
        }

        Tlb.Flush(address);
        Fetcher.Flush(address);
        Jumps.ClearIfHolding(address);
    }
}
