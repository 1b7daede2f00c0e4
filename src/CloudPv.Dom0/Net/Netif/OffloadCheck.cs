namespace CloudPv.Dom0.Net;

/// <summary>Whether the work that a sender left to others can be done: checked once, where a frame comes from a guest.</summary>
internal static class OffloadCheck
{
    public static bool IsPossible(in Frame frame)
    {
        if (frame.Offload.SegmentSize > 0)
            return TcpSegmenter.TryCreate(frame, out _);
        return frame.Offload.Checksum != ChecksumState.Blank || TransportHeader.TryFind(frame.Bytes, out _);
    }
}
