using System.Text.Json.Serialization;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker;

/// <summary>What the worker keeps of an instance, and tells of it.</summary>
internal sealed record InstanceRecord(int Run, MachineDescription Machine, DomainState State, StopReason? Reason = null, string? Detail = null)
{
    public InstanceReport ToReport(string instanceId) => new(instanceId, Run, State, Reason, Detail);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    Converters = [typeof(KebabCase<DomainState>), typeof(KebabCase<StopReason>)])]
[JsonSerializable(typeof(InstanceRecord))]
internal sealed partial class RecordJson : JsonSerializerContext;
