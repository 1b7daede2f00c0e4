using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using CloudPv.Cli.Domu.Profile;
using CloudPv.Dom0;
using CloudPv.Dom0.Net;
using CloudPv.Hypervisor;
using CloudPv.X86;

namespace CloudPv.Cli.Domu;

/// <summary>Runs one domU in this process, from its making to its end.</summary>
internal sealed class DomuRun(DomuConfig config)
{
    private static readonly TimeSpan ProfilePeriod = TimeSpan.FromMilliseconds(1);

    /// <summary>The guest's console on standard input and output.</summary>
    public bool WithConsole { get; init; }

    public TranslatorOptions Translator { get; init; } = new();

    /// <summary>Where translations are kept from one run to the next; null: nowhere.</summary>
    public string? TranslationFolder { get; init; }

    /// <summary>The domU is stopped after that long; null: never.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>What the domain did is told at the end.</summary>
    public bool WithStatistics { get; init; }

    /// <summary>What the vCPUs spent time on is told at the end.</summary>
    public bool WithProfile { get; init; }

    /// <summary>A System.map or kernel that names the guest kernel's functions for the profile; null: the kernel itself.</summary>
    public string? Symbols { get; init; }

    /// <summary>Where the hypervisor's and dom0's own messages go.</summary>
    public Action<string> Log { get; init; } = static _ => { };

    /// <summary>Gives the exit status.</summary>
    public async Task<int> RunAsync()
    {
        var spec = config.ToSpec();
        var symbols = WithProfile ? GuestSymbols.Read(Symbols ?? spec.Kernel) : null;
        try
        {
            using var network = spec.Nics.Count > 0 ? OpenNetwork(spec) : null;
            using var host = new Host(new HostOptions { Translator = Translator, TranslationFolder = TranslationFolder, ProfilePeriod = WithProfile ? ProfilePeriod : null, Log = Log });
            using var toolstack = new Toolstack(host, Log, network);
            using var domu = toolstack.Create(spec);
            var status = await RunAsync(domu);
            if (domu.Profile is { } profile)
                await new ProfileReport(profile, symbols!).WriteAsync(Console.Error);
            return status;
        }
        catch (Exception refused) when (refused is DomainBuildException or ToolstackException or NatUnavailableException)
        {
            await Console.Error.WriteLineAsync($"cloudpv: {refused.Message}");
            return DomuExit.CouldNotCreate;
        }
    }

    private async Task<int> RunAsync(Dom0.Domu domu)
    {
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Stop(signal, domu));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, domu));
        var started = Stopwatch.StartNew();
        var timedOut = false;
        await using var timer = new Timer(_ =>
        {
            timedOut = true;
            domu.Destroy();
        });
        if (Timeout is { } timeout)
            timer.Change(timeout, System.Threading.Timeout.InfiniteTimeSpan);

        DomuEnd end;
        Task<DomuEnd> running = domu.RunAsync();
        using (WithConsole ? new ConsoleSession(domu.Console, domu.Destroy) : null)
            end = await running;

        var how = timedOut ? "timeout" : end.ToString().ToLowerInvariant();
        await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"the domU ended after {started.Elapsed.TotalSeconds:F2} s: {how}"));
        if (WithStatistics && domu.Counters is { } counters)
            await DomuStatistics.WriteAsync(counters, Console.Error);
        return timedOut ? DomuExit.Timeout : DomuExit.StatusOf(end);
    }

    /// <summary>The interfaces get the first addresses that are the instances'.</summary>
    private static HostNetwork OpenNetwork(DomainSpec spec)
    {
        var network = new HostNetwork(NetworkPlan.Default);
        foreach (var (index, nic) in spec.Nics.Index())
        {
            if (MacAddress.TryParse(nic.Mac, out var mac))
                network.Addresses.Set(mac, new AddressAssignment(network.Plan.AddressAt(NetworkPlan.FirstInstance + index), spec.Id));
        }

        return network;
    }

    private static void Stop(PosixSignalContext signal, Dom0.Domu domu)
    {
        signal.Cancel = true;
        domu.Destroy();
    }
}
