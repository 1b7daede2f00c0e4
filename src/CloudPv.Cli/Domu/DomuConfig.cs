using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using CloudPv.Dom0;
using CloudPv.Hypervisor;

namespace CloudPv.Cli.Domu;

/// <summary>One domU as the user asks for it, by options or by an xl.cfg file.</summary>
public sealed record DomuConfig
{
    public string Name { get; init; } = "domu";

    /// <summary>Path of the kernel file; null: none was named yet.</summary>
    public string? Kernel { get; init; }

    /// <summary>Path of the ramdisk; null: none.</summary>
    public string? Ramdisk { get; init; }

    public string CommandLine { get; init; } = "";
    public int Vcpus { get; init; } = 1;
    public int MemoryMiB { get; init; } = 256;

    /// <summary>Of its processor time against other domains'.</summary>
    public int Weight { get; init; } = CpuShare.DefaultWeight;

    /// <summary>The most processor time, in percent of one processor; 0: no limit.</summary>
    public int Cap { get; init; }

    /// <summary>The host's processors that it may run on; empty: all.</summary>
    public IReadOnlyList<int> Cpus { get; init; } = [];
    public IReadOnlyList<DomuDisk> Disks { get; init; } = [];
    public IReadOnlyList<DomuNic> Nics { get; init; } = [];
    public AfterShutdown OnReboot { get; init; } = AfterShutdown.Restart;
    public AfterShutdown OnCrash { get; init; } = AfterShutdown.Stop;

    /// <summary>The same for the toolstack, with names and addresses for the devices that were given none.</summary>
    /// <exception cref="CommandFailedException">There is no kernel.</exception>
    public DomainSpec ToSpec() => new()
    {
        Id = Name,
        Kernel = Kernel ?? throw new CommandFailedException("a kernel is missing: name it by --kernel or in the configuration file"),
        Ramdisk = Ramdisk,
        CommandLine = CommandLine,
        Vcpus = Vcpus,
        MemoryMiB = MemoryMiB,
        CpuWeight = Weight,
        CpuCap = Cap,
        Cpus = Cpus,
        Disks = [.. Disks.Select((disk, index) => new DiskSpec(disk.Device ?? FreeDevice(index), disk.Path, disk.Overlay, disk.ReadOnly))],
        Nics = [.. Nics.Select((nic, index) => new NicSpec(nic.Mac ?? MadeUpMac(index)))],
        OnReboot = OnReboot,
        OnCrash = OnCrash,
    };

    /// <summary>The first of xvda, xvdb, … that no disk before it has or was given.</summary>
    private string FreeDevice(int index)
    {
        var nameless = Disks.Take(index).Count(disk => disk.Device is null);
        return Enumerable.Range('a', 26)
            .Select(letter => $"xvd{(char)letter}")
            .Where(device => !Disks.Any(disk => disk.Device == device))
            .ElementAt(nameless);
    }

    /// <summary>In Xen's own range (00:16:3e), the same for the same name each time.</summary>
    private string MadeUpMac(int index)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Name}/{index}")));
        return string.Create(CultureInfo.InvariantCulture, $"00:16:3e:{hash[0] & 0x7f:x2}:{hash[1]:x2}:{hash[2]:x2}");
    }
}

/// <param name="Path">The raw image.</param>
/// <param name="Device">The guest's name for it (xvda); null: the next free one.</param>
/// <param name="ReadOnly">Whether the guest may only read it.</param>
/// <param name="Overlay">A file that takes the writes, so that the image stays as it is; null: the image is written.</param>
public sealed record DomuDisk(string Path, string? Device = null, bool ReadOnly = false, string? Overlay = null);

/// <param name="Mac">Six bytes in hex with colons; null: one is made up from the domain's name.</param>
public sealed record DomuNic(string? Mac = null);
