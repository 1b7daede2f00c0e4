using System.Buffers.Binary;
using CloudPv.Dom0.Disks;
using CloudPv.Dom0.Rings;
using CloudPv.Hypervisor;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Block;

/// <summary>Serves one connected ring. A few workers take requests in order and carry them out side by side; a flush is taken when all before it are done,
/// and nothing is taken while a barrier is under way. Transfers with a disk that answers without a wait are carried out by the thread that brings the notification,
/// up to some length: the guest has its answer when its hypercall returns.</summary>
internal sealed class BlockConnection : IDisposable
{
    /// <summary>Requests that wait for the host's disk at the same time.</summary>
    private const int MaxWorkers = 4;

    /// <summary>Bytes that a notification's own thread transfers at most, and as how many the shortest transfer counts.</summary>
    private const long MostAtOnce = 128 * 1024, LeastCounted = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly DiskPace _pace = new();
    private readonly IGuest _guest;
    private readonly IDisk _disk;
    private readonly BlkifAbi _abi;
    private readonly BackRing _ring;
    private readonly PersistentGrants? _persistent;
    private readonly Action<string> _log;
    private readonly IEventChannel? _channel;
    private readonly ManualResetEventSlim _idle = new(initialState: true);
    private int _workers;
    private int _inFlight;
    private bool _isFenced;
    private bool _isServing;
    private BlockRequest? _next;

    private BlockConnection(IGuest guest, IDisk disk, BlockRing ring, Action<string> log)
    {
        _guest = guest;
        _disk = disk;
        _abi = ring.Abi;
        _ring = new(ring.Pages, ring.Abi.SlotSize);
        _persistent = ring.IsPersistent ? new(guest) : null;
        _log = log;
        _channel = guest.TryBindInterdomain(ring.Port, Wake);
    }

    /// <summary>Binds the ring's event channel and begins to serve. The ring's pages are the connection's from now on.</summary>
    /// <returns>Null where the guest has no such port for dom0.</returns>
    public static BlockConnection? Open(IGuest guest, IDisk disk, BlockRing ring, Action<string> log)
    {
        var connection = new BlockConnection(guest, disk, ring, log);
        if (connection._channel is null)
        {
            connection.Dispose();
            return null;
        }
        lock (connection._gate)
            connection._isServing = true;
        connection.Wake();
        return connection;
    }

    public void Dispose()
    {
        lock (_gate)
            _isServing = false;
        _idle.Wait();
        _channel?.Dispose();
        _persistent?.Dispose();
        _ring.Dispose();
        _idle.Dispose();
    }

    private void Wake()
    {
        if (!TryBeginAtOnce())
            return;
        for (long left = MostAtOnce; TryTakeTransfer(left, out BlockRequest? request); left -= Math.Max(request!.Length, LeastCounted))
            CarryOutAndRespond(request!);
        lock (_gate)
        {
            EndWorker();
            if (_isServing && (_next is not null || HasRequest()))
                StartWorker();
        }
    }

    /// <summary>Makes the calling thread a worker where it is the only one and the disk is quick; else another thread is one.</summary>
    private bool TryBeginAtOnce()
    {
        lock (_gate)
        {
            if (_isServing && _workers == 0 && _pace.IsQuick)
            {
                BeginWorker();
                return true;
            }
            StartWorker();
            return false;
        }
    }

    private void StartWorker()
    {
        if (!_isServing || _workers == MaxWorkers)
            return;
        BeginWorker();
        ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Work(), this, preferLocal: false);
    }

    private void BeginWorker()
    {
        _workers++;
        _idle.Reset();
    }

    private void EndWorker()
    {
        if (--_workers == 0)
            _idle.Set();
    }

    private void Work()
    {
        while (TryTake(out BlockRequest? request))
            CarryOutAndRespond(request!);
    }

    private void CarryOutAndRespond(BlockRequest request)
    {
        long waits = ThreadWaits.Count;
        BlkifStatus status = request.Status == BlkifStatus.Okay ? CarryOut(request) : request.Status;
        Respond(request, status, waited: ThreadWaits.Count != waits);
    }

    /// <param name="longest">In bytes.</param>
    private bool TryTakeTransfer(long longest, out BlockRequest? request)
    {
        lock (_gate)
        {
            request = null;
            if (!_isServing || _isFenced || !_pace.IsQuick || (_next ??= ReadNext()) is not { } next || !IsTransfer(next) || next.Length > longest)
                return false;
            request = Take(next);
            return true;
        }
    }

    private bool TryTake(out BlockRequest? request)
    {
        lock (_gate)
        {
            request = null;
            if (_isServing && !_isFenced && (_next ??= ReadNext()) is { } next && (!IsOrdered(next) || _inFlight == 0))
            {
                request = Take(next);
                // What comes while this one is carried out finds another worker.
                if (HasRequest())
                    StartWorker();
                return true;
            }
            // A worker that finishes later takes what waits here; it looks again after its response.
            EndWorker();
            return false;
        }
    }

    private BlockRequest Take(BlockRequest next)
    {
        _next = null;
        _inFlight++;
        _isFenced = next.Operation == BlkifOperation.WriteBarrier;
        return next;
    }

    private BlockRequest? ReadNext()
    {
        if (!HasRequest())
            return null;
        Span<byte> slot = stackalloc byte[_abi.SlotSize];
        _ring.Take(slot);
        return BlockRequest.Read(slot, _abi, _guest, _disk.Length);
    }

    /// <summary>Whether a request waits; if not, the frontend notifies when the next one does.</summary>
    private bool HasRequest()
    {
        bool isPossible = _ring.TryCountRequests(out uint count);
        if (isPossible && count == 0 && _ring.ArmFor(1))
            isPossible = _ring.TryCountRequests(out count);
        if (!isPossible && _isServing)
        {
            _log($"{_guest.Id} vbd: the frontend's ring index is impossible; its ring is served no longer");
            _isServing = false;
        }
        return isPossible && count > 0;
    }

    private static bool IsOrdered(BlockRequest request) => request.Operation is BlkifOperation.WriteBarrier or BlkifOperation.FlushDiskcache;

    private static bool IsTransfer(BlockRequest request) => request.Operation is BlkifOperation.Read or BlkifOperation.Write;

    private void Respond(BlockRequest request, BlkifStatus status, bool waited)
    {
        Span<byte> response = stackalloc byte[Blkif.ResponseSize];
        response.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(response, request.Id);
        response[Blkif.ResponseOperation] = (byte)request.Operation;
        BinaryPrimitives.WriteInt16LittleEndian(response[Blkif.ResponseStatus..], (short)status);
        bool notifies;
        lock (_gate)
        {
            if (IsTransfer(request))
                _pace.Count(waited);
            _ring.Put(response);
            notifies = _ring.Publish();
            _inFlight--;
            _isFenced = false;
        }
        if (notifies)
            _channel!.Notify();
    }

    private BlkifStatus CarryOut(BlockRequest request)
    {
        bool isDone = request.Operation switch
        {
            BlkifOperation.Read => Transfer(request),
            BlkifOperation.Write => !_disk.IsReadOnly && Transfer(request),
            BlkifOperation.FlushDiskcache => _disk.Flush() && (request.Segments.Length == 0 || (!_disk.IsReadOnly && Transfer(request))),
            // What is written with a barrier is safe before what comes after it.
            BlkifOperation.WriteBarrier => _disk.Flush() && (request.Segments.Length == 0 || (!_disk.IsReadOnly && Transfer(request) && _disk.Flush())),
            _ => !_disk.IsReadOnly && _disk.Discard(request.Offset, request.Length),
        };
        if (isDone)
            return BlkifStatus.Okay;
        // Not every host file system can punch holes; the frontend then stops asking.
        return request.Operation == BlkifOperation.Discard ? BlkifStatus.NotSupported : BlkifStatus.Error;
    }

    private bool Transfer(BlockRequest request)
    {
        bool isRead = request.Operation == BlkifOperation.Read;
        var pages = new GuestPage[request.Segments.Length];
        int mapped = 0;
        try
        {
            Span<IoVector> vectors = stackalloc IoVector[request.Segments.Length];
            int count = 0;
            foreach (BlockSegment segment in request.Segments)
            {
                if (Map(segment.Reference, readOnly: !isRead, out GuestPage? page) != GrantStatus.Okay)
                    return false;
                pages[mapped++] = page!;
                IoVector vector = IoVector.Of(page!.Bytes.Slice(segment.Start, segment.Length));
                if (count > 0 && vectors[count - 1].IsFollowedBy(vector))
                    vectors[count - 1] = vectors[count - 1].Extend(vector.Length);
                else
                    vectors[count++] = vector;
            }
            return isRead ? _disk.Read(request.Offset, vectors[..count]) : _disk.Write(request.Offset, vectors[..count]);
        }
        finally
        {
            for (int i = 0; i < mapped; i++)
                Unmap(request.Segments[i].Reference, pages[i]);
        }
    }

    private GrantStatus Map(GrantRef reference, bool readOnly, out GuestPage? page)
    {
        if (_persistent is null)
            return _guest.TryMapGrant(reference, readOnly, out page);
        lock (_persistent)
            return _persistent.TryTake(reference, out page);
    }

    private void Unmap(GrantRef reference, GuestPage page)
    {
        if (_persistent is null)
        {
            page.Dispose();
            return;
        }
        lock (_persistent)
            _persistent.Release(reference);
    }
}
