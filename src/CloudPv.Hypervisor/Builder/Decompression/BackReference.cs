namespace CloudPv.Hypervisor;

/// <summary>The copy that LZ77 formats share: it may overlap its own output, so that a short run repeats.</summary>
internal static class BackReference
{
    public static void Copy(BoundedBuffer output, int distance, int length)
    {
        Span<byte> target = output.GetSpan(length);
        ReadOnlySpan<byte> source = output.Written[^distance..];
        if (distance >= length)
        {
            source[..length].CopyTo(target);
        }
        else
        {
            for (int i = 0; i < length; i++)
                target[i] = i < distance ? source[i] : target[i - distance];
        }
        output.Advance(length);
    }
}
