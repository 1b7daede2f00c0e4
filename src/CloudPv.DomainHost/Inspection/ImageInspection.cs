using System.Text.Json.Serialization;

namespace CloudPv.DomainHost;

/// <summary>What <c>cloudpv-domain --inspect</c> prints (docs/domain-control.md).</summary>
/// <param name="Kind"><c>kernel</c>, <c>ramdisk</c>, <c>disk</c> or <c>unknown</c>.</param>
/// <param name="Description">What it is: "Linux 6.1.0 bzImage, xz"; of an unknown file with its article: "a text file".</param>
/// <param name="Problem">Why it can't be used, as a sentence; null where it can.</param>
internal sealed record ImageInspection(string Kind, string Description, string? Problem);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImageInspection))]
internal sealed partial class InspectionJson : JsonSerializerContext;
