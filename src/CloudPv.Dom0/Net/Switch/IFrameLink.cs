namespace CloudPv.Dom0.Net;

/// <summary>A network interface's way to its network. It never blocks: what can't be taken is dropped.</summary>
public interface IFrameLink : IDisposable
{
    /// <summary>Frames for the interface. The interface is its one consumer.</summary>
    FrameQueue Incoming { get; }

    /// <summary>Sends a frame of at least an Ethernet header's length. From any thread.</summary>
    void Send(in Frame frame);
}
