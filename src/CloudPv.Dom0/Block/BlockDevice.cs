using System.Globalization;
using CloudPv.Dom0.Disks;
using CloudPv.Hypervisor;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Block;

/// <summary>The backend of one virtual block device. The keys are those that xl and blkback write.</summary>
public sealed class BlockDevice : IDevice
{
    private readonly IDisk _disk;
    private readonly Action<string> _log;

    /// <param name="name">The guest's name for it: xvda.</param>
    /// <param name="disk">Owned by the device from now on.</param>
    /// <exception cref="ToolstackException">There is no such device name.</exception>
    public BlockDevice(string name, string path, IDisk disk, Action<string> log)
    {
        if (!VirtualDisk.TryParse(name, out int number))
            throw new ToolstackException($"'{name}' is no name of a block device: xvda, xvdb, … are");
        _disk = disk;
        _log = log;
        Id = number.ToString(CultureInfo.InvariantCulture);
        BackendEntries =
        [
            ("params", path), ("script", "/etc/xen/scripts/block"), ("removable", "0"), ("bootable", "1"), ("dev", name), ("type", "phy"),
            ("mode", disk.IsReadOnly ? "r" : "w"), ("device-type", "disk"), ("discard-enable", "1"), ("specification", "xen"), ("hotplug-status", "connected"),
        ];
        FrontendEntries = [("virtual-device", Id), ("device-type", "disk"), ("trusted", "1"), ("protocol", BlkifAbi.X86_64.Name)];
    }

    /// <summary>Opens the disk that a spec names.</summary>
    /// <exception cref="ToolstackException">A file is missing, in use or no raw image.</exception>
    public static BlockDevice Open(DiskSpec spec, Action<string> log)
    {
        IDisk disk = spec.Overlay is null || spec.ReadOnly ? RawDisk.Open(spec.Path, spec.ReadOnly, log) : OverlayDisk.Open(spec.Path, spec.Overlay, log);
        try
        {
            return new(spec.Device, spec.Path, disk, log);
        }
        catch
        {
            disk.Dispose();
            throw;
        }
    }

    public string Type => "vbd";
    public string Id { get; }
    public IReadOnlyList<(string Key, string Value)> BackendEntries { get; }
    public IReadOnlyList<(string Key, string Value)> FrontendEntries { get; }

    public void Offer(DeviceNodes nodes)
    {
        nodes.WriteBackend("feature-max-indirect-segments", BlockRequest.MaxIndirectSegments);
        nodes.WriteBackend("multi-queue-max-queues", 1);
        nodes.WriteBackend("max-ring-page-order", BlockRing.MaxPageOrder);
    }

    public IDisposable? Connect(IGuest guest, DeviceNodes nodes, out string? refusal)
    {
        if (BlockRing.Map(guest, nodes, out refusal) is not { } ring)
            return null;
        BlockConnection? connection = BlockConnection.Open(guest, _disk, ring, _log);
        if (connection is null)
        {
            refusal = $"{ring.Port} can't be bound";
            return null;
        }
        bool isWritable = !_disk.IsReadOnly;
        nodes.WriteBackend("feature-flush-cache", isWritable ? 1 : 0);
        nodes.WriteBackend("feature-barrier", isWritable ? 1 : 0);
        if (isWritable)
        {
            nodes.WriteBackend("discard-granularity", OverlayHeader.ClusterSize);
            nodes.WriteBackend("discard-alignment", 0);
            nodes.WriteBackend("discard-secure", 0);
            nodes.WriteBackend("feature-discard", 1);
        }
        nodes.WriteBackend("feature-persistent", 1);
        nodes.WriteBackend("sectors", _disk.Length / Blkif.SectorSize);
        nodes.WriteBackend("info", (long)(isWritable ? VdiskInfo.None : VdiskInfo.ReadOnly));
        nodes.WriteBackend("sector-size", Blkif.SectorSize);
        nodes.WriteBackend("physical-sector-size", Blkif.SectorSize);
        return connection;
    }

    public void Dispose() => _disk.Dispose();
}
