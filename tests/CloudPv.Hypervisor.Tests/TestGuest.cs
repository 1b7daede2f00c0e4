using CloudPv.Guests;
using CloudPv.Xen;
using Iced.Intel;

namespace CloudPv.Hypervisor.Tests;

/// <summary>A domain that runs a kernel assembled by a test.</summary>
internal sealed class TestGuest : IDisposable
{
    /// <summary>Far more than any of these kernels needs; only a test that would hang for ever meets it.</summary>
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    private readonly List<string> _log = [];
    private readonly Host? _ownHost;

    /// <summary>Builds it, paused.</summary>
    /// <param name="neighbour">A guest on whose host it is to be; null: one of its own.</param>
    public TestGuest(Action<Assembler> code, int vcpus = 1, ushort id = 1, TestGuest? neighbour = null, CpuShare? share = null)
    {
        Host host = neighbour?.Domain.Host ?? (_ownHost = new Host(new HostOptions { Log = Write }));
        Domain = Domain.Build(host, new DomainConfig
        {
            Id = new DomainId(id),
            Name = $"test{id}",
            Kernel = PvKernel.Assemble(code),
            VcpuCount = vcpus,
            MemoryMiB = 8,
            Share = share ?? new(),
        });
    }

    public Domain Domain { get; }

    public string Log
    {
        get
        {
            lock (_log)
                return string.Join('\n', _log);
        }
    }

    /// <summary>Runs a kernel to its own end, which must be a power-off.</summary>
    public static TestGuest Run(Action<Assembler> code, int vcpus = 1)
    {
        var guest = new TestGuest(code, vcpus);
        guest.Domain.Unpause();
        guest.WaitForEnd().ShouldBe(ShutdownReason.PowerOff, guest.Log);
        return guest;
    }

    /// <summary>Starts it and waits until it has powered off.</summary>
    public void RunToItsEnd()
    {
        Domain.Unpause();
        WaitForEnd().ShouldBe(ShutdownReason.PowerOff, Log);
    }

    /// <summary>Waits until the domain has shut down.</summary>
    public ShutdownReason WaitForEnd()
    {
        if (!Domain.Shutdown.Wait(Hang))
        {
            Domain.Pause();
            throw new TimeoutException($"the guest goes on for ever: {RegisterDump.Of(Domain.Vcpus[0])}");
        }
        return Domain.Shutdown.Result;
    }

    /// <summary>What the guest stored by <see cref="GuestCode.Save"/>.</summary>
    public ulong Result(int slot) => BitConverter.ToUInt64(Page(GuestCode.Results)[(slot * 8)..]);

    /// <summary>A page of the guest's, by its address there.</summary>
    public unsafe Span<byte> Page(long address) =>
        new(Domain.Memory.Pointer(Domain.Memory.InitialFrame(new Pfn((ulong)address >> 12))), 4096);

    /// <summary>Waits until the guest has stored something other than 0.</summary>
    public void WaitForResult(int slot) =>
        SpinWait.SpinUntil(() => Result(slot) != 0, Hang).ShouldBeTrue($"the guest stores no result {slot}: {Log}");

    public void Dispose()
    {
        Domain.Dispose();
        _ownHost?.Dispose();
    }

    private void Write(string line)
    {
        lock (_log)
            _log.Add(line);
    }
}
