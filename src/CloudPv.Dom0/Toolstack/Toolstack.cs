using CloudPv.Dom0.Block;
using CloudPv.Dom0.Net;
using CloudPv.Dom0.Xenstore;
using CloudPv.Hypervisor;
using CloudPv.Xen;

namespace CloudPv.Dom0;

/// <summary>Makes domUs with their devices: the part of dom0 that knows all the others.</summary>
public sealed class Toolstack : IDisposable
{
    private int _lastDomain;

    private readonly HostNetwork? _network;
    private readonly Lazy<LocalStore> _local;

    /// <param name="log">A line a call, for the host's owner.</param>
    /// <param name="network">Joins the interfaces that name no switch of another process; null: they are wired to nothing. Stays the caller's.</param>
    public Toolstack(Host host, Action<string> log, HostNetwork? network = null)
    {
        _network = network;
        Host = host;
        Log = log;
        _local = new(CreateLocal);
    }

    public XenStore Store { get; } = new();

    internal Host Host { get; }
    internal Action<string> Log { get; }

    /// <summary>Dom0's own access to the store; its nodes are made with the first use, which is while a domain is built.</summary>
    internal LocalStore Local => _local.Value;

    /// <summary>Opens what a domU needs and makes it ready; <see cref="Domu.RunAsync"/> builds and runs it.</summary>
    /// <exception cref="ToolstackException">A file is missing or isn't what it should be.</exception>
    public Domu Create(DomainSpec spec)
    {
        var devices = new List<IDevice>();
        try
        {
            OpenDevices(spec, devices);
            return new(this, spec, devices);
        }
        catch
        {
            devices.ForEach(device => device.Dispose());
            throw;
        }
    }

    public void Dispose()
    {
        if (_local.IsValueCreated)
            Local.Dispose();
    }

    internal DomainId NextDomainId() => new((ushort)Interlocked.Increment(ref _lastDomain));

    private LocalStore CreateLocal()
    {
        var local = new LocalStore(Store);
        DomainNodes.CreateDom0(local);
        return local;
    }

    // Each kind of device adds its own here.
    private void OpenDevices(DomainSpec spec, List<IDevice> devices)
    {
        foreach (DiskSpec disk in spec.Disks)
            devices.Add(BlockDevice.Open(disk, Log));
        foreach ((int index, NicSpec nic) in spec.Nics.Index())
        {
            if (!MacAddress.TryParse(nic.Mac, out MacAddress mac) || mac.IsMulticast)
                throw new ToolstackException($"'{nic.Mac}' is not an interface's MAC address");
            devices.Add(new NetDevice(index, mac, Wire(nic, mac), Log));
        }
    }

    private IFrameLink Wire(NicSpec nic, MacAddress mac)
    {
        if (nic.SwitchSocket is { } socket)
            return new SocketLink(socket);
        if (_network is null)
            return new UnpluggedLink();
        try
        {
            return _network.Connect(mac);
        }
        catch (InvalidOperationException e)
        {
            throw new ToolstackException(e.Message, e);
        }
    }
}
