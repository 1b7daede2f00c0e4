namespace CloudPv.Dom0.Disks;

/// <summary>A disk's contents. Offsets and lengths are bytes, multiples of 512, and lie within the disk: the caller has checked. From any thread;
/// requests that overlap in time may be carried out in any order. At most 1024 buffers a call (IOV_MAX).</summary>
public interface IDisk : IDisposable
{
    /// <summary>Bytes, a multiple of 512.</summary>
    long Length { get; }

    bool IsReadOnly { get; }

    /// <returns>False where the host couldn't read it.</returns>
    bool Read(long offset, ReadOnlySpan<IoVector> buffers);

    /// <returns>False where the host couldn't write it (it is full, or failed).</returns>
    bool Write(long offset, ReadOnlySpan<IoVector> buffers);

    /// <summary>Makes every write that was done before survive a power loss.</summary>
    bool Flush();

    /// <summary>Gives space back. The range may read as zeros or as before.</summary>
    bool Discard(long offset, long length);
}
