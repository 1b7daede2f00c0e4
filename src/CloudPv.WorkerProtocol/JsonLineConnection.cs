using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace CloudPv.WorkerProtocol;

/// <summary>A stream that carries one JSON value per line each way, and may turn into raw bytes after any line (a console).</summary>
public sealed class JsonLineConnection(Stream stream) : IAsyncDisposable
{
    private const int LongestLine = 64 << 20;

    /// <summary>What comes in; after the last line that was read, the raw bytes.</summary>
    public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));

    /// <summary>What goes out.</summary>
    public Stream Output => stream;

    public async Task WriteAsync<T>(T value, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        var line = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(line))
            JsonSerializer.Serialize(json, value, type);
        line.Write("\n"u8);
        await stream.WriteAsync(line.WrittenMemory, cancel);
    }

    /// <summary>The next line's value; null at the end of the stream.</summary>
    /// <exception cref="JsonException">The line isn't such a value, or is longer than any message.</exception>
    public async Task<T?> ReadAsync<T>(JsonTypeInfo<T> type, CancellationToken cancel)
        where T : class
    {
        while (true)
        {
            var read = await Input.ReadAsync(cancel);
            if (read.Buffer.PositionOf((byte)'\n') is { } end)
            {
                var value = Parse(read.Buffer.Slice(0, end), type);
                Input.AdvanceTo(read.Buffer.GetPosition(1, end));
                return value;
            }
            if (read.Buffer.Length > LongestLine)
                throw new JsonException("A line longer than any message.");
            Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted)
                return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Input.CompleteAsync();
        await stream.DisposeAsync();
    }

    private static T? Parse<T>(ReadOnlySequence<byte> line, JsonTypeInfo<T> type)
    {
        var json = new Utf8JsonReader(line);
        return JsonSerializer.Deserialize(ref json, type);
    }
}
