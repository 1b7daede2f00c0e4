using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudPv.WorkerProtocol;

/// <summary>The wire form of the messages: camelCase, enums as lower-case words, nulls left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    AllowOutOfOrderMetadataProperties = true,
    Converters = [typeof(KebabCase<DomainState>), typeof(KebabCase<StopReason>)])]
[JsonSerializable(typeof(WorkerRequest))]
[JsonSerializable(typeof(WorkerAnswer))]
[JsonSerializable(typeof(WorkerReport))]
[JsonSerializable(typeof(ImageInspection))]
public sealed partial class ProtocolJson : JsonSerializerContext;

/// <summary>Enum members as words joined by hyphens: <c>BuildFailed</c> is "build-failed".</summary>
public sealed class KebabCase<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
