using System.Buffers.Binary;

namespace CloudPv.Dom0.Net;

/// <summary>Cuts one large TCP packet into segments, for a receiver without segmentation offload (GSO in software).</summary>
/// <remarks>The segments carry complete checksums. Usage: <see cref="TryCreate"/>, then <see cref="TryNext"/> until it gives false.</remarks>
public ref struct TcpSegmenter
{
    private const byte Fin = 0x01, Push = 0x08, CongestionWindowReduced = 0x80;

    private readonly ReadOnlySpan<byte> _packet;
    private readonly TransportHeader _header;
    private readonly int _payloadOffset;
    private readonly int _segmentSize;
    private int _sent;

    private TcpSegmenter(ReadOnlySpan<byte> packet, TransportHeader header, int payloadOffset, int segmentSize)
    {
        _packet = packet[..header.End];
        _header = header;
        _payloadOffset = payloadOffset;
        _segmentSize = segmentSize;
    }

    /// <summary>The greatest length of a segment with its headers.</summary>
    public readonly int MaxSegmentLength => _payloadOffset + _segmentSize;

    /// <summary>How many segments <see cref="TryNext"/> gives in all.</summary>
    public readonly int SegmentCount => Math.Max(1, (_packet.Length - _payloadOffset + _segmentSize - 1) / _segmentSize);

    /// <summary>False where the frame is no TCP packet with a segment size.</summary>
    public static bool TryCreate(in Frame frame, out TcpSegmenter segmenter)
    {
        segmenter = default;
        if (frame.Offload.SegmentSize == 0 || !TransportHeader.TryFind(frame.Bytes, out var header) || header.Protocol != TransportHeader.Tcp)
            return false;
        var payload = header.Offset + ((frame.Bytes[header.Offset + 12] >> 4) * 4);
        if (payload < header.Offset + 20 || payload > header.End)
            return false;
        segmenter = new TcpSegmenter(frame.Bytes, header, payload, frame.Offload.SegmentSize);
        return true;
    }

    /// <summary>Writes the next segment.</summary>
    /// <param name="buffer">At least <see cref="MaxSegmentLength"/> bytes.</param>
    /// <param name="length">Of the segment.</param>
    /// <returns>False: there are no more.</returns>
    public bool TryNext(Span<byte> buffer, out int length)
    {
        length = 0;
        var total = _packet.Length - _payloadOffset;
        if (_sent >= total && !(_sent == 0 && total == 0))
            return false;
        var size = Math.Min(_segmentSize, total - _sent);
        length = _payloadOffset + size;
        var segment = buffer[..length];
        _packet[.._payloadOffset].CopyTo(segment);
        _packet.Slice(_payloadOffset + _sent, size).CopyTo(segment[_payloadOffset..]);
        WriteHeaders(segment, isFirst: _sent == 0, isLast: _sent + size >= total);
        ChecksumFiller.TryFill(segment);
        _sent += Math.Max(size, 1);
        return true;
    }

    private readonly void WriteHeaders(Span<byte> segment, bool isFirst, bool isLast)
    {
        var network = segment[_header.NetworkOffset..];
        if (_header.IsV6)
        {
            BinaryPrimitives.WriteUInt16BigEndian(network[4..], (ushort)(network.Length - 40));
        }
        else
        {
            var headerLength = _header.Offset - _header.NetworkOffset;
            BinaryPrimitives.WriteUInt16BigEndian(network[2..], (ushort)network.Length);
            // Each segment is an IP packet of its own and has an identification of its own.
            var identification = BinaryPrimitives.ReadUInt16BigEndian(network[4..]);
            BinaryPrimitives.WriteUInt16BigEndian(network[4..], (ushort)(identification + (_sent / _segmentSize)));
            network[10..12].Clear();
            BinaryPrimitives.WriteUInt16BigEndian(network[10..], InternetChecksum.Finish(InternetChecksum.Add(0, network[..headerLength])));
        }

        var tcp = segment[_header.Offset..];
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]) + (uint)_sent);
        if (!isLast)
            tcp[13] &= unchecked((byte)~(Fin | Push));
        if (!isFirst)
            tcp[13] &= unchecked((byte)~CongestionWindowReduced);
    }
}
