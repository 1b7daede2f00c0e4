using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.RegularExpressions;

namespace CloudPv.EndToEnd.Tests;

/// <summary>A console WebSocket with someone at the keyboard: types, and waits for what the guest prints.</summary>
public sealed class GuestConsole : IAsyncDisposable
{
    private static readonly TimeSpan Reconnect = TimeSpan.FromMilliseconds(500);

    private readonly ClientWebSocket _socket;
    private readonly StringBuilder _output = new();
    private int _read;

    private GuestConsole(ClientWebSocket socket) => _socket = socket;

    /// <summary>All that came so far, scrollback first.</summary>
    public string Output => _output.ToString();

    /// <summary>Connects; tries again, as the page does, while the service says that the instance's host is away.</summary>
    public static async Task<GuestConsole> OpenAsync(RunningService service, string instanceId)
    {
        var address = new UriBuilder(service.Address) { Scheme = "ws", Path = $"/api/v1/instances/{instanceId}/console" }.Uri;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var socket = new ClientWebSocket();
            socket.Options.SetRequestHeader("Authorization", $"Bearer {service.Key}");
            socket.Options.CollectHttpResponseDetails = true;
            try
            {
                await socket.ConnectAsync(address, deadline.Token);
                return new GuestConsole(socket);
            }
            catch (WebSocketException) when (socket.HttpStatusCode == HttpStatusCode.ServiceUnavailable)
            {
                socket.Dispose();
                await Task.Delay(Reconnect, deadline.Token);
            }
        }
    }

    public Task TypeAsync(string text) =>
        _socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);

    /// <summary>Waits until output not yet matched has <paramref name="pattern"/>; fails with all the output after <paramref name="within"/>.</summary>
    public async Task<Match> ExpectAsync(string pattern, TimeSpan? within = null)
    {
        using var deadline = new CancellationTokenSource(within ?? TimeSpan.FromSeconds(90));
        var buffer = new byte[16384];
        try
        {
            while (true)
            {
                var match = Regex.Match(_output.ToString(_read, _output.Length - _read), pattern, RegexOptions.Multiline);
                if (match.Success)
                {
                    _read += match.Index + match.Length;
                    return match;
                }
                var received = await _socket.ReceiveAsync(buffer, deadline.Token);
                if (received.MessageType == WebSocketMessageType.Close)
                    throw new InvalidOperationException($"The console closed before /{pattern}/ came. All of it:\n{_output}");
                _output.Append(Encoding.UTF8.GetString(buffer, 0, received.Count));
            }
        }
        catch (OperationCanceledException timeout)
        {
            throw new TimeoutException($"/{pattern}/ did not come. All of the console:\n{_output}", timeout);
        }
    }

    /// <summary>Answers the next login prompt, and waits for the shell.</summary>
    public async Task LogInAsync()
    {
        await ExpectAsync("login: ");
        await TypeAsync("root\n");
        await ExpectAsync("root@.*:~# ");
        // Whatever the kernel has to say, it is not to say it in the middle of what a command prints. dmesg has it.
        await RunAsync("dmesg -n 1");
    }

    /// <summary>Runs a shell command and gives what it printed, without its echo.</summary>
    public async Task<string> RunAsync(string command, TimeSpan? within = null)
    {
        // The quotes are in what the shell echoes, wrapped as it likes, and not in what the command prints.
        var begin = Guid.NewGuid().ToString("N")[..8];
        var end = Guid.NewGuid().ToString("N")[..8];
        await TypeAsync($"echo {begin[..4]}''{begin[4..]}; {command}; echo {end[..4]}''{end[4..]}=$?\n");
        var match = await ExpectAsync($@"{begin}\r?\n((?:.*\n)*?){end}=(\d+)", within);
        match.Groups[2].Value.ShouldBe("0", $"{command} failed:\n{match.Groups[1].Value}");
        return match.Groups[1].Value.Replace("\r", "", StringComparison.Ordinal).TrimEnd('\n');
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
