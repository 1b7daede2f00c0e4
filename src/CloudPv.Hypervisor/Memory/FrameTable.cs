using System.Runtime.InteropServices;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>A host's frames: their bookkeeping, and which ranges of them are given to domains.</summary>
internal sealed unsafe partial class FrameTable : IDisposable
{
    private const int ReadWrite = 3, PrivateAnonymousNoReserve = 0x4022, DontNeed = 4;

    private readonly FrameInfo* _infos;
    private readonly Lock _lock = new();
    private readonly SortedList<ulong, ulong> _free = [];

    /// <param name="first">The first frame that may be given to a domain.</param>
    /// <param name="end">The frame behind the last.</param>
    public FrameTable(ulong first, ulong end)
    {
        End = end;
        _free.Add(first, end - first);

        // SAFETY: zero pages on demand: only the entries of frames in use take memory. Every index is checked against End where it comes from a guest.
        void* infos = mmap(null, (nuint)end * (nuint)sizeof(FrameInfo), ReadWrite, PrivateAnonymousNoReserve, -1, 0);
        if ((nint)infos == -1)
            throw new InvalidOperationException("No address space for the frame table.");
        _infos = (FrameInfo*)infos;
    }

    public ulong End { get; }

    /// <summary>The entry of a frame below <see cref="End"/>.</summary>
    public ref FrameInfo this[Mfn frame] => ref _infos[frame.Value];

    /// <summary>Takes a range of frames, its entries all zero.</summary>
    public Mfn Allocate(ulong count)
    {
        lock (_lock)
        {
            foreach ((ulong first, ulong length) in _free)
            {
                if (length < count)
                    continue;
                _free.Remove(first);
                if (length > count)
                    _free.Add(first + count, length - count);
                return new(first);
            }
        }
        throw new DomainBuildException($"There is no room for {count >> 8} MiB more in the machine's address space.");
    }

    public void Free(Mfn first, ulong count)
    {
        _ = madvise(_infos + first.Value, (nuint)count * (nuint)sizeof(FrameInfo), DontNeed);
        lock (_lock)
        {
            ulong start = first.Value;
            if (_free.TryGetValue(start + count, out ulong behind))
            {
                _free.Remove(start + count);
                count += behind;
            }
            foreach ((ulong before, ulong length) in _free)
            {
                if (before + length != start)
                    continue;
                _free[before] = length + count;
                return;
            }
            _free.Add(start, count);
        }
    }

    public void Dispose() => _ = munmap(_infos, (nuint)End * (nuint)sizeof(FrameInfo));

    [LibraryImport("libc")]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int munmap(void* address, nuint length);

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint length, int advice);
}
