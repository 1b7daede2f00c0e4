using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CloudPv.Hypervisor;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Rings;

/// <summary>
/// The backend's half of a request/response ring (xen/include/public/io/ring.h). The guest may write the pages at any time: each index and slot is
/// read once, and only the copies are believed. For one thread at a time.
/// </summary>
public sealed class BackRing : IDisposable
{
    private const int PageSize = 4096;
    private static readonly int HeaderLength = Unsafe.SizeOf<RingHeader>();

    private readonly IReadOnlyList<GuestPage> _pages;
    private readonly int _slotLength;
    private uint _consumed;
    private uint _produced;
    private uint _published;

    /// <param name="pages">The ring's pages in order; the ring unmaps them when it is disposed.</param>
    /// <param name="slotLength">The greater of request's and response's size, in bytes.</param>
    public BackRing(IReadOnlyList<GuestPage> pages, int slotLength)
    {
        _pages = pages;
        _slotLength = slotLength;
        SlotCount = BitOperations.RoundUpToPowerOf2((uint)(((pages.Count * PageSize) - HeaderLength) / slotLength) + 1) / 2;
        // A frontend's rings start at 0; after a change of backends they go on where they were.
        _consumed = _produced = _published = Volatile.Read(ref Header.RspProd);
    }

    /// <summary>A power of two.</summary>
    public uint SlotCount { get; }

    /// <summary>Requests that the guest has produced and that were not taken yet.</summary>
    /// <returns>False: the guest claims more of them than the ring has slots.</returns>
    public bool TryCountRequests(out uint count)
    {
        count = Volatile.Read(ref Header.ReqProd) - _consumed;
        return count <= SlotCount;
    }

    /// <summary>Takes the next request's slot; the caller has counted it.</summary>
    public T Take<T>()
        where T : unmanaged
    {
        Unsafe.SkipInit(out T request);
        Take(MemoryMarshal.AsBytes(new Span<T>(ref request)));
        return request;
    }

    /// <summary>As <see cref="Take{T}"/>, for requests whose layout is the guest's choice.</summary>
    public void Take(Span<byte> request)
    {
        var slot = Slot(_consumed++);
        var inFirst = Math.Min(request.Length, PageSize - slot.Offset);
        _pages[slot.Page].Bytes.Slice(slot.Offset, inFirst).CopyTo(request);
        if (inFirst < request.Length)
            _pages[slot.LastPage].Bytes[..(request.Length - inFirst)].CopyTo(request[inFirst..]);
    }

    /// <summary>Writes the next response, not yet visible to the guest.</summary>
    public void Put<T>(in T response)
        where T : unmanaged => Put(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in response)));

    /// <summary>As <see cref="Put{T}"/>, for responses whose layout is the guest's choice.</summary>
    public void Put(ReadOnlySpan<byte> response)
    {
        var slot = Slot(_produced++);
        var inFirst = Math.Min(response.Length, PageSize - slot.Offset);
        response[..inFirst].CopyTo(_pages[slot.Page].Bytes[slot.Offset..]);
        if (inFirst < response.Length)
            response[inFirst..].CopyTo(_pages[slot.LastPage].Bytes);
    }

    /// <summary>Shows the guest all responses written so far.</summary>
    /// <returns>Whether it wants to be notified of them.</returns>
    public bool Publish()
    {
        ref var header = ref Header;
        var old = _published;
        Volatile.Write(ref header.RspProd, _produced);
        _published = _produced;
        Interlocked.MemoryBarrier(); // the guest must see the producer before its event index is read
        var wanted = Volatile.Read(ref header.RspEvent);
        return _produced - wanted < _produced - old;
    }

    /// <summary>Asks the guest to notify when that many requests are there that weren't taken yet.</summary>
    /// <returns>Whether they are there already: then there may be no notification.</returns>
    public bool ArmFor(uint count)
    {
        Volatile.Write(ref Header.ReqEvent, _consumed + count);
        Interlocked.MemoryBarrier(); // the event index must be visible before the producer is read again
        return Volatile.Read(ref Header.ReqProd) - _consumed >= count;
    }

    public void Dispose()
    {
        foreach (var page in _pages)
            page.Dispose();
    }

    private ref RingHeader Header => ref MemoryMarshal.AsRef<RingHeader>(_pages[0].Bytes[..HeaderLength]);

    private (int Page, int LastPage, int Offset) Slot(uint index)
    {
        var start = HeaderLength + ((int)(index & (SlotCount - 1)) * _slotLength);
        return (start / PageSize, (start + _slotLength - 1) / PageSize, start % PageSize);
    }
}
