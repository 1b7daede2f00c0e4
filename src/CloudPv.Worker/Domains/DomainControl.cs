using System.Net.Sockets;
using System.Text.Json.Serialization;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker;

/// <summary>Talks with one domain process over its control socket (docs/domain-control.md).</summary>
internal static class DomainControl
{
    /// <summary>Opens a connection and sends one command.</summary>
    /// <returns>The connection, for what follows, and the answer.</returns>
    /// <exception cref="IOException">The process isn't listening, went away, or refuses.</exception>
    public static async Task<(JsonLineConnection Connection, ControlAnswer Answer)> OpenAsync(string socketPath, ControlCommand command, CancellationToken cancel)
    {
        var connection = await ConnectAsync(socketPath, cancel);
        try
        {
            await connection.WriteAsync(command, ControlJson.Default.ControlCommand, cancel);
            var answer = await connection.ReadAsync(ControlJson.Default.ControlAnswer, cancel) ?? throw new IOException("The domain process closed the connection.");
            return answer.Ok ? (connection, answer) : throw new IOException(answer.Error ?? "The domain process refused.");
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends one command and has its answer.</summary>
    /// <inheritdoc cref="OpenAsync" path="/exception"/>
    public static async Task SendAsync(string socketPath, ControlCommand command, CancellationToken cancel)
    {
        var (connection, _) = await OpenAsync(socketPath, command, cancel);
        await connection.DisposeAsync();
    }

    private static async Task<JsonLineConnection> ConnectAsync(string socketPath, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancel);
            return new JsonLineConnection(new NetworkStream(socket, ownsSocket: true));
        }
        catch (SocketException refused)
        {
            socket.Dispose();
            throw new IOException($"The domain process does not listen on {socketPath}: {refused.Message}", refused);
        }
    }
}

/// <param name="Reason">Of <c>shutdown</c>: <c>poweroff</c> or <c>reboot</c>.</param>
internal sealed record ControlCommand(string Command, string? Reason = null);

/// <param name="State"><c>building</c>, <c>running</c> or <c>stopped</c>.</param>
internal sealed record ControlAnswer(bool Ok = true, string? Error = null, string? State = null, int? Pid = null);

/// <summary>What a domain process writes before it ends.</summary>
internal sealed record DomainExit(string? Reason, string? Detail);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ControlCommand))]
[JsonSerializable(typeof(ControlAnswer))]
[JsonSerializable(typeof(DomainExit))]
internal sealed partial class ControlJson : JsonSerializerContext;
