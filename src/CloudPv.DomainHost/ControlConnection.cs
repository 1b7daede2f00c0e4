using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text.Json;
using CloudPv.Dom0;
using CloudPv.Dom0.Console;

namespace CloudPv.DomainHost;

/// <summary>One client of a domain's control socket: a JSON object a line each way, until a <c>console</c> command makes it raw.</summary>
internal sealed class ControlConnection(NetworkStream stream, Domu domu)
{
    private const int MaxLine = 64 * 1024;

    /// <summary>Serves the client until it goes or <paramref name="stopping"/>; never faults.</summary>
    public async Task ServeAsync(CancellationToken stopping)
    {
        await using NetworkStream owned = stream;
        var reader = PipeReader.Create(stream, new(leaveOpen: true));
        try
        {
            while (await ReadLineAsync(reader, stopping) is { } line)
                await CarryOutAsync(line, reader, stopping);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // The client went away, or the process is about to end: nobody is left to be told.
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    private async Task CarryOutAsync(byte[] line, PipeReader reader, CancellationToken stopping)
    {
        ControlRequest? request;
        try
        {
            request = JsonSerializer.Deserialize(line, ControlJson.Default.ControlRequest);
        }
        catch (JsonException e)
        {
            await AnswerAsync(ControlAnswer.Refused(e.Message));
            return;
        }
        switch (request)
        {
            case { Command: "info" }:
                await AnswerAsync(ControlAnswer.Info(domu.Status, domu.Domain));
                break;
            case { Command: "watch" }:
                await WatchAsync(reader);
                break;
            case { Command: "shutdown", Reason: "poweroff" or "reboot" }:
                await AnswerAsync(domu.RequestShutdown(reboot: request.Reason == "reboot") ? ControlAnswer.Done : NotRunning);
                break;
            case { Command: "shutdown" }:
                await AnswerAsync(ControlAnswer.Refused("shutdown needs the reason poweroff or reboot"));
                break;
            case { Command: "sysrq", Key: [char key] }:
                await AnswerAsync(domu.SendSysrq(key) ? ControlAnswer.Done : NotRunning);
                break;
            case { Command: "sysrq" }:
                await AnswerAsync(ControlAnswer.Refused("sysrq needs a key of one character"));
                break;
            case { Command: "destroy" }:
                await AnswerAsync(ControlAnswer.Done);
                domu.Destroy();
                break;
            case { Command: "scrollback" }:
                await AnswerAsync(new() { Ok = true, Data = domu.Console.ReadScrollback() });
                break;
            case { Command: "console" }:
                await AnswerAsync(ControlAnswer.Done);
                await RelayConsoleAsync(reader, stopping);
                break;
            default:
                await AnswerAsync(ControlAnswer.Refused($"there is no command '{request?.Command}'"));
                break;
        }
    }

    private static ControlAnswer NotRunning => ControlAnswer.Refused("the domain does not run now");

    private async Task WatchAsync(PipeReader reader)
    {
        using var ended = new CancellationTokenSource();
        Task closed = ReadUntilClosedAsync(reader, static _ => { }, ended.Token).ContinueWith(_ => ended.Cancel(), TaskScheduler.Default);
        try
        {
            await foreach (DomuStatus status in domu.WatchAsync(ended.Token))
                await AnswerAsync(ControlAnswer.Info(status, domu.Domain));
        }
        finally
        {
            await ended.CancelAsync();
            await closed;
        }
    }

    // Ends when the client closes its side or doesn't keep up, or the process ends; in the last case after all output is out.
    private async Task RelayConsoleAsync(PipeReader reader, CancellationToken stopping)
    {
        using ConsoleWatcher watcher = domu.Console.Watch();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Task closed = ReadUntilClosedAsync(reader, domu.Console.Input, ended.Token).ContinueWith(_ => watcher.Dispose(), TaskScheduler.Default);
        try
        {
            await foreach (ReadOnlyMemory<byte> output in watcher.Output(CancellationToken.None))
                await stream.WriteAsync(output, CancellationToken.None);
        }
        finally
        {
            await ended.CancelAsync();
            await closed;
            stream.Socket.Shutdown(SocketShutdown.Both);
        }
    }

    private static async Task ReadUntilClosedAsync(PipeReader reader, Action<ReadOnlySpan<byte>> onInput, CancellationToken ended)
    {
        try
        {
            ReadResult read;
            do
            {
                read = await reader.ReadAsync(ended);
                foreach (ReadOnlyMemory<byte> input in read.Buffer)
                    onInput(input.Span);
                reader.AdvanceTo(read.Buffer.End);
            }
            while (!read.IsCompleted);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // A client that vanished has closed its side too.
        }
    }

    private async Task AnswerAsync(ControlAnswer answer)
    {
        byte[] line = JsonSerializer.SerializeToUtf8Bytes(answer, ControlJson.Default.ControlAnswer);
        await stream.WriteAsync((byte[])[.. line, (byte)'\n']);
    }

    /// <summary>Null at the end, or where a line is longer than any request.</summary>
    private static async Task<byte[]?> ReadLineAsync(PipeReader reader, CancellationToken stopping)
    {
        while (true)
        {
            ReadResult read = await reader.ReadAsync(stopping);
            if (read.Buffer.PositionOf((byte)'\n') is { } end)
            {
                byte[] line = read.Buffer.Slice(0, end).ToArray();
                reader.AdvanceTo(read.Buffer.GetPosition(1, end));
                return line;
            }
            if (read.IsCompleted || read.Buffer.Length > MaxLine)
                return null;
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}
