using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace CloudPv.FakeDomain;

/// <summary>A domain process whose guest is a few lines of C#.</summary>
internal sealed class ScriptedDomain(string controlSocket, string consoleLog, string commandLine) : IDisposable
{
    private readonly TaskCompletionSource<string> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _console = new();
    private readonly List<Channel<byte[]>> _watchers = [];
    private readonly FileStream _log = new(consoleLog, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
    private string _typed = "";
    private int _restarts;

    /// <param name="listening">Called when the control socket listens.</param>
    public async Task<int> RunAsync(Action listening)
    {
        if (commandLine.Contains("build-failure", StringComparison.Ordinal))
        {
            WriteExit("failed", "The fake kernel has no entry point.");
            return 1;
        }
        Print("fake guest is up\n"); // before anybody can connect: what is typed comes behind it
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(controlSocket));
        listener.Listen();
        listening();
        _ = AcceptAsync(listener);
        var reason = await _end.Task;
        WriteExit(reason, null);
        return reason == "crash" ? 3 : 0;
    }

    public void Dispose() => _log.Dispose();

    private void WriteExit(string reason, string? detail) =>
        File.WriteAllText($"{controlSocket}.exit.json", JsonSerializer.Serialize(new { state = "stopped", reason, detail }));

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
            _ = ServeAsync(await listener.AcceptAsync());
    }

    private async Task ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        while (await ReadLineAsync(stream) is { } line)
        {
            var command = JsonNode.Parse(line)!;
            switch ((string?)command["command"])
            {
                case "watch":
                    await AnswerAsync(stream, Info());
                    await _end.Task;
                    return;
                case "info":
                    await AnswerAsync(stream, Info());
                    break;
                case "shutdown":
                    await AnswerAsync(stream, new JsonObject { ["ok"] = true });
                    Shutdown((string)command["reason"]!);
                    break;
                case "destroy":
                    await AnswerAsync(stream, new JsonObject { ["ok"] = true });
                    _end.TrySetResult("destroyed");
                    break;
                case "console":
                    await AnswerAsync(stream, new JsonObject { ["ok"] = true });
                    await ServeConsoleAsync(stream);
                    return;
                default:
                    await AnswerAsync(stream, new JsonObject { ["ok"] = false, ["error"] = "unknown command" });
                    break;
            }
        }
    }

    private JsonObject Info() => new() { ["ok"] = true, ["state"] = "running", ["pid"] = Environment.ProcessId, ["restarts"] = _restarts };

    private void Shutdown(string reason)
    {
        if (commandLine.Contains("hang", StringComparison.Ordinal))
            return;
        if (reason == "reboot")
        {
            _restarts++;
            Print("fake guest is up again\n");
        }
        else
        {
            _end.TrySetResult(reason);
        }
    }

    private async Task ServeConsoleAsync(NetworkStream stream)
    {
        var output = Channel.CreateUnbounded<byte[]>();
        lock (_console)
        {
            output.Writer.TryWrite(File.ReadAllBytes(consoleLog));
            _watchers.Add(output);
        }
        var typing = TypeAsync(stream);
        try
        {
            await foreach (var bytes in output.Reader.ReadAllAsync())
                await stream.WriteAsync(bytes);
        }
        catch (IOException)
        {
            await typing; // whoever typed has gone, but what was typed counts
        }
    }

    private async Task TypeAsync(NetworkStream stream)
    {
        var buffer = new byte[4096];
        for (int got; (got = await stream.ReadAsync(buffer)) > 0;)
        {
            var text = Encoding.UTF8.GetString(buffer, 0, got);
            // As a tty: Enter is a carriage return, and reads as a line feed.
            Print(text.Replace("\r", "\r\n", StringComparison.Ordinal));
            _typed += text.Replace('\r', '\n');
            if (_typed.Contains("crash\n", StringComparison.Ordinal))
                _end.TrySetResult("crash");
            if (_typed.Contains("suspend\n", StringComparison.Ordinal))
                _end.TrySetResult("suspend");
            if (_typed.Contains("poweroff\n", StringComparison.Ordinal))
                _end.TrySetResult("poweroff");
        }
    }

    private void Print(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        lock (_console)
        {
            _log.Write(bytes);
            _watchers.ForEach(w => w.Writer.TryWrite(bytes));
        }
    }

    private static async Task<string?> ReadLineAsync(NetworkStream stream)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (await stream.ReadAsync(one) == 1)
        {
            if (one[0] == '\n')
                return Encoding.UTF8.GetString([.. line]);
            line.Add(one[0]);
        }
        return null;
    }

    private static async Task AnswerAsync(NetworkStream stream, JsonObject answer) =>
        await stream.WriteAsync(Encoding.UTF8.GetBytes(answer.ToJsonString() + "\n"));
}
