using CloudPv.Dom0.Block;
using CloudPv.Dom0.Disks;
using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Block;

/// <summary>A disk with a fake guest's frontend, brought together through xenstore.</summary>
internal sealed class ConnectedDisk : IDisposable
{
    public const string FrontendPath = "/local/domain/1/device/vbd/51712", BackendPath = "/local/domain/0/backend/vbd/1/51712";

    private readonly BlockDevice _device;
    private readonly XenbusDevice _xenbus;

    public ConnectedDisk(IDisk disk, bool is32 = false, int order = 0, bool isPersistent = false)
    {
        _device = new("xvda", "disk.raw", disk, Log.Add);
        _xenbus = new(Store, Guest, _device, Log.Add);
        Frontend = new(Guest, is32, order);
        Frontend.Publish(Store, FrontendPath, isPersistent);
    }

    public List<string> Log { get; } = [];
    public LocalStore Store { get; } = new(new XenStore());
    public FakeGuest Guest { get; } = new();
    public BlockFrontend Frontend { get; private set; }

    public Task IsInState(XenbusState state) => Eventually.Is(() => BackendState == state);

    public XenbusState BackendState => (XenbusState)(Store.ReadNumber($"{BackendPath}/state") ?? 0);

    public string? Backend(string key) => Store.Read($"{BackendPath}/{key}");

    public void SetFrontendState(XenbusState state) => Store.Write($"{FrontendPath}/state", (int)state);

    public void UseNewFrontend()
    {
        Frontend.Dispose();
        Frontend = new(Guest);
        Frontend.Publish(Store, FrontendPath);
    }

    public void Dispose()
    {
        _xenbus.Dispose();
        _device.Dispose();
        Frontend.Dispose();
        Store.Dispose();
    }
}
