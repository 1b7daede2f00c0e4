namespace CloudPv.Hypervisor;

/// <summary>A growing output of a decompressor, which refuses to grow beyond its limit.</summary>
internal sealed class BoundedBuffer(int limit)
{
    private byte[] _bytes = new byte[Math.Min(limit, 1 << 20)];

    public int Length { get; private set; }

    public int Remaining => limit - Length;

    /// <summary>What came out so far, for back references.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public ArraySegment<byte> Segment => new(_bytes, 0, Length);

    /// <summary>Room for at least <paramref name="minimum"/> more bytes; <see cref="Advance"/> says how many were filled.</summary>
    public Span<byte> GetSpan(int minimum)
    {
        if (minimum > Remaining)
            throw new InvalidDataException($"it expands to more than {limit >> 20} MiB");
        if (Length + minimum > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Min(limit, Math.Max(2L * _bytes.Length, (long)Length + minimum)));
        return _bytes.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Length += bytes.Length;
    }

    public void CopyFrom(Stream stream)
    {
        var chunk = new byte[64 << 10];
        int count;
        while ((count = stream.Read(chunk)) > 0)
            Append(chunk.AsSpan(0, count));
    }

    public byte[] ToArray()
    {
        Array.Resize(ref _bytes, Length);
        return _bytes;
    }
}
