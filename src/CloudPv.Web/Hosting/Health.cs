using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace CloudPv.Web;

/// <summary>Whether the service is up: the one resource that needs no key.</summary>
internal static class Health
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public static void MapHealth(this WebApplication app) =>
        app.MapGet("/health", GetAsync).AllowAnonymous().ExcludeFromDescription();

    private static async Task<Results<Ok<HealthResource>, JsonHttpResult<HealthResource>>> GetAsync(IDbContextFactory<CloudContext> database, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            await using var db = await database.CreateDbContextAsync(patience.Token);
            if (await db.Database.CanConnectAsync(patience.Token))
                return TypedResults.Ok(new HealthResource("ok"));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // Said below.
        }
        return TypedResults.Json(new HealthResource("database unavailable"), statusCode: StatusCodes.Status503ServiceUnavailable);
    }
}

/// <param name="Status"><c>ok</c>, or what is wrong.</param>
internal sealed record HealthResource(string Status);
