using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

[assembly: AssemblyFixture(typeof(CloudPv.Ui.Tests.FakeCloud))]

namespace CloudPv.Ui.Tests;

/// <summary>
/// The real web program and worker on a PostgreSQL cluster of their own; only the domains are fake (CloudPv.FakeDomain),
/// so that a test can have an instance in any state within a second.
/// </summary>
public sealed class FakeCloud : IAsyncLifetime
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(2);

    private readonly string _data = Path.Combine(Path.GetTempPath(), $"cloudpv-ui-{Environment.ProcessId}");
    private readonly List<Process> _programs = [];

    public Uri Address { get; } = new($"http://127.0.0.1:{FreePort()}");

    /// <summary>The admin's access key.</summary>
    public string Key { get; private set; } = "";

    /// <summary>Another client of the same account, for what happens behind a page's back.</summary>
    public HttpClient Client { get; private set; } = new();

    public string KernelId { get; private set; } = "";

    /// <summary>A machine image named "debian".</summary>
    public string ImageId { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Start("src/CloudPv.Web", "cloudpv-web");
        Start("src/CloudPv.Worker", "cloudpv-worker");
        await WaitUntilAsync("/health", _ => true);
        Key = (await File.ReadAllTextAsync(Path.Combine(_data, "admin.key"))).Trim();
        Client = new HttpClient { BaseAddress = Address, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Key) } };
        await WaitUntilAsync("/api/v1/hosts", hosts => hosts.GetProperty("items").EnumerateArray().Any(h => h.GetProperty("state").GetString() == "available"));
        KernelId = await UploadAsync("kind=kernel&name=linux", "kernel");
        ImageId = await UploadAsync($"kind=machine&name=debian&kernelId={KernelId}", "disk");
    }

    /// <summary>Launches an instance by REST, and waits until it runs.</summary>
    public async Task<string> LaunchAsync(string name)
    {
        using var answer = await Client.PostAsJsonAsync("/api/v1/instances", new { imageId = ImageId, instanceType = "t1.nano", name });
        var launched = await answer.Content.ReadFromJsonAsync<JsonElement>();
        answer.IsSuccessStatusCode.ShouldBeTrue(launched.ToString());
        var id = launched.GetProperty("instances")[0].GetProperty("id").GetString()!;
        await WaitUntilAsync($"/api/v1/instances/{id}", instance => instance.GetProperty("state").GetString() == "running");
        return id;
    }

    public async Task PostAsync(string path)
    {
        using var answer = await Client.PostAsync(path, content: null);
        answer.IsSuccessStatusCode.ShouldBeTrue(await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Types on an instance's console, as another watcher of it.</summary>
    public async Task TypeAsync(string instanceId, string text)
    {
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", $"Bearer {Key}");
        await socket.ConnectAsync(new UriBuilder(Address) { Scheme = "ws", Path = $"/api/v1/instances/{instanceId}/console" }.Uri, CancellationToken.None);
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await TerminateAllAsync();
        Client.Dispose();
        foreach (var program in _programs)
        {
            using var terminate = Process.Start("kill", ["-TERM", $"{program.Id}"]);
            await program.WaitForExitAsync();
            program.Dispose();
        }
        Directory.Delete(_data, recursive: true);
    }

    /// <summary>Domains outlive their worker: none may be left to run on.</summary>
    private async Task TerminateAllAsync()
    {
        var instances = await Client.GetFromJsonAsync<JsonElement>("/api/v1/instances?limit=1000");
        foreach (var instance in instances.GetProperty("items").EnumerateArray())
            await Client.DeleteAsync($"/api/v1/instances/{instance.GetProperty("id").GetString()}");
        await WaitUntilAsync(
            "/api/v1/instances?limit=1000",
            all => all.GetProperty("items").EnumerateArray().All(i => i.GetProperty("state").GetString() == "terminated"));
    }

    private async Task<string> UploadAsync(string query, string content)
    {
        using var answer = await Client.PostAsync($"/api/v1/images?{query}", new StringContent(content, new MediaTypeHeaderValue("application/octet-stream")));
        var image = await answer.Content.ReadFromJsonAsync<JsonElement>();
        answer.IsSuccessStatusCode.ShouldBeTrue(image.ToString());
        return image.GetProperty("id").GetString()!;
    }

    private async Task WaitUntilAsync(string path, Func<JsonElement, bool> isSo)
    {
        using var deadline = new CancellationTokenSource(StartPatience);
        using var client = new HttpClient { BaseAddress = Address, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Key) } };
        while (true)
        {
            try
            {
                if (isSo(await client.GetFromJsonAsync<JsonElement>(path, deadline.Token)))
                    return;
            }
            catch (HttpRequestException) when (_programs.All(p => !p.HasExited))
            {
                // Not up yet.
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), deadline.Token);
        }
    }

    private void Start(string project, string program)
    {
        Directory.CreateDirectory(_data);
        _programs.Add(Process.Start(new ProcessStartInfo(Built(project, program))
        {
            Environment =
            {
                ["CLOUDPV_DATA"] = _data,
                ["CLOUDPV_DOMAIN"] = Built("tests/CloudPv.FakeDomain", "fake-domain"),
                ["ASPNETCORE_URLS"] = Address.ToString().TrimEnd('/'),
                ["Logging__LogLevel__Default"] = "Warning",
            },
        })!);
    }

    /// <summary>The program as this test project's own build made it: …/tests/CloudPv.Ui.Tests/bin/CONFIGURATION/FRAMEWORK/.</summary>
    private static string Built(string project, string program)
    {
        var framework = new DirectoryInfo(AppContext.BaseDirectory);
        var root = framework.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        return Path.Combine(root, project, "bin", framework.Parent.Name, framework.Name, program);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
