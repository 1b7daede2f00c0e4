namespace CloudPv.Dom0.Disks;

/// <summary>A disk whose writes go to an overlay file of its own, and whose base is never written. The format is docs/disk-overlay.md.
/// What was flushed survives the process and the host's power; what was not may be lost, but only as a whole sector's latest write.</summary>
public sealed class OverlayDisk : IDisk
{
    private const int ClusterSize = OverlayHeader.ClusterSize;

    private readonly RawDisk _base;
    private readonly DiskFile _overlay;
    private readonly OverlayBitmap _bitmap;
    private readonly long _dataOffset;
    private readonly byte[] _cluster = GC.AllocateUninitializedArray<byte>(ClusterSize, pinned: true);
    private readonly Lock _growing = new();
    private readonly Lock _flushing = new();

    private OverlayDisk(RawDisk @base, DiskFile overlay, OverlayHeader header)
    {
        _base = @base;
        _overlay = overlay;
        _dataOffset = header.DataOffset;
        _bitmap = new(overlay, header.BitmapSize);
    }

    /// <summary>Opens an overlay, making it where it is missing.</summary>
    /// <exception cref="ToolstackException">A file is missing, in use, no overlay, or of another base.</exception>
    public static OverlayDisk Open(string basePath, string overlayPath, Action<string> log)
    {
        RawDisk raw = RawDisk.Open(basePath, readOnly: true, log);
        DiskFile? overlay = null;
        try
        {
            if (!File.Exists(overlayPath))
                OverlayFile.Create(overlayPath, new(raw.Length));
            overlay = DiskFile.Open(overlayPath, readOnly: false);
            return new(raw, overlay, OverlayFile.ReadHeader(overlayPath, overlay, raw.Length));
        }
        catch (Exception e)
        {
            overlay?.Dispose();
            raw.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new ToolstackException($"overlay {overlayPath}: {e.Message}", e);
            throw;
        }
    }

    public long Length => _base.Length;

    public bool IsReadOnly => false;

    public bool Read(long offset, ReadOnlySpan<IoVector> buffers)
    {
        long end = offset + TotalLength(buffers);
        Span<IoVector> part = stackalloc IoVector[buffers.Length];
        int index = 0;
        nint used = 0;
        for (long at = offset; at < end;)
        {
            long cluster = at / ClusterSize, run = _bitmap.RunLength(cluster, ClustersUpTo(end)), stop = Math.Min(end, (cluster + run) * ClusterSize);
            ReadOnlySpan<IoVector> vectors = part[..TakeVectors(buffers, ref index, ref used, stop - at, part)];
            if (!(_bitmap[cluster] ? _overlay.Read(_dataOffset + at, vectors) : _base.Read(at, vectors)))
                return false;
            at = stop;
        }
        return true;
    }

    public bool Write(long offset, ReadOnlySpan<IoVector> buffers)
    {
        long end = offset + TotalLength(buffers), first = offset / ClusterSize, last = ClustersUpTo(end);
        if (_bitmap[first] && _bitmap.RunLength(first, last) == last - first)
            return _overlay.Write(_dataOffset + offset, buffers);

        // Clusters come to the overlay one write at a time: two that share a cluster must not both fill it up from the base.
        lock (_growing)
        {
            bool isFilled = offset % ClusterSize == 0 || FillUp(first);
            isFilled &= end % ClusterSize == 0 || end == Length || FillUp(last - 1);
            if (!isFilled || !_overlay.Write(_dataOffset + offset, buffers))
                return false;
            _bitmap.Add(first, last);
            return true;
        }
    }

    public bool Flush()
    {
        // One after the other: a second flush must not be answered while the first has bits in hand that speak of what the second was to make safe.
        lock (_flushing)
        {
            List<(int Block, byte[] Bytes)> unsaved;
            lock (_growing)
                unsaved = _bitmap.TakeUnsaved();
            bool isDone = _overlay.Flush();
            if (isDone && unsaved.Count > 0)
            {
                foreach ((int block, byte[] bytes) in unsaved)
                    isDone &= _overlay.Write(OverlayHeader.BitmapOffset + ((long)block * OverlayHeader.Size), [IoVector.Of(bytes)]);
                isDone = isDone && _overlay.Flush();
            }
            if (!isDone)
            {
                lock (_growing)
                    _bitmap.PutBack(unsaved);
            }
            return isDone;
        }
    }

    public bool Discard(long offset, long length)
    {
        long end = offset + length;
        bool isDone = true;
        for (long at = offset; at < end;)
        {
            long cluster = at / ClusterSize, stop = Math.Min(end, (cluster + _bitmap.RunLength(cluster, ClustersUpTo(end))) * ClusterSize);
            if (_bitmap[cluster])
                isDone &= _overlay.PunchHole(_dataOffset + at, stop - at);
            at = stop;
        }
        return isDone;
    }

    public void Dispose()
    {
        Flush();
        _overlay.Dispose();
        _base.Dispose();
    }

    // Brings a cluster's old contents to the overlay before a part of it is written; it counts as held only after that.
    private bool FillUp(long cluster)
    {
        if (_bitmap[cluster])
            return true;
        long start = cluster * ClusterSize;
        ReadOnlySpan<IoVector> vector = [IoVector.Of(_cluster.AsSpan(0, (int)Math.Min(ClusterSize, Length - start)))];
        return _base.Read(start, vector) && _overlay.Write(_dataOffset + start, vector);
    }

    private static long ClustersUpTo(long end) => (end + ClusterSize - 1) / ClusterSize;

    private static long TotalLength(ReadOnlySpan<IoVector> buffers)
    {
        long length = 0;
        foreach (IoVector buffer in buffers)
            length += buffer.Length;
        return length;
    }

    // Moves on by a length in the buffers, from byte `used` of buffer `index`, and gives the pieces passed.
    private static int TakeVectors(ReadOnlySpan<IoVector> buffers, ref int index, ref nint used, long length, Span<IoVector> taken)
    {
        int count = 0;
        while (length > 0)
        {
            nint piece = (nint)Math.Min(length, buffers[index].Length - used);
            taken[count++] = buffers[index].Slice(used, piece);
            length -= piece;
            used += piece;
            if (used == buffers[index].Length)
            {
                index++;
                used = 0;
            }
        }
        return count;
    }
}
