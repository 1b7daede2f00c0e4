namespace CloudPv.Hypervisor;

/// <summary>A growing output of a decompressor, which refuses to grow beyond its limit.</summary>
/// <param name="limit">The most bytes that it takes.</param>
/// <param name="expected">The size that it will probably have, so that nothing need be copied; wrong: it grows.</param>
internal sealed class BoundedBuffer(int limit, int expected)
{
    /// <summary>Decoders see the end of their stream only while there is room for more.</summary>
    private const int Slack = 64;

    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(Math.Clamp(expected + Slack, Math.Min(limit, 1 << 20), limit));

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

    /// <summary>All the room that there is at present, and more where there is none.</summary>
    public Span<byte> GetRoom() => Length < _bytes.Length ? _bytes.AsSpan(Length) : GetSpan(1);

    public void Advance(int count) => Length += count;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Length += bytes.Length;
    }

    public void CopyFrom(Stream stream)
    {
        int count;
        while ((count = stream.Read(GetRoom())) > 0)
            Advance(count);
    }

    public ReadOnlyMemory<byte> ToMemory() => _bytes.AsMemory(0, Length);
}
