namespace CloudPv.Dom0.Disks;

/// <summary>Which clusters an overlay holds. A bit is set once its cluster's data is written, and never cleared; it is saved once that data is on stable storage.
/// So whatever part of a saved bitmap a crash leaves, each of its bits is true.</summary>
internal sealed class OverlayBitmap
{
    private const int BlockSize = OverlayHeader.Size;

    private readonly byte[] _bits;
    private readonly bool[] _unsaved;

    /// <param name="size">Bytes, a multiple of 4096.</param>
    public OverlayBitmap(DiskFile file, int size)
    {
        _bits = GC.AllocateArray<byte>(size, pinned: true);
        _unsaved = new bool[size / BlockSize];
        if (!file.Read(OverlayHeader.BitmapOffset, [IoVector.Of(_bits)]))
            throw new IOException("its bitmap can't be read");
    }

    public bool this[long cluster] => (Volatile.Read(ref _bits[cluster >> 3]) & (1 << (int)(cluster & 7))) != 0;

    /// <summary>The number of clusters from the first on, up to the end, that are all held or all not.</summary>
    public long RunLength(long first, long end)
    {
        bool isHeld = this[first];
        long cluster = first + 1;
        while (cluster < end && this[cluster] == isHeld)
            cluster++;
        return cluster - first;
    }

    /// <summary>Takes note of clusters whose data is written. For one caller at a time.</summary>
    public void Add(long first, long end)
    {
        for (long cluster = first; cluster < end; cluster++)
        {
            ref byte bits = ref _bits[cluster >> 3];
            Volatile.Write(ref bits, (byte)(bits | (1 << (int)(cluster & 7))));
            _unsaved[(cluster >> 3) / BlockSize] = true;
        }
    }

    /// <summary>What has to be saved after the data that it speaks of: blocks by number with their bytes as they are now. For one caller at a time.</summary>
    public List<(int Block, byte[] Bytes)> TakeUnsaved()
    {
        var taken = new List<(int Block, byte[] Bytes)>();
        for (int block = 0; block < _unsaved.Length; block++)
        {
            if (!_unsaved[block])
                continue;
            byte[] copy = GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true);
            _bits.AsSpan(block * BlockSize, BlockSize).CopyTo(copy);
            taken.Add((block, copy));
            _unsaved[block] = false;
        }
        return taken;
    }

    public void PutBack(List<(int Block, byte[] Bytes)> taken)
    {
        foreach ((int block, _) in taken)
            _unsaved[block] = true;
    }
}
