using System.Collections.Concurrent;
using CloudPv.Dom0.Net;

namespace CloudPv.Dom0.Tests.Net;

/// <summary>Takes what comes over a link, as an interface would.</summary>
internal sealed class Receiver : IDisposable
{
    private readonly BlockingCollection<(byte[] Bytes, Offload Offload)> _frames = [];

    public Receiver(IFrameLink link)
    {
        Link = link;
        link.Incoming.Arrived = Take;
        Take();
    }

    public IFrameLink Link { get; }

    /// <summary>How many frames wait to be looked at.</summary>
    public int Count => _frames.Count;

    public (byte[] Bytes, Offload Offload) Next()
    {
        _frames.TryTake(out var frame, TimeSpan.FromSeconds(20)).ShouldBeTrue("no frame came");
        return frame;
    }

    public void Send(byte[] frame, Offload offload = default) => Link.Send(new Frame(frame, offload));

    public void Dispose()
    {
        Link.Dispose();
        _frames.Dispose();
    }

    private void Take()
    {
        while (Link.Incoming.TryPeek(out var frame))
        {
            _frames.Add((frame.Bytes.ToArray(), frame.Offload));
            Link.Incoming.RemoveOldest();
        }
    }
}
