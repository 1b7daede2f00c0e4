using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.Dom0.Disks;

/// <summary>struct iovec of sys/uio.h: a piece of memory that doesn't move, of a guest's page or of a pinned array.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly unsafe struct IoVector
{
    private readonly byte* _start;

    private IoVector(byte* start, nint length)
    {
        _start = start;
        Length = length;
    }

    /// <summary>Bytes.</summary>
    public nint Length { get; }

    // SAFETY: the bytes must neither move nor be unmapped while the vector is in use. Guest pages don't move and are held mapped by the request that uses them.
    public static IoVector Of(Span<byte> fixedMemory) => new((byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(fixedMemory)), fixedMemory.Length);

    public IoVector Slice(nint start, nint length) => new(_start + start, length);

    /// <summary>Whether the other piece follows this one in memory, so that both can be one.</summary>
    public bool IsFollowedBy(IoVector other) => _start + Length == other._start;

    public IoVector Extend(nint length) => new(_start, Length + length);

    public Span<byte> Bytes => new(_start, (int)Length);
}
