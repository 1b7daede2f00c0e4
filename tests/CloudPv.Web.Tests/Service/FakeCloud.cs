using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

[assembly: AssemblyFixture(typeof(CloudPv.Web.Tests.FakeCloud))]

namespace CloudPv.Web.Tests;

/// <summary>
/// The real web program and worker on a PostgreSQL cluster of their own; only the domains are fake (CloudPv.FakeDomain),
/// so that a test can have an instance in any state within a second.
/// </summary>
public sealed class FakeCloud : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("cpv-web-");
    private readonly Dictionary<string, Process> _programs = [];

    public string DataFolder => _root.FullName;

    public Uri Address { get; } = new($"http://127.0.0.1:{FreePort()}");

    public string Key { get; private set; } = "";

    /// <summary>Signed in with <see cref="Key"/>.</summary>
    public HttpClient Client { get; private set; } = new();

    public string KernelId { get; private set; } = "";

    /// <summary>A machine image named "debian".</summary>
    public string ImageId { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        // PostgreSQL's user has to pass through.
        File.SetUnixFileMode(DataFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
        Start("cloudpv-web");
        Start("cloudpv-worker");
        await UntilAsync(async () => File.Exists(Path.Combine(DataFolder, "admin.key")) && (await Client.GetAsync(new Uri(Address, "/health"))).IsSuccessStatusCode);
        Key = (await File.ReadAllTextAsync(Path.Combine(DataFolder, "admin.key"))).Trim();
        Client = NewClient(Key);
        await UntilHostIsAvailableAsync();
        KernelId = await UploadAsync("kind=kernel&name=linux", "kernel");
        ImageId = await UploadAsync($"kind=machine&name=debian&kernelId={KernelId}", "disk");
    }

    public HttpClient NewClient(string? key) => new()
    {
        BaseAddress = Address,
        DefaultRequestHeaders = { Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key) },
    };

    /// <summary>Uploads an image; its id.</summary>
    public async Task<string> UploadAsync(string query, string content)
    {
        using var answer = await Client.PostAsync($"/api/v1/images?{query}", new StringContent(content, new MediaTypeHeaderValue("application/octet-stream")));
        answer.StatusCode.ShouldBe(HttpStatusCode.Created, await answer.Content.ReadAsStringAsync());
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
    }

    /// <summary>Launches an instance and waits until it runs; its id.</summary>
    /// <param name="commandLine">Tells the fake domain how to behave.</param>
    public async Task<string> LaunchAsync(string? name = null, string commandLine = "")
    {
        using var answer = await Client.PostAsJsonAsync("/api/v1/instances", new { imageId = ImageId, instanceType = "t1.nano", name, commandLine });
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        var id = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("instances")[0].GetProperty("id").GetString()!;
        await InStateAsync(id, "running");
        return id;
    }

    public async Task PostAsync(string path)
    {
        using var answer = await Client.PostAsync(path, content: null);
        answer.IsSuccessStatusCode.ShouldBeTrue(await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Waits until the instance is in a state; its description then.</summary>
    public async Task<JsonElement> InStateAsync(string instanceId, string state)
    {
        var instance = default(JsonElement);
        await UntilAsync(async () =>
        {
            instance = await Client.GetFromJsonAsync<JsonElement>($"/api/v1/instances/{instanceId}");
            return instance.GetProperty("state").GetString() == state;
        });
        return instance;
    }

    public Task UntilHostIsAvailableAsync() => UntilAsync(async () =>
        (await Client.GetFromJsonAsync<JsonElement>("/api/v1/hosts")).GetProperty("items").EnumerateArray().Any(h => h.GetProperty("state").GetString() == "available"));

    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                if (await condition())
                    return;
            }
            catch (HttpRequestException)
            {
                // The service is away.
            }
            await Task.Delay(50, patience.Token);
        }
    }

    public async Task<ClientWebSocket> OpenConsoleAsync(string instanceId, Action<ClientWebSocketOptions>? options = null, string query = "")
    {
        var socket = new ClientWebSocket();
        if (options is null)
            socket.Options.SetRequestHeader("Authorization", $"Bearer {Key}");
        else
            options(socket.Options);
        await socket.ConnectAsync(new UriBuilder(Address) { Scheme = "ws", Path = $"/api/v1/instances/{instanceId}/console", Query = query }.Uri, CancellationToken.None);
        return socket;
    }

    /// <summary>Types on an instance's console, as another watcher of it.</summary>
    public async Task TypeAsync(string instanceId, string text)
    {
        using var socket = await OpenConsoleAsync(instanceId);
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    /// <summary>As kill -9 does.</summary>
    public async Task KillAsync(string program)
    {
        _programs[program].Kill();
        await _programs[program].WaitForExitAsync();
    }

    /// <summary>As kill -9 does to PostgreSQL's first process.</summary>
    public void KillDatabase()
    {
        using var postmaster = Process.GetProcessById(int.Parse(File.ReadLines(Path.Combine(DataFolder, "postgres", "cluster", "postmaster.pid")).First()));
        postmaster.Kill();
    }

    public Process ProcessOf(string program) => _programs[program];

    public Process DomainOf(string instanceId) => Process.GetProcessById(int.Parse(File.ReadAllText(Path.Combine(DataFolder, "instances", instanceId, "pid"))));

    public void Start(string program) => _programs[program] = Process.Start(
        new ProcessStartInfo(program == "cloudpv-web" ? Built("src/CloudPv.Web", program) : Built("src/CloudPv.Worker", program))
        {
            Environment =
            {
                ["CLOUDPV_DATA"] = DataFolder,
                ["CLOUDPV_DOMAIN"] = Built("tests/CloudPv.FakeDomain", "fake-domain"),
                ["ASPNETCORE_URLS"] = Address.ToString().TrimEnd('/'),
                ["Logging__LogLevel__Default"] = "Warning",
            },
        })!;

    public async ValueTask DisposeAsync()
    {
        var instances = await Client.GetFromJsonAsync<JsonElement>("/api/v1/instances?limit=1000");
        foreach (var instance in instances.GetProperty("items").EnumerateArray())
            await Client.DeleteAsync($"/api/v1/instances/{instance.GetProperty("id").GetString()}");
        await UntilAsync(() => Task.FromResult(Directory.GetDirectories(Path.Combine(DataFolder, "instances")).Length == 0));
        foreach (var program in _programs.Values)
        {
            using var terminate = Process.Start("kill", ["-TERM", $"{program.Id}"]);
            await program.WaitForExitAsync();
            program.Dispose();
        }
        Client.Dispose();
        _root.Delete(recursive: true);
    }

    /// <summary>The repository that this test project was built in.</summary>
    public static string Repository() => new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.Parent!.Parent!.Parent!.FullName;

    /// <summary>A program as this test project's own build made it: …/bin/CONFIGURATION/FRAMEWORK/.</summary>
    private static string Built(string project, string program)
    {
        var framework = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(Repository(), project, "bin", framework.Parent!.Name, framework.Name, program);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
