using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using CloudPv.WorkerProtocol;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace CloudPv.Cloud.Tests;

/// <summary>A cloud on a database of its own, with one host whose worker is the test.</summary>
internal sealed class TestCloud : IAsyncDisposable
{
    private readonly DirectoryInfo _root;
    private readonly ServiceProvider _services;

    private TestCloud(string connectionString, DirectoryInfo root)
    {
        _root = root;
        Folder = new DataFolder(root.FullName);
        Worker = new TestWorker(Folder.IncomingImages);
        var services = new ServiceCollection().AddLogging().AddCloud(Folder, connectionString, "CloudPv.Migrations");
        services.RemoveAll<HostAddress>();
        services.AddSingleton(new HostAddress("host", Worker));
        _services = services.BuildServiceProvider();
    }

    public DataFolder Folder { get; }

    public TestWorker Worker { get; }

    public string AccountId { get; private set; } = "";

    public string Key { get; private set; } = "";

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public static async Task<TestCloud> StartAsync(PostgresFixture postgres)
    {
        var cloud = new TestCloud(await postgres.MigratedAsync(), Directory.CreateTempSubdirectory("cloudpv-cloud-"));
        foreach (var service in cloud._services.GetServices<IHostedService>())
            await service.StartAsync(CancellationToken.None);
        cloud.Key = (await File.ReadAllTextAsync(cloud.Folder.AdminKey)).Trim();
        cloud.AccountId = (await cloud.Get<AccessKeys>().FindAsync(cloud.Key, CancellationToken.None))!.AccountId;
        await WaitAsync(() => Task.FromResult(cloud.Get<HostSessions>().IsConnected("host")));
        return cloud;
    }

    public Task<Image> RegisterAsync(ImageKind kind, string content, string? kernelId = null, string? sha256 = null, string? token = null) =>
        Get<ImageCatalogue>().RegisterAsync(
            AccountId,
            new NewImage(kind, "image", kernelId, null, null, null, sha256),
            token is null ? null : new ClientToken(token),
            new MemoryStream(Encoding.UTF8.GetBytes(content)),
            CancellationToken.None);

    /// <summary>A machine image with a kernel and no disk.</summary>
    public async Task<Image> MachineImageAsync() => await RegisterAsync(ImageKind.Machine, "", (await RegisterAsync(ImageKind.Kernel, "kernel")).Id);

    public async Task<Reservation> LaunchAsync(string imageId, int? count = null, int? vcpus = null, int? memoryMiB = null, string type = "t1.nano", string? token = null) =>
        await Get<Launches>().LaunchAsync(
            AccountId, new NewLaunch(imageId, type, count, null, vcpus, memoryMiB, null, null, null), token is null ? null : new ClientToken(token), CancellationToken.None);

    public async Task<Instance> RunningInstanceAsync()
    {
        var launched = (await LaunchAsync((await MachineImageAsync()).Id)).Instances[0];
        return await InStateAsync(launched.Id, InstanceState.Running);
    }

    public async Task<Instance> InStateAsync(string instanceId, InstanceState state)
    {
        Instance instance = null!;
        await WaitAsync(async () => (instance = await Get<InstanceCatalogue>().GetAsync(AccountId, instanceId, CancellationToken.None)).State == state);
        return instance;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services.GetServices<IHostedService>())
            await service.StopAsync(CancellationToken.None);
        await _services.DisposeAsync();
        _root.Delete(recursive: true);
    }

    private static async Task WaitAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await condition())
            await Task.Delay(20, patience.Token);
    }
}

/// <summary>A worker that a test plays: launches run at once unless the test says otherwise.</summary>
internal sealed class TestWorker(string incoming) : IWorkerTransport
{
    private readonly Channel<WorkerReport> _reports = Channel.CreateUnbounded<WorkerReport>();

    public ConcurrentDictionary<string, InstanceReport> Instances { get; } = new();

    public ConcurrentQueue<WorkerRequest> Requests { get; } = new();

    /// <summary>What becomes of a launch.</summary>
    public Func<LaunchInstance, InstanceReport> OnLaunch { get; set; } = launch => new(launch.InstanceId, launch.Run, DomainState.Running, null, null);

    public void Report(InstanceReport report)
    {
        Instances[report.InstanceId] = report;
        _reports.Writer.TryWrite(report);
    }

    public void ReportAll() => _reports.Writer.TryWrite(new HostReport(new HostCapacity("test", 2, 1024), [.. Instances.Values]));

    public Task<WorkerAnswer> SendAsync(WorkerRequest request, CancellationToken cancel)
    {
        Requests.Enqueue(request);
        switch (request)
        {
            case LaunchInstance launch:
                Report(OnLaunch(launch));
                break;
            case StopInstance stop:
                Report(Instances[stop.InstanceId] with { State = DomainState.Stopped, Reason = StopReason.Poweroff });
                break;
            case DestroyInstance destroy:
                Instances.TryRemove(destroy.InstanceId, out _);
                ReportAll();
                break;
            case InspectImage inspect:
                return Task.FromResult(new WorkerAnswer(Image: Inspect(inspect)));
        }
        return Task.FromResult(WorkerAnswer.Done);
    }

    public async IAsyncEnumerable<WorkerReport> WatchAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        ReportAll();
        await foreach (var report in _reports.Reader.ReadAllAsync(cancel))
            yield return report;
    }

    public Task<JsonLineConnection> AttachConsoleAsync(string instanceId, CancellationToken cancel) => throw new WorkerRefusedException("There is no console here.");

    /// <summary>Uploads say themselves what they are.</summary>
    private ImageInspection Inspect(InspectImage inspect)
    {
        var word = File.ReadAllText(Path.Combine(incoming, inspect.FileName)).Split(' ')[0];
        return word is "kernel" or "ramdisk" or "disk" ? new(word, $"test {word}", null)
            : word == "broken" ? new("kernel", "test kernel", "It is broken.")
            : new("unknown", "a text file", "It is of no use.");
    }
}
