using System.Text.Json.Serialization;
using CloudPv.Dom0;
using CloudPv.Hypervisor;

namespace CloudPv.DomainHost;

/// <summary>One request line of docs/domain-control.md.</summary>
internal sealed record ControlRequest
{
    public required string Command { get; init; }

    /// <summary>Of <c>shutdown</c>: poweroff or reboot.</summary>
    public string? Reason { get; init; }

    /// <summary>Of <c>sysrq</c>: one character.</summary>
    public string? Key { get; init; }
}

/// <summary>One answer line.</summary>
internal sealed record ControlAnswer
{
    public required bool Ok { get; init; }
    public string? Error { get; init; }

    /// <summary>Of <c>scrollback</c>: base64.</summary>
    public byte[]? Data { get; init; }

    public string? State { get; init; }
    public int? Pid { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public string? Reason { get; init; }
    public string? Detail { get; init; }
    public int? Restarts { get; init; }

    /// <summary>Of the domain that runs now.</summary>
    public DomainCounters? Counters { get; init; }

    public static ControlAnswer Done { get; } = new() { Ok = true };

    public static ControlAnswer Refused(string error) => new() { Ok = false, Error = error };

    public static ControlAnswer Info(DomuStatus status, Domain? domain) => new()
    {
        Ok = true,
        State = status.State switch
        {
            DomuState.Building => "building",
            DomuState.Running => "running",
            _ => "stopped",
        },
        Pid = Environment.ProcessId,
        StartedAt = status.StartedAt,
        Reason = status.Reason is { } reason ? Name(reason) : null,
        Detail = status.Detail,
        Restarts = status.Restarts,
        Counters = domain?.Counters,
    };

    public static string Name(DomuEnd end) => end switch
    {
        DomuEnd.Poweroff => "poweroff",
        DomuEnd.Reboot => "reboot",
        DomuEnd.Suspend => "suspend",
        DomuEnd.Crash => "crash",
        DomuEnd.Watchdog => "watchdog",
        _ => "destroyed",
    };
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlAnswer))]
[JsonSerializable(typeof(DomainExit))]
[JsonSerializable(typeof(Handover))]
internal sealed partial class ControlJson : JsonSerializerContext;
