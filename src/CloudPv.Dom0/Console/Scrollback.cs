namespace CloudPv.Dom0.Console;

/// <summary>The last that a console showed, kept in a file so that it survives the process, or in memory where no file is given.
/// Holds at least the last <see cref="Limit"/> bytes, at most twice as many. For one caller at a time.</summary>
public sealed class Scrollback : IDisposable
{
    /// <summary>What xenconsoled keeps for a domain (its <c>console/limit</c> key), in bytes.</summary>
    public const int Limit = 1 << 20;

    private readonly Stream _stream;

    /// <param name="path">The file; what an earlier process left in it is kept. Null: memory.</param>
    public Scrollback(string? path) =>
        _stream = path is null ? new MemoryStream() : new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);

    public void Append(ReadOnlySpan<byte> output)
    {
        _stream.Seek(0, SeekOrigin.End);
        _stream.Write(output);
        if (_stream.Length > 2 * Limit)
            Trim();
    }

    /// <summary>The last bytes, at most <see cref="Limit"/>.</summary>
    public byte[] Read()
    {
        byte[] tail = new byte[Math.Min(Limit, _stream.Length)];
        _stream.Seek(-tail.Length, SeekOrigin.End);
        _stream.ReadExactly(tail);
        return tail;
    }

    public void Dispose() => _stream.Dispose();

    // A process that is killed in here leaves some output twice, but loses none.
    private void Trim()
    {
        byte[] tail = Read();
        _stream.Seek(0, SeekOrigin.Begin);
        _stream.Write(tail);
        _stream.SetLength(tail.Length);
    }
}
