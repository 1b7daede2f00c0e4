using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using CloudPv.Dom0;
using CloudPv.Guests;

namespace CloudPv.DomainHost.Tests;

/// <summary>A domain process with the echo kernel, in a folder of its own.</summary>
internal sealed class RunningDomain : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudpv-domain-test-");
    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    public RunningDomain(Func<DomainSpec, DomainSpec>? change = null, string? specText = null)
    {
        File.WriteAllBytes(this["kernel"], EchoKernel.Assemble());
        var spec = new DomainSpec { Id = "i-test", Kernel = this["kernel"], MemoryMiB = 32, ControlSocket = this["control"], ConsoleLog = this["console.log"] };
        specText ??= JsonSerializer.Serialize(change?.Invoke(spec) ?? spec, DomainSpecJson.Default.DomainSpec);
        File.WriteAllText(this["spec.json"], specText);
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "cloudpv-domain.dll"), "--spec", this["spec.json"]]) { RedirectStandardError = true };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, e) => _errors.AppendLine(e.Data);
        _process.BeginErrorReadLine();
    }

    public string this[string name] => Path.Combine(_folder.FullName, name);

    public string Errors => _errors.ToString();

    public int ProcessId => _process.Id;

    public static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Connects as soon as the process listens.</summary>
    public async Task<ControlClient> ConnectAsync()
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(this["control"]), deadline.Token);
                return new(new NetworkStream(socket, ownsSocket: true));
            }
            catch (SocketException) when (!_process.HasExited)
            {
                socket.Dispose();
                await Task.Delay(20, deadline.Token);
            }
        }
    }

    /// <summary>Connects to the console, past the greeting.</summary>
    public async Task<ControlClient> ConnectConsoleAsync()
    {
        ControlClient console = await ConnectAsync();
        (await console.AskAsync("""{"command":"console"}""")).GetProperty("ok").GetBoolean().ShouldBeTrue();
        await console.ReadUntilAsync(EchoKernel.Greeting);
        return console;
    }

    public async Task<int> ExitCodeAsync()
    {
        using var deadline = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    public JsonElement ExitFile => JsonDocument.Parse(File.ReadAllText(this["control"] + ".exit.json")).RootElement;

    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        _folder.Delete(recursive: true);
    }
}

/// <summary>A client of a control socket.</summary>
internal sealed class ControlClient(Stream stream) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _deadline = new(Patience);

    public async Task<JsonElement> AskAsync(string request)
    {
        await SendAsync(request + "\n");
        return await ReadLineAsync();
    }

    public async Task SendAsync(string text) => await stream.WriteAsync(Encoding.Latin1.GetBytes(text), _deadline.Token);

    public async Task<JsonElement> ReadLineAsync() => JsonDocument.Parse(await ReadUntilAsync("\n")).RootElement;

    /// <summary>Reads until a text has come, and no byte more.</summary>
    public async Task<string> ReadUntilAsync(string end)
    {
        var read = new StringBuilder();
        byte[] one = new byte[1];
        while (!read.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _deadline.Token) == 0)
                throw new EndOfStreamException($"the connection ended after: {read}");
            read.Append((char)one[0]);
        }
        return read.ToString();
    }

    /// <summary>All that comes until the connection ends.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var read = new StringBuilder();
        byte[] some = new byte[4096];
        for (int length; (length = await stream.ReadAsync(some, _deadline.Token)) > 0;)
            read.Append(Encoding.Latin1.GetString(some, 0, length));
        return read.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await stream.DisposeAsync();
        _deadline.Dispose();
    }
}
