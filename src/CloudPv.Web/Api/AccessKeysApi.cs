using System.Security.Claims;
using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudPv.Web;

internal static class AccessKeysApi
{
    public static void MapAccessKeys(this IEndpointRouteBuilder api)
    {
        var keys = api.MapGroup("/access-keys").WithTags("Access keys");
        keys.MapGet("", ListAsync).WithName("ListAccessKeys").WithSummary("Lists the account's access keys");
        keys.MapPost("", CreateAsync).WithName("CreateAccessKey").WithSummary("Makes an access key; the answer alone tells the key itself")
            .ProducesProblem(StatusCodes.Status400BadRequest);
        keys.MapDelete("/{id}", RevokeAsync).WithName("RevokeAccessKey").WithSummary("Revokes an access key at once")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<Ok<Page<AccessKeyResource>>> ListAsync(
        ClaimsPrincipal caller, AccessKeys keys, int? limit, string? cursor, CancellationToken cancel)
    {
        var page = await keys.ListAsync(caller.AccountId(), new PageRequest(limit, cursor), cancel);
        return TypedResults.Ok(page.ConvertAll(k => AccessKeyResource.From(k)));
    }

    private static async Task<Created<AccessKeyResource>> CreateAsync(
        NewAccessKeyRequest request, ClaimsPrincipal caller, AccessKeys keys, CancellationToken cancel)
    {
        var (row, key) = await keys.CreateAsync(caller.AccountId(), request.Name, request.ExpiresAt, cancel);
        return TypedResults.Created($"/api/v1/access-keys/{row.Id}", AccessKeyResource.From(row, key));
    }

    private static async Task<NoContent> RevokeAsync(string id, ClaimsPrincipal caller, AccessKeys keys, CancellationToken cancel)
    {
        await keys.RevokeAsync(caller.AccountId(), id, cancel);
        return TypedResults.NoContent();
    }
}

internal sealed record NewAccessKeyRequest(string Name, DateTimeOffset? ExpiresAt = null);

/// <param name="Key">The key itself; only in the answer that makes it.</param>
internal sealed record AccessKeyResource(string Id, string Name, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, string? Key)
{
    public static AccessKeyResource From(AccessKey row, string? key = null) => new(row.Id, row.Name, row.CreatedAt, row.ExpiresAt, key);
}
