using System.Net.WebSockets;
using System.Text;
using System.Text.RegularExpressions;

namespace CloudPv.EndToEnd.Tests;

/// <summary>A console WebSocket with someone at the keyboard: types, and waits for what the guest prints.</summary>
public sealed class GuestConsole : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly StringBuilder _output = new();
    private int _read;

    private GuestConsole()
    {
    }

    /// <summary>All that came so far, scrollback first.</summary>
    public string Output => _output.ToString();

    public static async Task<GuestConsole> OpenAsync(RunningService service, string instanceId)
    {
        var console = new GuestConsole();
        console._socket.Options.SetRequestHeader("Authorization", $"Bearer {service.Key}");
        var address = new UriBuilder(service.Address) { Scheme = "ws", Path = $"/api/v1/instances/{instanceId}/console" }.Uri;
        await console._socket.ConnectAsync(address, CancellationToken.None);
        return console;
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

    /// <summary>Runs a shell command and gives what it printed, without its echo.</summary>
    public async Task<string> RunAsync(string command, TimeSpan? within = null)
    {
        var mark = Guid.NewGuid().ToString("N")[..8];
        await TypeAsync($"{command}; echo {mark[..4]}''{mark[4..]}=$?\n");
        var match = await ExpectAsync($@"''{mark[4..]}=\$\?\r?\n((?:.*\n)*?){mark}=(\d+)", within);
        match.Groups[2].Value.ShouldBe("0", $"{command} failed:\n{match.Groups[1].Value}");
        return match.Groups[1].Value.Replace("\r", "", StringComparison.Ordinal).TrimEnd('\n');
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
