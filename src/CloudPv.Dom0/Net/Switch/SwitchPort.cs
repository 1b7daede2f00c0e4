namespace CloudPv.Dom0.Net;

/// <summary>A port of a switch, in this process. Disposing takes it off the switch.</summary>
public sealed class SwitchPort : IFrameLink
{
    private readonly VirtualSwitch _switch;
    private long _refused;

    internal SwitchPort(VirtualSwitch network, MacAddress? address)
    {
        _switch = network;
        Address = address;
    }

    /// <summary>The one address that may use the port; null: a service's port, which learns.</summary>
    public MacAddress? Address { get; }

    public FrameQueue Incoming { get; } = new();

    /// <summary>Frames that the switch didn't take, because they came from an address that isn't the port's.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    public void Send(in Frame frame) => _switch.Forward(this, frame);

    public void Dispose() => _switch.Disconnect(this);

    internal void CountRefused() => Interlocked.Increment(ref _refused);
}
