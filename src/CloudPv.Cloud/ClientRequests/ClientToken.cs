using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>
/// The caller's name for one request, so that the same request sent twice is carried out once, as EC2's ClientToken.
/// The same token with other parameters is refused.
/// </summary>
public sealed record ClientToken
{
    private const int LongestToken = 128;

    public ClientToken(string value)
    {
        if (value.Length is 0 or > LongestToken || value.Any(c => c is < '!' or > '~'))
            throw CloudException.Invalid("clientToken", $"needs 1 to {LongestToken} printable ASCII characters.");
        Value = value;
    }

    public string Value { get; }

    /// <summary>The resource that an earlier request with this token made; null where there was none.</summary>
    /// <exception cref="CloudException">The earlier request was another one.</exception>
    internal async Task<string?> FindAsync(CloudContext db, string accountId, string request, CancellationToken cancel)
    {
        var earlier = await db.ClientRequests.AsNoTracking().FirstOrDefaultAsync(r => r.AccountId == accountId && r.ClientToken == Value, cancel);
        if (earlier is null)
            return null;
        if (!earlier.RequestHash.AsSpan().SequenceEqual(Hash(request)))
        {
            throw new CloudException(Refusal.Conflict, "IdempotentParameterMismatch",
                $"The client token '{Value}' was used for an earlier request with other parameters.");
        }
        return earlier.ResourceId;
    }

    /// <summary>Notes what this request makes. Of two at once, the unique key lets one be saved.</summary>
    internal void Add(CloudContext db, string accountId, string request, string resourceId) => db.ClientRequests.Add(new ClientRequest
    {
        AccountId = accountId,
        ClientToken = Value,
        RequestHash = Hash(request),
        ResourceId = resourceId,
    });

    private static byte[] Hash(string request) => SHA256.HashData(Encoding.UTF8.GetBytes(request));
}

/// <summary>A request that carried a client token, and what came of it.</summary>
public sealed class ClientRequest
{
    public required string AccountId { get; init; }

    public required string ClientToken { get; init; }

    /// <summary>SHA-256 over the request's parameters.</summary>
    public required byte[] RequestHash { get; init; }

    /// <summary>What it made: an image's id, a reservation's id.</summary>
    public required string ResourceId { get; init; }
}
