using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

[assembly: AssemblyFixture(typeof(CloudPv.EndToEnd.Tests.RunningService))]
[assembly: CollectionBehavior(DisableTestParallelization = true)] // one service for all, and some tests kill parts of it

namespace CloudPv.EndToEnd.Tests;

/// <summary>The whole service as a newcomer gets it: started by <c>./cloudpv up</c> on a data folder and a port of its own, with its starter image.</summary>
public sealed class RunningService : IAsyncLifetime
{
    private readonly string _launcher = Path.Combine(RepositoryRoot(), "cloudpv");

    public string DataFolder { get; } = Path.Combine(Path.GetTempPath(), $"cloudpv-e2e-{Environment.ProcessId}");

    public Uri Address { get; } = new($"http://127.0.0.1:{FreePort()}");

    /// <summary>The admin's bearer key.</summary>
    public string Key { get; private set; } = "";

    /// <summary>Signed in with <see cref="Key"/>.</summary>
    public HttpClient Client { get; private set; } = new();

    public async ValueTask InitializeAsync()
    {
        await LauncherAsync("up");
        Key = (await File.ReadAllTextAsync(Path.Combine(DataFolder, "admin.key"))).Trim();
        Client = NewClient(Key);
    }

    public HttpClient NewClient(string? key) => new()
    {
        BaseAddress = Address,
        DefaultRequestHeaders = { Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key) },
    };

    /// <summary>Runs a verb of the launcher on this service; its output is in the exception where it fails.</summary>
    public Task<string> LauncherAsync(params string[] arguments) => LauncherAsync(DataFolder, Address, arguments);

    /// <summary>Runs a verb of the launcher on a service that isn't this one.</summary>
    public async Task<string> LauncherAsync(string dataFolder, Uri address, params string[] arguments)
    {
        var start = new ProcessStartInfo(_launcher, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            Environment =
            {
                ["CLOUDPV_DATA"] = dataFolder,
                ["ASPNETCORE_URLS"] = address.ToString().TrimEnd('/'),
                ["CLOUDPV_URL"] = address.ToString().TrimEnd('/'),
                ["CLOUDPV_KEY"] = Key,
            },
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"cloudpv {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output}\n{await error}");
        return output;
    }

    /// <summary>Kills one of the service's processes as <c>kill -9</c> does.</summary>
    /// <param name="name">The program (cloudpv-web, cloudpv-worker) that belongs to this data folder.</param>
    public void Kill(string name)
    {
        using var process = Process.GetProcessById(ProcessId(name));
        process.Kill();
    }

    /// <inheritdoc cref="Kill" path="/param"/>
    public int ProcessId(string name)
    {
        var supervisor = SupervisorId(name);
        return int.Parse(File.ReadAllText($"/proc/{supervisor}/task/{supervisor}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)[0]);
    }

    /// <summary>The process that starts the program again when it dies.</summary>
    /// <inheritdoc cref="Kill" path="/param"/>
    public int SupervisorId(string name) => int.Parse(File.ReadAllText(Path.Combine(DataFolder, "run", $"{name["cloudpv-".Length..]}.pid")));

    public async ValueTask DisposeAsync()
    {
        await LauncherAsync("down");
        Client.Dispose();
        Directory.Delete(DataFolder, recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "CloudPv.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
