using System.Text.Json;
using System.Text.Json.Serialization;
using CloudPv.Hypervisor;

namespace CloudPv.Dom0;

/// <summary>A domU as its maker describes it; in JSON it is the spec file of docs/domain-control.md.</summary>
/// <remarks>What is optional can be set and not only initialised, for the generated reader would initialise what the file lacks to zero.</remarks>
public sealed record DomainSpec
{
    /// <summary>The instance's id or a name.</summary>
    public required string Id { get; init; }
    public Guid Uuid { get; set; } = Guid.NewGuid();
    public required string Kernel { get; init; }
    public string? Ramdisk { get; set; }
    public string CommandLine { get; set; } = "";
    public int Vcpus { get; set; } = 1;

    [JsonPropertyName("memoryMiB")]
    public int MemoryMiB { get; set; } = 128;

    /// <summary>1 to 65535: a domain with twice the weight of another gets twice the processor time where they compete.</summary>
    public int CpuWeight { get; set; } = CpuShare.DefaultWeight;

    /// <summary>The most that the vCPUs together may use, in percent of one processor; 0: no limit.</summary>
    public int CpuCap { get; set; }

    /// <summary>Numbers of the host's processors that the vCPUs may run on; empty: all.</summary>
    public IReadOnlyList<int> Cpus { get; set; } = [];
    public IReadOnlyList<DiskSpec> Disks { get; set; } = [];
    public IReadOnlyList<NicSpec> Nics { get; set; } = [];

    /// <summary>The Unix socket that a domain process listens on.</summary>
    public string? ControlSocket { get; set; }

    /// <summary>The file that keeps the console's scrollback; null: memory only.</summary>
    public string? ConsoleLog { get; set; }

    /// <summary>The folder that keeps translations from one run of a kernel to the next; null: none are kept.</summary>
    public string? TranslationFolder { get; set; }
    public AfterShutdown OnReboot { get; set; } = AfterShutdown.Restart;
    public AfterShutdown OnCrash { get; set; } = AfterShutdown.Stop;

    /// <summary>Reads a spec file.</summary>
    /// <exception cref="ToolstackException">It isn't there or no spec.</exception>
    public static DomainSpec Load(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return JsonSerializer.Deserialize(file, DomainSpecJson.Default.DomainSpec) ?? throw new ToolstackException($"{path}: the spec is null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ToolstackException($"{path}: {e.Message}", e);
        }
    }
}

/// <param name="Device">The guest's name for it: xvda, xvdb, ….</param>
/// <param name="Path">The raw image.</param>
/// <param name="Overlay">The file that takes the writes, made if it is missing; null: the image itself is written.</param>
public sealed record DiskSpec(string Device, string Path, string? Overlay = null, bool ReadOnly = false);

/// <param name="Mac">Six bytes in hexadecimal with colons.</param>
/// <param name="SwitchSocket">The switch that it is wired to; null: not wired.</param>
public sealed record NicSpec(string Mac, string? SwitchSocket = null);

public enum AfterShutdown
{
    Stop,
    Restart,
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, WriteIndented = true)]
[JsonSerializable(typeof(DomainSpec))]
public sealed partial class DomainSpecJson : JsonSerializerContext;

/// <summary>A domU that can't be made as it was asked for. The message is for the user.</summary>
public sealed class ToolstackException(string message, Exception? cause = null) : Exception(message, cause);
