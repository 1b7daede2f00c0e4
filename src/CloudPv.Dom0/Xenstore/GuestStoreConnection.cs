using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using CloudPv.Hypervisor;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Xenstore;

/// <summary>Serves the store to one guest over its ring page. A guest that breaks the ring's rules loses its connection and nothing else.</summary>
public sealed class GuestStoreConnection : IDisposable
{
    /// <summary>Watch events that may wait for a guest that doesn't read them.</summary>
    private const int MaxWaitingEvents = 16384;

    /// <summary>After so many steps others get at the connection (to end it) and at the thread.</summary>
    private const int StepsPerTurn = 1024;

    private static readonly int HeaderSize = Unsafe.SizeOf<XsHeader>();

    private readonly Lock _gate = new();
    private readonly StoreSession _session;
    private readonly GuestPage _page;
    private readonly XenstoreRing _ring;
    private readonly IEventChannel? _channel;
    private readonly DeferredWork _work;
    private readonly byte[] _request = new byte[HeaderSize + XsLimits.PayloadMax];
    private readonly OrderedEvents _events = new();
    private int _requestLength;
    private ReadOnlyMemory<byte> _answer;
    private bool _isEnded;

    /// <param name="ring">The page that the domain builder reserved for the store.</param>
    /// <param name="port">The guest's port for it.</param>
    public GuestStoreConnection(XenStore store, IGuest guest, Mfn ring, EventPort port)
    {
        _session = new(store, guest.Id);
        _page = guest.MapFrame(ring);
        _ring = new(_page);
        _ring.OfferFeatures();
        _work = new(Serve);
        _channel = guest.TryBindInterdomain(port, _work.Schedule) ?? throw new InvalidOperationException($"{guest.Id} has no {port} for xenstore");
        _work.Schedule();
    }

    /// <summary>Whether the guest broke the ring's rules and was left alone since.</summary>
    public bool IsBroken { get; private set; }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isEnded)
                return;
            _isEnded = true;
            _channel?.Dispose();
            _session.Dispose();
            _page.Dispose();
        }
    }

    private void Serve()
    {
        lock (_gate)
        {
            // An event that comes before the constructor is done is served by the run that it asks for last.
            if (_isEnded || _channel is null)
                return;
            bool hasMoved = false;
            if (_ring.WantsReconnect)
            {
                Restart();
                hasMoved = true;
            }
            int steps = 0;
            while (!IsBroken && steps < StepsPerTurn && (Step() || StepAfterBarrier()))
                steps++;
            if (hasMoved || steps > 0)
                _channel.Notify();
            if (steps == StepsPerTurn)
                _work.Schedule();
        }
    }

    private void Restart()
    {
        _session.Reset();
        _events.Clear();
        _requestLength = 0;
        _answer = default;
        IsBroken = false;
        _ring.Reset();
    }

    // Linux notifies of a request only if it finds that all before it were taken, but has no barrier between its producer and its look at our consumer
    // (xb_write): each could miss the other's write. The guest's CPUs are threads of this process, so the barrier can be made on theirs as well.
    private bool StepAfterBarrier()
    {
        Interlocked.MemoryBarrierProcessWide();
        return !IsBroken && Step();
    }

    // One answer leaves before the next request is taken: a guest that doesn't read its answers can't make us keep more than one.
    private bool Step()
    {
        if (!_answer.IsEmpty)
        {
            int written = _ring.Write(_answer.Span);
            if (written < 0)
                return Break(XenstoreRingError.RingIndex);
            _answer = _answer[written..];
            return written > 0;
        }
        if (_events.TryTake(out (string Path, string Token) next))
        {
            _answer = Message(XsMessageType.WatchEvent, 0, 0, Encoding.Latin1.GetBytes($"{next.Path}\0{next.Token}\0"));
            return true;
        }
        if (_events.HasOverflowed)
            return Break(XenstoreRingError.Communication);
        return Receive();
    }

    private bool Receive()
    {
        int wanted = HeaderSize;
        if (_requestLength >= HeaderSize)
        {
            uint length = MemoryMarshal.Read<XsHeader>(_request).Length;
            if (length > XsLimits.PayloadMax)
                return Break(XenstoreRingError.Protocol);
            wanted += (int)length;
        }
        if (_requestLength < wanted)
        {
            int read = _ring.Read(_request.AsSpan(_requestLength, wanted - _requestLength));
            if (read < 0)
                return Break(XenstoreRingError.RingIndex);
            _requestLength += read;
            return read > 0;
        }
        XsHeader header = MemoryMarshal.Read<XsHeader>(_request);
        (XsMessageType type, byte[] payload) = XsRequests.Handle(_session, header, _request.AsSpan(HeaderSize, wanted - HeaderSize), OnWatchEvent);
        _answer = Message(type, header.RequestId, header.TransactionId, payload);
        _requestLength = 0;
        return true;
    }

    private bool Break(XenstoreRingError error)
    {
        IsBroken = true;
        _session.Reset();
        _events.Clear();
        _ring.SetError(error);
        return false;
    }

    private void OnWatchEvent(string path, string token)
    {
        _events.Add(path, token, MaxWaitingEvents);
        _work.Schedule();
    }

    private static byte[] Message(XsMessageType type, uint requestId, uint transactionId, byte[] payload)
    {
        var header = new XsHeader { Type = type, RequestId = requestId, TransactionId = transactionId, Length = (uint)payload.Length };
        byte[] message = new byte[HeaderSize + payload.Length];
        MemoryMarshal.Write(message, header);
        payload.CopyTo(message, HeaderSize);
        return message;
    }

    /// <summary>Watch events in the order of their first firing; one that waits already isn't added again.</summary>
    private sealed class OrderedEvents
    {
        private readonly Lock _gate = new();
        private readonly Queue<(string Path, string Token)> _order = [];
        private readonly HashSet<(string Path, string Token)> _waiting = [];

        public bool HasOverflowed { get; private set; }

        public void Add(string path, string token, int limit)
        {
            lock (_gate)
            {
                if (_order.Count >= limit)
                    HasOverflowed = true;
                else if (_waiting.Add((path, token)))
                    _order.Enqueue((path, token));
            }
        }

        public bool TryTake(out (string Path, string Token) next)
        {
            lock (_gate)
                return _order.TryDequeue(out next) && _waiting.Remove(next);
        }

        public void Clear()
        {
            lock (_gate)
            {
                _order.Clear();
                _waiting.Clear();
                HasOverflowed = false;
            }
        }
    }
}
