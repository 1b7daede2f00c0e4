using System.Collections.Concurrent;
using CloudPv.Dom0.Net;

namespace CloudPv.Dom0.Tests.Net;

/// <summary>The network as a test plays it: what the interface sends is kept, what it is to get is put into its queue.</summary>
internal sealed class RecordingLink : IFrameLink
{
    private readonly BlockingCollection<(byte[] Bytes, Offload Offload)> _sent = [];

    public FrameQueue Incoming { get; } = new();

    public int SentCount => _sent.Count;

    public void Send(in Frame frame) => _sent.Add((frame.Bytes.ToArray(), frame.Offload));

    public (byte[] Bytes, Offload Offload) NextSent()
    {
        _sent.TryTake(out var frame, TimeSpan.FromSeconds(20)).ShouldBeTrue("nothing was sent");
        return frame;
    }

    public void Deliver(byte[] frame, Offload offload = default) => Incoming.TryEnqueue(new Frame(frame, offload)).ShouldBeTrue();

    public void Dispose() => _sent.Dispose();
}
