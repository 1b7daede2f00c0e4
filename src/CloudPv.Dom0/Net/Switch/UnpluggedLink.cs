namespace CloudPv.Dom0.Net;

/// <summary>The link of an interface that is wired to nothing.</summary>
public sealed class UnpluggedLink : IFrameLink
{
    public FrameQueue Incoming { get; } = new();

    public void Send(in Frame frame) { }

    public void Dispose() { }
}
