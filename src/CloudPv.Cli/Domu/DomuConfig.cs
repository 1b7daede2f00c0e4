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
    public IReadOnlyList<DomuDisk> Disks { get; init; } = [];
    public IReadOnlyList<DomuNic> Nics { get; init; } = [];
    public AfterShutdown OnPoweroff { get; init; } = AfterShutdown.Destroy;
    public AfterShutdown OnReboot { get; init; } = AfterShutdown.Restart;
    public AfterShutdown OnCrash { get; init; } = AfterShutdown.Destroy;
}

/// <param name="Path">The raw image.</param>
/// <param name="Device">The guest's name for it (xvda); null: the next free one.</param>
/// <param name="ReadOnly">Whether the guest may only read it.</param>
/// <param name="Overlay">A file that takes the writes, so that the image stays as it is; null: the image is written.</param>
public sealed record DomuDisk(string Path, string? Device = null, bool ReadOnly = false, string? Overlay = null);

/// <param name="Mac">Six bytes in hex with colons; null: one is made up from the domain's name.</param>
public sealed record DomuNic(string? Mac = null);

/// <summary>What follows when the guest has shut down: an action of xl.cfg's on_poweroff, on_reboot and on_crash.</summary>
public enum AfterShutdown
{
    Destroy,
    Restart,
}
