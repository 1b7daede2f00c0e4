using CloudPv.Dom0.Rings;
using CloudPv.Hypervisor;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Net;

/// <summary>The ring by which a guest receives: it offers empty pages, each packet is copied into as many as it needs.</summary>
internal sealed class VifReceive : IDisposable
{
    private const int PageSize = 4096;

    /// <summary>How often a frontend without feature-rx-notify is looked at while packets wait for pages: it won't say when there are new ones.</summary>
    private static readonly TimeSpan DrainInterval = TimeSpan.FromMilliseconds(30);

    private readonly IGuest _guest;
    private readonly BackRing _ring;
    private readonly FrameQueue _incoming;
    private readonly VifNegotiation _frontend;
    private readonly MulticastFilter _multicast;
    private readonly Action<string> _log;
    private readonly byte[] _scratch = new byte[Frame.MaxLength];
    private readonly Timer? _drain;
    private bool _disabled;

    /// <param name="schedule">Asks for a call of <see cref="Process"/>.</param>
    public VifReceive(IGuest guest, BackRing ring, FrameQueue incoming, VifNegotiation frontend, MulticastFilter multicast, Action schedule, Action<string> log)
    {
        _guest = guest;
        _ring = ring;
        _incoming = incoming;
        _frontend = frontend;
        _multicast = multicast;
        _log = log;
        if (!frontend.RxNotify)
            _drain = new Timer(_ => schedule());
    }

    /// <summary>Gives the guest the waiting packets, as many as it has offered pages for. Not twice at once.</summary>
    public void Process(IEventChannel channel)
    {
        while (!_disabled && _incoming.TryPeek(out var frame))
        {
            var needed = SlotsFor(frame);
            if (needed > 0 && !TryHave(needed))
                break;
            if (needed > 0)
                Give(frame);
            _incoming.RemoveOldest();
        }

        if (_ring.Publish())
            channel.Notify();
    }

    public void Dispose() => _drain?.Dispose();

    /// <summary>0: the packet is not for this guest, or it can't take it.</summary>
    private uint SlotsFor(in Frame frame)
    {
        if (!_multicast.Passes(frame.Destination))
            return 0;
        int slots;
        if (MustSegment(frame))
        {
            TcpSegmenter.TryCreate(frame, out var segmenter);
            slots = segmenter.SegmentCount * PagesOf(segmenter.MaxSegmentLength);
        }
        else
        {
            slots = PagesOf(frame.Bytes.Length) + (frame.Offload.SegmentSize > 0 ? 1 : 0);
            if (slots > 1 && !_frontend.ScatterGather)
                return 0;
        }

        return slots <= _ring.SlotCount ? (uint)slots : 0;
    }

    private bool TryHave(uint needed)
    {
        do
        {
            if (!_ring.TryCountRequests(out var offered))
            {
                _log($"{_guest.Id}: impossible number of requests on the receive ring; the interface is disabled");
                _disabled = true;
                return false;
            }

            if (offered >= needed)
                return true;
        }
        while (_ring.ArmFor(needed));
        _drain?.Change(DrainInterval, Timeout.InfiniteTimeSpan);
        return false;
    }

    private void Give(in Frame frame)
    {
        if (MustSegment(frame))
        {
            TcpSegmenter.TryCreate(frame, out var segmenter);
            while (segmenter.TryNext(_scratch, out var length))
                Put(new Frame(_scratch.AsSpan(0, length), new Offload(ChecksumState.Verified)));
        }
        else if (frame.Offload.Checksum == ChecksumState.Blank && !TakesBlankChecksum(frame))
        {
            var copy = _scratch.AsSpan(0, frame.Bytes.Length);
            frame.Bytes.CopyTo(copy);
            ChecksumFiller.TryFill(copy);
            Put(new Frame(copy, new Offload(ChecksumState.Verified)));
        }
        else
        {
            Put(frame);
        }
    }

    private void Put(in Frame frame)
    {
        var rest = frame.Bytes;
        var flags = frame.Offload.Checksum switch
        {
            ChecksumState.Blank => NetifRxFlags.ChecksumBlank | NetifRxFlags.DataValidated,
            ChecksumState.Verified => NetifRxFlags.DataValidated,
            _ => NetifRxFlags.None,
        };
        var segmentSize = frame.Offload.SegmentSize;
        if (segmentSize > 0)
            flags |= NetifRxFlags.ExtraInfo;
        while (true)
        {
            var part = rest[..Math.Min(rest.Length, PageSize)];
            rest = rest[part.Length..];
            if (!rest.IsEmpty)
                flags |= NetifRxFlags.MoreData;
            PutPart(part, flags);
            if (flags.HasFlag(NetifRxFlags.ExtraInfo))
                PutSegmentSize(frame, segmentSize);
            if (rest.IsEmpty)
                return;
            flags = NetifRxFlags.None;
        }
    }

    private void PutPart(ReadOnlySpan<byte> part, NetifRxFlags flags)
    {
        var request = _ring.Take<NetifRxRequest>();
        var response = new NetifRxResponse { Id = request.Id, Flags = flags, Status = (short)NetifStatus.Error };
        if (_guest.TryMapGrant(request.Gref, readOnly: false, out var page) == GrantStatus.Okay)
        {
            using (page)
                part.CopyTo(page!.Bytes);
            response.Status = (short)part.Length;
        }

        _ring.Put(response);
    }

    /// <summary>The extra info takes a slot of the ring, and with it the page that the guest offered there.</summary>
    private void PutSegmentSize(in Frame frame, ushort segmentSize)
    {
        _ring.Take<NetifRxRequest>();
        _ring.Put(new NetifExtraInfo { Type = NetifExtraType.Gso, GsoSize = segmentSize, GsoType = IsV6(frame) ? NetifGsoType.TcpV6 : NetifGsoType.TcpV4 });
    }

    private bool MustSegment(in Frame frame) =>
        frame.Offload.SegmentSize > 0 && !(_frontend.ScatterGather && (IsV6(frame) ? _frontend.GsoV6 : _frontend.GsoV4));

    private bool TakesBlankChecksum(in Frame frame) => IsV6(frame) ? _frontend.ChecksumV6 : _frontend.ChecksumV4;

    private static bool IsV6(in Frame frame) => TransportHeader.TryFind(frame.Bytes, out var header) && header.IsV6;

    private static int PagesOf(int length) => (length + PageSize - 1) / PageSize;
}
