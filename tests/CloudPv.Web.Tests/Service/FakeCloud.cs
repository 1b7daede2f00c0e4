using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

[assembly: AssemblyFixture(typeof(CloudPv.Web.Tests.RunningService))]
[assembly: CollectionBehavior(DisableTestParallelization = true)] // some tests kill a part of the one service

namespace CloudPv.Web.Tests;

/// <summary>The web program and the worker, with a PostgreSQL cluster of their own and fake domains.</summary>
public sealed class RunningService : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("cpv-web-");
    private readonly Dictionary<string, Process> _programs = [];

    public string DataFolder => _root.FullName;

    public Uri Address { get; } = new($"http://127.0.0.1:{FreePort()}");

    public string Key { get; private set; } = "";

    /// <summary>Signed in with <see cref="Key"/>.</summary>
    public HttpClient Client { get; private set; } = new();

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
        var kernel = await UploadAsync("kind=kernel&name=linux", "kernel");
        ImageId = (await UploadAsync($"kind=machine&name=debian&kernelId={kernel.GetProperty("id")}", "disk")).GetProperty("id").GetString()!;
    }

    public HttpClient NewClient(string? key) => new()
    {
        BaseAddress = Address,
        DefaultRequestHeaders = { Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key) },
    };

    public async Task<JsonElement> UploadAsync(string query, string content)
    {
        using var answer = await Client.PostAsync($"/api/v1/images?{query}", new StringContent(content, new MediaTypeHeaderValue("application/octet-stream")));
        answer.StatusCode.ShouldBe(HttpStatusCode.Created, await answer.Content.ReadAsStringAsync());
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Launches an instance and waits until it runs; its id.</summary>
    public async Task<string> LaunchAsync(string commandLine = "")
    {
        using var answer = await Client.PostAsJsonAsync("/api/v1/instances", new { imageId = ImageId, instanceType = "t1.nano", commandLine });
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        var id = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("instances")[0].GetProperty("id").GetString()!;
        await InStateAsync(id, "running");
        return id;
    }

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

/// <summary>What tests ask of answers and consoles.</summary>
internal static class Expectations
{
    /// <summary>The answer is a refusal with this status and code; its words.</summary>
    public static async Task<string> ShouldBeProblemAsync(this Task<HttpResponseMessage> call, HttpStatusCode status, string code)
    {
        using var answer = await call;
        var body = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(status, body);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        var problem = JsonDocument.Parse(body).RootElement;
        problem.GetProperty("code").GetString().ShouldBe(code, body);
        return problem.GetProperty("detail").GetString()!;
    }

    public static Task TypeAsync(this ClientWebSocket console, string text) =>
        console.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);

    /// <summary>Reads until all that came has the text.</summary>
    public static async Task<string> ReadUntilAsync(this ClientWebSocket console, string text)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var seen = "";
        var buffer = new byte[4096];
        while (!seen.Contains(text, StringComparison.Ordinal))
        {
            var read = await console.ReceiveAsync(buffer, patience.Token);
            read.MessageType.ShouldNotBe(WebSocketMessageType.Close, $"The console ended before '{text}' came:\n{seen}");
            seen += Encoding.UTF8.GetString(buffer, 0, read.Count);
        }
        return seen;
    }
}
