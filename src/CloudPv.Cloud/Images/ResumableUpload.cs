using System.Text.Json.Serialization;

namespace CloudPv.Cloud;

/// <summary>An upload that a client may continue after a break, until it is registered as an image or expires.</summary>
/// <param name="Id">As <c>up-</c> and 17 hex digits.</param>
/// <param name="Offset">How many bytes are there.</param>
/// <param name="Length">How many it is to have.</param>
/// <param name="Metadata">The client's own words on it, given back as they came.</param>
/// <param name="ExpiresAt">When it is dropped if nothing more of it comes.</param>
public sealed record ResumableUpload(string Id, long Offset, long Length, string? Metadata, DateTimeOffset ExpiresAt)
{
    public bool IsComplete => Offset == Length;
}

/// <summary>What is kept beside an upload's bytes.</summary>
internal sealed record UploadRecord(string AccountId, long Length, string? Metadata);

[JsonSerializable(typeof(UploadRecord))]
internal sealed partial class UploadJson : JsonSerializerContext;
