using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>One warm domain process (docs/domain-control.md), without a worker.</summary>
internal sealed class WarmDomain : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _folder;

    private WarmDomain(Process process, string folder) => (_process, _folder) = (process, folder);

    /// <exception cref="CommandFailedException">It doesn't get ready.</exception>
    public static async Task<WarmDomain> StartAsync(string app, string folder, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder);
        var process = Process.Start(new ProcessStartInfo(Path.Combine(app, "cloudpv-domain"), ["--warm", Path.Combine(folder, "rehearsal")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var domain = new WarmDomain(process, folder);
        if (await process.StandardOutput.ReadLineAsync(cancel) == "ready")
            return domain;
        await domain.DisposeAsync();
        throw new CommandFailedException("the warm domain process did not get ready");
    }

    /// <summary>Hands a domain over; gives the time until its console's first byte is out.</summary>
    public async Task<TimeSpan> RunAsync(string kernel, CancellationToken cancel)
    {
        string socket = In("control.sock"), spec = In("spec.json");
        await File.WriteAllTextAsync(
            spec, JsonSerializer.Serialize(new { id = "bench", kernel, memoryMiB = 32, controlSocket = socket, consoleLog = In("console.log") }), cancel);
        var clock = Stopwatch.StartNew();
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(new { spec, @lock = In("lock"), pid = In("pid"), log = In("domain.log") }));
        if (await _process.StandardOutput.ReadLineAsync(cancel) != "listening")
            throw new CommandFailedException("the warm domain process did not take the domain");
        using var control = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await control.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
        await control.SendAsync(Encoding.ASCII.GetBytes("{\"command\":\"console\"}\n"), cancel);
        // The answer's line, then the console itself.
        var buffer = new byte[256];
        var received = 0;
        while (buffer.AsSpan(0, received).IndexOf((byte)'\n') is var end && (end < 0 || received == end + 1))
            received += await control.ReceiveAsync(buffer.AsMemory(received), cancel);
        return clock.Elapsed;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private string In(string name) => Path.Combine(_folder, name);
}
