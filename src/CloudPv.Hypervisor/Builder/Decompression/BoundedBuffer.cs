namespace CloudPv.Hypervisor;

/// <summary>The output of a decompressor, which refuses to grow beyond its limit. Untouched room costs nothing, so all of it is there from the start.</summary>
/// <param name="limit">The most bytes that it takes.</param>
internal sealed class BoundedBuffer(int limit) : IDisposable
{
    private readonly PageBuffer _pages = PageBuffer.Reserve(limit);

    public int Length { get; private set; }

    /// <summary>What came out so far.</summary>
    public ReadOnlySpan<byte> Written => _pages.GetSpan()[..Length];

    /// <summary>Room for at least <paramref name="minimum"/> more bytes; <see cref="Advance"/> says how many were filled.</summary>
    public Span<byte> GetSpan(int minimum)
    {
        if (minimum > limit - Length)
            throw new InvalidDataException($"it expands to more than {limit >> 20} MiB");
        return _pages.GetSpan()[Length..];
    }

    public void Advance(int count) => Length += count;

    public void CopyFrom(Stream stream)
    {
        int count;
        while ((count = stream.Read(GetSpan(1))) > 0)
            Advance(count);
    }

    /// <summary>What came out, which is then the caller's to dispose.</summary>
    public PageBuffer Take() => _pages.Trim(Length);

    public void Dispose() => ((IDisposable)_pages).Dispose();
}
