using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using CloudPv.Cli;
using CloudPv.Cli.Service;

namespace CloudPv.Benchmarks;

/// <summary>The whole service from the built programs, on a folder and a port of its own: PostgreSQL, web, worker.</summary>
internal sealed class LaunchService : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan StartRetry = TimeSpan.FromMilliseconds(200);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cpv-bench-");
    private readonly Uri _address = new($"http://127.0.0.1:{FreePort().ToInvariant()}");
    private readonly HttpClient _http;
    private readonly Process[] _programs;
    private readonly HashSet<string> _instances = [];
    private string _key = "";

    private LaunchService(string app)
    {
        // PostgreSQL runs as another user, who has to pass through.
        _folder.UnixFileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        _http = new HttpClient { BaseAddress = _address };
        _programs = [Start(app, "cloudpv-worker"), Start(app, "cloudpv-web")];
    }

    /// <param name="app">The folder with the built programs.</param>
    /// <exception cref="CommandFailedException">It doesn't become healthy.</exception>
    public static async Task<LaunchService> StartAsync(string app, CancellationToken cancel)
    {
        var service = new LaunchService(app);
        try
        {
            await service.WaitAsync(async () => await service.GetAsync("/health", cancel) is not null, "healthy", cancel);
            service._key = (await File.ReadAllTextAsync(Path.Combine(service._folder.FullName, "admin.key"), cancel)).Trim();
            service._http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", service._key);
            await service.WaitAsync(async () => (await service.GetAsync("/api/v1/hosts", cancel))?.Contains("\"available\"", StringComparison.Ordinal) == true, "ready for launches", cancel);
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>Puts a machine image without a disk into the catalogue; gives its id.</summary>
    /// <param name="ramdisk">Null: none.</param>
    public async Task<string> RegisterAsync(string name, string kernel, string? ramdisk, CancellationToken cancel)
    {
        using var client = new ServiceClient(_address, _key);
        var kernelId = (await client.RegisterImageAsync(new NewImage("kernel", name, null, null, null, null), new FileInfo(kernel), cancel)).Id;
        var ramdiskId = ramdisk is null ? null : (await client.RegisterImageAsync(new NewImage("ramdisk", name), new FileInfo(ramdisk), cancel)).Id;
        // earlyprintk: the console's first byte is the kernel's first, not that of the driver that comes up seconds later.
        return (await client.RegisterImageAsync(new NewImage("machine", name, kernelId, ramdiskId, null, "console=hvc0 earlyprintk=xen quiet"), null, cancel)).Id;
    }

    /// <summary>Launches an instance; gives its id and the time from the call to its console's first byte, as a browser gets it.</summary>
    public async Task<(string Id, TimeSpan FirstByte)> LaunchAsync(string imageId, int memoryMiB, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        using var response = await _http.PostAsJsonAsync("/api/v1/instances", new { imageId, instanceType = "t1.nano", memoryMiB }, cancel);
        var answer = await response.Content.ReadAsStringAsync(cancel);
        if (!response.IsSuccessStatusCode)
            throw new CommandFailedException($"the launch was refused: {answer}");
        using var reservation = JsonDocument.Parse(answer);
        var id = reservation.RootElement.GetProperty("instances")[0].GetProperty("id").GetString()!;
        _instances.Add(id);
        using var console = await AttachAsync(id, cancel);
        await console.ReceiveAsync(new byte[4096].AsMemory(), cancel);
        return (id, clock.Elapsed);
    }

    /// <summary>The time from a command on an instance's console to its output.</summary>
    public async Task<TimeSpan> AnswerAsync(string id, CancellationToken cancel)
    {
        using var console = await AttachAsync(id, cancel);
        await ReadUntilAsync(console, LaunchGuests.Booted, cancel);
        var clock = Stopwatch.StartNew();
        // The quotes are in the echo of what is typed and not in what is printed.
        await console.SendAsync(Encoding.ASCII.GetBytes("echo ans''wer\n"), WebSocketMessageType.Binary, endOfMessage: true, cancel);
        await ReadUntilAsync(console, "answer", cancel);
        return clock.Elapsed;
    }

    /// <summary>Waits until the console has shown that the guest has booted.</summary>
    public async Task BootedAsync(string id, CancellationToken cancel)
    {
        using var console = await AttachAsync(id, cancel);
        await ReadUntilAsync(console, LaunchGuests.Booted, cancel);
    }

    /// <summary>The instance's process.</summary>
    public int ProcessOf(string id) => int.Parse(File.ReadAllText(Path.Combine(_folder.FullName, "instances", id, "pid")));

    /// <summary>Web and worker.</summary>
    public IEnumerable<int> Programs => _programs.Select(program => program.Id);

    public async Task TerminateAsync(string id, CancellationToken cancel)
    {
        using var response = await _http.DeleteAsync($"/api/v1/instances/{id}", cancel);
        await WaitAsync(() => Task.FromResult(!Directory.Exists(Path.Combine(_folder.FullName, "instances", id))), $"rid of {id}", cancel);
        _instances.Remove(id);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var id in _instances.ToArray())
            await TerminateAsync(id, CancellationToken.None);
        foreach (var program in _programs.Reverse())
        {
            if (!program.HasExited)
                await Tool.RunAsync("kill", ["-TERM", program.Id.ToInvariant()]);
            await program.WaitForExitAsync();
            program.Dispose();
        }
        _http.Dispose();
        _folder.Delete(recursive: true);
    }

    private Process Start(string app, string name)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$1\" >\"$2\" 2>&1", "sh", Path.Combine(app, name), Path.Combine(_folder.FullName, name + ".log")])
        {
            RedirectStandardInput = true,
            Environment = { ["CLOUDPV_DATA"] = _folder.FullName, ["ASPNETCORE_URLS"] = _address.ToString().TrimEnd('/') },
        };
        return Process.Start(start)!;
    }

    private async Task<string?> GetAsync(string path, CancellationToken cancel)
    {
        try
        {
            using var response = await _http.GetAsync(path, cancel);
            return response.IsSuccessStatusCode ? await response.Content.ReadAsStringAsync(cancel) : null;
        }
        catch (HttpRequestException)
        {
            return null; // Not listening yet.
        }
    }

    private async Task WaitAsync(Func<Task<bool>> isSo, string what, CancellationToken cancel)
    {
        for (var clock = Stopwatch.StartNew(); !await isSo();)
        {
            if (clock.Elapsed > Patience || _programs.Any(program => program.HasExited))
            {
                throw new CommandFailedException(
                    $"the service does not become {what}: {string.Join('\n', File.ReadLines(Path.Combine(_folder.FullName, "cloudpv-web.log")).TakeLast(10))}");
            }
            await Task.Delay(StartRetry, cancel);
        }
    }

    /// <summary>Tries again, as the page does, until the host has the instance.</summary>
    private async Task<ClientWebSocket> AttachAsync(string id, CancellationToken cancel)
    {
        var address = new UriBuilder(_address) { Scheme = "ws", Path = $"/api/v1/instances/{id}/console" }.Uri;
        for (var clock = Stopwatch.StartNew(); ;)
        {
            var socket = new ClientWebSocket();
            socket.Options.SetRequestHeader("Authorization", $"Bearer {_key}");
            try
            {
                await socket.ConnectAsync(address, cancel);
                return socket;
            }
            catch (WebSocketException) when (clock.Elapsed < Patience)
            {
                socket.Dispose();
                await Task.Delay(Retry, cancel);
            }
        }
    }

    private static async Task ReadUntilAsync(ClientWebSocket console, string text, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        var seen = new StringBuilder();
        var buffer = new byte[16384];
        while (!seen.ToString().Contains(text, StringComparison.Ordinal))
        {
            var received = await console.ReceiveAsync(buffer.AsMemory(), patience.Token);
            if (received.MessageType == WebSocketMessageType.Close)
                throw new CommandFailedException($"the console ended before '{text}' came:\n{seen}");
            seen.Append(Encoding.ASCII.GetString(buffer, 0, received.Count));
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
