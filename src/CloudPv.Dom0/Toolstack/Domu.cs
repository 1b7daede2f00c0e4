using System.Runtime.CompilerServices;
using CloudPv.Dom0.Console;
using CloudPv.Dom0.Xenstore;
using CloudPv.Hypervisor;
using CloudPv.Xen;

namespace CloudPv.Dom0;

/// <summary>One domU from its making to its end, over all its reboots: each is a new domain with the same console and devices.</summary>
public sealed class Domu : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Toolstack _toolstack;
    private readonly DomainSpec _spec;
    private readonly IReadOnlyList<IDevice> _devices;
    private readonly TaskCompletionSource _destroyed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Domain? _domain;
    private DomainCounters? _lastCounters;

    internal Domu(Toolstack toolstack, DomainSpec spec, IReadOnlyList<IDevice> devices)
    {
        _toolstack = toolstack;
        _spec = spec;
        _devices = devices;
        Console = new(spec.ConsoleLog);
    }

    public GuestConsole Console { get; }

    public DomuStatus Status { get; private set; } = new(DomuState.Building);

    /// <summary>The domain that runs now, for its counters; null between two domains.</summary>
    public Domain? Domain
    {
        get
        {
            lock (_gate)
                return _domain;
        }
    }

    /// <summary>What the present domain, or else the last one, did; null before the first.</summary>
    public DomainCounters? Counters => Domain?.Counters ?? _lastCounters;

    /// <summary>What the last domain spent its time on; null before its end, and where the host's options ask for none.</summary>
    public DomainProfile? Profile { get; private set; }

    /// <summary>Builds the domain, runs it and its successors, and says how the last one ended.</summary>
    /// <exception cref="DomainBuildException">The kernel or ramdisk is none, or the configuration can't be met.</exception>
    /// <exception cref="ToolstackException">A file can't be read.</exception>
    public async Task<DomuEnd> RunAsync()
    {
        while (true)
        {
            (DomuEnd end, string? detail) = await RunOnceAsync();
            bool restarts = end switch
            {
                DomuEnd.Reboot => _spec.OnReboot == AfterShutdown.Restart,
                DomuEnd.Crash or DomuEnd.Watchdog => _spec.OnCrash == AfterShutdown.Restart,
                _ => false,
            };
            if (!restarts)
            {
                Change(Status with { State = DomuState.Stopped, Reason = end, Detail = detail });
                return end;
            }
            Change(Status with { State = DomuState.Building, Reason = end, Detail = detail, Restarts = Status.Restarts + 1 });
        }
    }

    /// <summary>The status now and after each change, until the domU has stopped.</summary>
    public async IAsyncEnumerable<DomuStatus> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            DomuStatus status;
            Task changed;
            lock (_gate)
                (status, changed) = (Status, _changed.Task);
            yield return status;
            if (status.State == DomuState.Stopped)
                yield break;
            await changed.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Asks the guest to power off or reboot by its <c>control/shutdown</c>.</summary>
    /// <returns>False where no domain runs to be asked.</returns>
    public bool RequestShutdown(bool reboot) => WriteControl("shutdown", reboot ? "reboot" : "poweroff");

    /// <summary>Presses a magic SysRq key by the guest's <c>control/sysrq</c>.</summary>
    /// <returns>False where no domain runs to be asked.</returns>
    public bool SendSysrq(char key) => WriteControl("sysrq", key.ToString());

    /// <summary>Stops the domain at once; <see cref="RunAsync"/> then ends.</summary>
    public void Destroy() => _destroyed.TrySetResult();

    public void Dispose()
    {
        Console.Dispose();
        foreach (IDevice device in _devices)
            device.Dispose();
    }

    private async Task<(DomuEnd Reason, string? Detail)> RunOnceAsync()
    {
        if (_destroyed.Task.IsCompleted)
            return (DomuEnd.Destroyed, null);
        Task<Domain> building = Task.Run(Build);
        LocalStore store = _toolstack.Local;
        using Domain domain = await building;
        DomainNodes.Create(store, _spec, domain.Id, new(domain.XenstoreFrame, domain.XenstorePort), new(domain.ConsoleFrame, domain.ConsolePort));
        var connections = new Stack<IDisposable>();
        try
        {
            connections.Push(new GuestStoreConnection(_toolstack.Store, domain, domain.XenstoreFrame, domain.XenstorePort));
            Console.Connect(domain, domain.ConsoleFrame, domain.ConsolePort);
            foreach (IDevice device in _devices)
                connections.Push(new XenbusDevice(store, domain, device, _toolstack.Log));
            _toolstack.Store.Introduce(domain.Id);
            SetDomain(domain);
            domain.Unpause();
            Change(Status with { State = DomuState.Running, StartedAt = DateTimeOffset.UtcNow });
            await Task.WhenAny(domain.Shutdown, _destroyed.Task);
            return domain.Shutdown.IsCompleted ? DomuStatus.EndOf(await domain.Shutdown, domain.CrashReason) : (DomuEnd.Destroyed, null);
        }
        finally
        {
            domain.Pause();
            _lastCounters = domain.Counters;
            Profile = domain.Profile;
            SetDomain(null);
            Console.Disconnect();
            while (connections.TryPop(out IDisposable? connection))
                connection.Dispose();
            _toolstack.Store.Release(domain.Id);
            DomainNodes.Remove(store, _spec, domain.Id);
        }
    }

    private Domain Build()
    {
        using PageBuffer kernel = Open(() => PageBuffer.MapFile(_spec.Kernel));
        using PageBuffer? ramdisk = _spec.Ramdisk is null ? null : Open(() => PageBuffer.MapFile(_spec.Ramdisk));
        return Domain.Build(_toolstack.Host, new()
        {
            Id = _toolstack.NextDomainId(),
            Name = _spec.Id,
            Uuid = _spec.Uuid,
            Kernel = kernel.Memory,
            Ramdisk = ramdisk?.Memory ?? default,
            CommandLine = _spec.CommandLine,
            VcpuCount = _spec.Vcpus,
            MemoryMiB = _spec.MemoryMiB,
            Share = new() { Weight = _spec.CpuWeight, Cap = _spec.CpuCap, Cpus = _spec.Cpus },
        });
    }

    private static PageBuffer Open(Func<PageBuffer> open)
    {
        try
        {
            return open();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolstackException(e.Message, e);
        }
    }

    private bool WriteControl(string key, string value)
    {
        lock (_gate)
        {
            if (_domain is null)
                return false;
            _toolstack.Local.Write($"{StorePath.Home(_domain.Id)}/control/{key}", value);
            return true;
        }
    }

    private void SetDomain(Domain? domain)
    {
        lock (_gate)
            _domain = domain;
    }

    private void Change(DomuStatus status)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            Status = status;
            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.SetResult();
    }
}
