using System.Text.Json.Serialization;

namespace CloudPv.Cli.Service;

/// <summary>What this client looks at of the API's answers.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Page<ImageResource>), TypeInfoPropertyName = "PageImageResource")]
[JsonSerializable(typeof(Page<InstanceResource>), TypeInfoPropertyName = "PageInstanceResource")]
[JsonSerializable(typeof(Problem))]
internal sealed partial class ServiceJson : JsonSerializerContext;

/// <param name="NextCursor">Null: this is the last page.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

public sealed record ImageResource(string Id, string Kind, string Name, string Description, long SizeBytes, string? Sha256);

public sealed record InstanceResource(string Id, string State);

/// <summary>RFC 9457.</summary>
public sealed record Problem(string? Title, string? Detail);
