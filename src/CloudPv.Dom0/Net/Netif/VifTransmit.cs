using CloudPv.Dom0.Rings;
using CloudPv.Hypervisor;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Net;

/// <summary>The ring by which a guest sends. A packet is a request for each fragment, with extra infos behind the first.</summary>
/// <remarks>As netback does: a packet that can't be taken is answered with errors; a ring that makes no sense disables the interface until it is connected anew.</remarks>
internal sealed class VifTransmit(IGuest guest, BackRing ring, IFrameLink link, MulticastFilter multicast, Action<string> log)
{
    private const int PageSize = 4096;

    /// <summary>The most fragments that a frontend may use by the protocol (XEN_NETIF_NR_SLOTS_MIN): more of them cost the packet.</summary>
    private const int MaxFragments = 18;

    /// <summary>More than this many (netback's fatal_skb_slots) cost the interface.</summary>
    private const int FatalFragments = 20;

    private readonly byte[] _packet = new byte[ushort.MaxValue];
    private readonly List<NetifTxRequest> _fragments = [];
    private bool _disabled;

    /// <summary>Takes all packets that the guest has sent. Not twice at once.</summary>
    public void Process(IEventChannel channel)
    {
        do
        {
            while (!_disabled && TryCount(out var available) && available > 0)
                TakePacket(available);
            if (ring.Publish())
                channel.Notify();
        }
        while (!_disabled && ring.ArmFor(1));
    }

    private bool TryCount(out uint available) => ring.TryCountRequests(out available) || Fatal("impossible number of requests");

    private void TakePacket(uint available)
    {
        var first = ring.Take<NetifTxRequest>();
        available--;
        var segmentSize = (ushort)0;
        NetifExtraInfo? multicastChange = null;
        var extras = 0;
        for (var more = first.Flags.HasFlag(NetifTxFlags.ExtraInfo); more; extras++)
        {
            if (available-- == 0)
            {
                Fatal("missing extra info");
                return;
            }

            var extra = ring.Take<NetifExtraInfo>();
            more = extra.Flags.HasFlag(NetifExtraFlags.More);
            switch (extra.Type)
            {
                case NetifExtraType.Gso when extra.GsoSize > 0 && extra.GsoType is NetifGsoType.TcpV4 or NetifGsoType.TcpV6:
                    segmentSize = extra.GsoSize;
                    break;
                case NetifExtraType.MulticastAdd or NetifExtraType.MulticastDelete:
                    multicastChange = extra;
                    break;
                case NetifExtraType.Hash:
                    break;
                default:
                    Fatal($"invalid extra info of type {extra.Type}");
                    return;
            }
        }

        if (multicastChange is { } change)
        {
            Respond(first, extras, Change(change) ? NetifStatus.Okay : NetifStatus.Error);
            return;
        }

        if (!TryCollect(first, available, out var fits))
            return;
        var taken = fits && TryCopy();
        Respond(first, extras, taken ? NetifStatus.Okay : NetifStatus.Error);
        if (taken)
            Send(first, segmentSize);
    }

    /// <summary>Gathers the packet's requests with the first one's size made that of its own fragment.</summary>
    /// <returns>False: the ring makes no sense.</returns>
    /// <param name="fits">False: they don't make a packet; it is to be answered with errors.</param>
    private bool TryCollect(NetifTxRequest first, uint available, out bool fits)
    {
        _fragments.Clear();
        _fragments.Add(first);
        int rest = first.Size;
        fits = rest >= Frame.EthernetHeaderLength;
        for (var more = first.Flags.HasFlag(NetifTxFlags.MoreData); more;)
        {
            if (_fragments.Count > FatalFragments)
                return Fatal("too many fragments");
            if (available-- == 0)
                return Fatal("a packet without an end");
            var next = ring.Take<NetifTxRequest>();
            more = next.Flags.HasFlag(NetifTxFlags.MoreData);
            fits &= next.Size <= rest;
            rest -= next.Size;
            if (next.Offset + next.Size > PageSize)
                return Fatal("a fragment crosses the end of its page");
            _fragments.Add(next);
        }

        fits &= _fragments.Count <= MaxFragments;
        if (!fits)
            return true;
        _fragments[0] = first with { Size = (ushort)rest };
        return first.Offset + rest <= PageSize || Fatal("a fragment crosses the end of its page");
    }

    private bool TryCopy()
    {
        var packet = _packet.AsSpan();
        foreach (var fragment in _fragments)
        {
            if (guest.TryMapGrant(fragment.Gref, readOnly: true, out var page) != GrantStatus.Okay)
                return false;
            using (page)
                page!.Bytes.Slice(fragment.Offset, fragment.Size).CopyTo(packet);
            packet = packet[fragment.Size..];
        }

        return true;
    }

    private void Send(NetifTxRequest first, ushort segmentSize)
    {
        var packet = _packet.AsSpan(0, first.Size);
        var checksum = first.Flags.HasFlag(NetifTxFlags.ChecksumBlank) ? ChecksumState.Blank
            : first.Flags.HasFlag(NetifTxFlags.DataValidated) ? ChecksumState.Verified
            : ChecksumState.Unverified;
        if (segmentSize > 0 && checksum != ChecksumState.Blank)
        {
            // Some frontends sum large packets all the same; whoever cuts them expects that they don't.
            ChecksumFiller.Blank(packet);
            checksum = ChecksumState.Blank;
        }

        var frame = new Frame(packet, new Offload(checksum, segmentSize));
        if (OffloadCheck.IsPossible(frame))
            link.Send(frame);
    }

    private bool Change(NetifExtraInfo extra)
    {
        Span<byte> bytes = stackalloc byte[MacAddress.Length];
        BitConverter.TryWriteBytes(bytes, extra.MulticastLow);
        BitConverter.TryWriteBytes(bytes[4..], extra.MulticastHigh);
        var address = MacAddress.Read(bytes);
        if (extra.Type == NetifExtraType.MulticastAdd)
            return multicast.TryAdd(address);
        multicast.Remove(address);
        return true;
    }

    private void Respond(NetifTxRequest first, int extras, NetifStatus status)
    {
        ring.Put(new NetifTxResponse { Id = first.Id, Status = status });
        for (var i = 0; i < extras; i++)
            ring.Put(new NetifTxResponse { Status = NetifStatus.Null });
        for (var i = 1; i < _fragments.Count; i++)
            ring.Put(new NetifTxResponse { Id = _fragments[i].Id, Status = status });
        _fragments.Clear();
    }

    private bool Fatal(string problem)
    {
        log($"{guest.Id}: {problem} on the transmit ring; the interface is disabled");
        _disabled = true;
        return false;
    }
}
