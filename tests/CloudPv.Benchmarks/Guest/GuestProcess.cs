using System.Collections.Immutable;

namespace CloudPv.Benchmarks;

/// <summary>A program that runs the guest with its console on standard input and output.</summary>
/// <param name="Contender">Its name in reports.</param>
/// <param name="IsGuestMemory">Which of the process's mappings hold the guest's memory.</param>
/// <param name="CacheFolder">Where it keeps things for the next launch.</param>
internal sealed record GuestProcess(
    string Contender, string Program, ImmutableArray<string> Arguments, Func<MemoryMapping, bool> IsGuestMemory, string? CacheFolder = null)
{
    /// <summary>The domain's name, which its memory has too.</summary>
    private const string MemoryName = "bench-guest";

    /// <summary>This project's engine, as <c>cloudpv domu create</c> runs it.</summary>
    public static GuestProcess CloudPv(string app, GuestFiles files, GuestSpec guest, string cacheFolder) => new(
        Benchmarks.Contender.CloudPv,
        Path.Combine(app, "cloudpv-cli"),
        [
            "domu", "create", "-c", "--no-reboot", "--name", MemoryName, "--kernel", files.Vmlinuz, "--ramdisk", files.Ramdisk, "--cmdline", $"console=hvc0 {guest.Words}",
            "--vcpus", guest.Cpus.ToInvariant(), "--memory", guest.MemoryMiB.ToInvariant(), .. guest.Disk is { } disk ? ["--disk", disk] : Array.Empty<string>(),
        ],
        mapping => mapping.Name.StartsWith($"/memfd:{MemoryName}", StringComparison.Ordinal),
        cacheFolder);

    /// <summary>
    /// QEMU's software emulation with what was measured to be fastest: the microvm machine with qboot, an uncompressed kernel (PVH), a thread for each CPU, and no ERMS
    /// and FSRM, which would have Linux copy by `rep movsb`, emulated a byte at a time. The TSC's rate is told, as KVM would.
    /// </summary>
    public static GuestProcess Qemu(GuestFiles files, GuestSpec guest) => new(
        Benchmarks.Contender.Tcg,
        "qemu-system-x86_64",
        [
            "-no-user-config", "-nodefaults", "-no-reboot", "-display", "none", "-machine", "microvm,x-option-roms=off,isa-serial=on,rtc=on", "-bios", "bios-microvm.bin",
            "-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max,-erms,-fsrm", "-smp", guest.Cpus.ToInvariant(), "-m", guest.MemoryMiB.ToInvariant(), "-serial", "stdio",
            "-kernel", files.Vmlinux, "-initrd", files.Ramdisk,
            "-append", $"console=ttyS0 tsc_early_khz={HostClock.TscKiloHertz().ToInvariant()} tsc=reliable no_timer_check {guest.Words}",
            .. guest.Disk is { } disk
                ? ["-drive", $"if=none,id=disk,format=raw,cache=writeback,file={disk}", "-device", "virtio-blk-device,drive=disk"]
                : Array.Empty<string>(),
        ],
        mapping => mapping.Name == "" && mapping.Size == (ulong)guest.MemoryMiB << 20);
}
