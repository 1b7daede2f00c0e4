using System.Text.Json.Serialization;

namespace CloudPv.WorkerProtocol;

/// <summary>What the cloud asks of a host's worker. Every request may be repeated: the second does nothing more.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "command")]
[JsonDerivedType(typeof(LaunchInstance), "launch")]
[JsonDerivedType(typeof(StopInstance), "stop")]
[JsonDerivedType(typeof(RebootInstance), "reboot")]
[JsonDerivedType(typeof(DestroyInstance), "destroy")]
[JsonDerivedType(typeof(InspectImage), "inspect-image")]
[JsonDerivedType(typeof(ReadConsole), "read-console")]
[JsonDerivedType(typeof(AttachConsole), "console")]
[JsonDerivedType(typeof(WatchHost), "watch")]
public abstract record WorkerRequest;

/// <summary>
/// Starts the instance's domain. <paramref name="Run"/> counts the instance's starts from 1: a launch of a run that the
/// worker already has is no new launch.
/// </summary>
public sealed record LaunchInstance(string InstanceId, int Run, MachineDescription Machine) : WorkerRequest;

/// <summary>
/// The domain to build. Files are named by content, not by path, so that a host that shares no disk with the cloud can
/// fetch what it lacks.
/// </summary>
/// <param name="KernelSha256">A bzImage or ELF kernel with Xen's PV entry.</param>
/// <param name="DiskSha256">The base of the root disk; the instance writes to an overlay of its own.</param>
/// <param name="RootDevice">The root disk's name in the guest, such as <c>xvda</c>.</param>
/// <param name="AccountId">Whose it is: what a host keeps of one account's guests, it gives to no other's; null: unknown, from before it was told.</param>
/// <param name="CpuWeight">Its share of processor time against the host's other instances, 1 to 65535.</param>
/// <param name="CpuCap">The most processor time, in percent of one processor; 0: no limit.</param>
public sealed record MachineDescription(
    string? AccountId,
    int Vcpus,
    int MemoryMiB,
    string KernelSha256,
    string? RamdiskSha256,
    string? DiskSha256,
    string RootDevice,
    string CommandLine,
    NetworkInterface Network,
    int CpuWeight = 256,
    int CpuCap = 0);

/// <param name="Mac">Lower-case, colons, in Xen's 00:16:3e range.</param>
/// <param name="PrivateIp">The IPv4 address that DHCP gives to it.</param>
/// <param name="HostName">The name that DHCP gives to it.</param>
public sealed record NetworkInterface(string Mac, string PrivateIp, string HostName);

/// <summary>Asks the guest to power off and, if it does not within the worker's grace, destroys its domain; at once with <paramref name="Force"/>.</summary>
public sealed record StopInstance(string InstanceId, bool Force) : WorkerRequest;

/// <summary>Asks the guest to reboot.</summary>
public sealed record RebootInstance(string InstanceId) : WorkerRequest;

/// <summary>Ends the instance and removes all that the host keeps of it.</summary>
public sealed record DestroyInstance(string InstanceId) : WorkerRequest;

/// <summary>Says what a file is, from its content alone.</summary>
/// <param name="FileName">A file's name in the data folder's incoming images.</param>
public sealed record InspectImage(string FileName) : WorkerRequest;

/// <summary>The console's kept output, of running and stopped instances alike.</summary>
public sealed record ReadConsole(string InstanceId) : WorkerRequest;

/// <summary>After the answer the connection is the console: scrollback, then live output; what is sent is typed.</summary>
public sealed record AttachConsole(string InstanceId) : WorkerRequest;

/// <summary>After the answer the connection carries <see cref="HostReport"/>s and <see cref="InstanceReport"/>s, one per line.</summary>
public sealed record WatchHost : WorkerRequest;
