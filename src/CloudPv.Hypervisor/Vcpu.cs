using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>One virtual CPU of a PV domain: an x86 CPU, what Xen keeps beside it, and the host thread that runs both.</summary>
internal sealed unsafe partial class Vcpu : IDisposable
{
    public Vcpu(Domain domain, int id)
    {
        Domain = domain;
        Id = id;
        Descriptors = new DescriptorTables(this);
        Profile = domain.Host.Options.ProfilePeriod is { } period ? new CpuProfile(period) : null;
        Cpu = new Cpu(domain.Bus, id, Descriptors, Profile);
        Debug = new DebugRegisters(Cpu);
        Runstate = new RunstateAccount(this);
        Timers = new VcpuTimers(this);
        _polling = new HaltPolling(_runDelay.Read);
        Credit = new VcpuCredit(domain.Cap);
        _info = id < LegacyVcpuInfos.Length ? LegacyInfo : DummyInfo;
        PublishTime();
    }

    public Domain Domain { get; }

    /// <summary>0, 1, … within the domain.</summary>
    public int Id { get; }

    public Cpu Cpu { get; }

    /// <summary>What its thread spends time on; null: nobody asked.</summary>
    public CpuProfile? Profile { get; }

    public VcpuCounters Counters { get; } = new();

    /// <summary>The GDT and LDT that the guest set for this vCPU.</summary>
    public DescriptorTables Descriptors { get; }

    public RunstateAccount Runstate { get; }

    public VcpuTimers Timers { get; }

    public VcpuCredit Credit { get; }

    /// <summary>The level-4 tables of the two modes, as the guest set them (MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR). User: frame 0 where none was set.</summary>
    public Mfn KernelRoot { get; private set; }

    public Mfn UserRoot { get; private set; }

    /// <summary>Takes a validated level-4 table into use. The caller holds the page's type reference for as long as it stays in use.</summary>
    public void SetRoot(CpuMode mode, Mfn root)
    {
        if (mode == CpuMode.Kernel)
            KernelRoot = root;
        else
            UserRoot = root;
        if (UserRoot.Value == 0)
            CloseSystemCallGate();
        Cpu.SetPageTable(mode, root.Value);
    }

    /// <summary>Frees the CPU. Its thread has ended.</summary>
    public void Dispose()
    {
        Cpu.Dispose();
        Profile?.Dispose();
        _parker.Dispose();
    }
}
