using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Security.Claims;
using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudPv.Web;

internal static class EventsApi
{
    public static void MapEvents(this IEndpointRouteBuilder api)
    {
        var events = api.MapGroup("/events").WithTags("Events");
        events.MapGet("", ListAsync).WithName("ListEvents").WithSummary("Lists what happened, newest first");
        events.MapGet("/stream", Watch).WithName("WatchEvents").WithSummary("What happens from now on, as server-sent events")
            .WithDescription("A client that comes back with Last-Event-ID gets what it missed first.")
            .Produces(StatusCodes.Status200OK, contentType: "text/event-stream");
    }

    private static async Task<Ok<Page<EventResource>>> ListAsync(
        ClaimsPrincipal caller, EventLog log, string? resourceId, long? cursor, int? limit, CancellationToken cancel)
    {
        var events = await log.ListAsync(caller.AccountId(), resourceId, cursor, limit, cancel);
        var next = events.Count == (limit ?? EventLog.DefaultLimit) ? $"{events[^1].Id}" : null;
        return TypedResults.Ok(new Page<EventResource>([.. events.Select(EventResource.From)], next));
    }

    private static ServerSentEventsResult<EventResource> Watch(
        ClaimsPrincipal caller, EventLog log, IHostApplicationLifetime lifetime, HttpContext context, [FromHeader(Name = "Last-Event-ID")] long? lastEventId) =>
        TypedResults.ServerSentEvents(WatchAsync(log, caller.AccountId(), lastEventId, context.Response, lifetime.ApplicationStopping, context.RequestAborted));

    private static async IAsyncEnumerable<SseItem<EventResource>> WatchAsync(
        EventLog log, string accountId, long? after, HttpResponse response, CancellationToken stopping, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancel);
        await using var events = log.WatchAsync(accountId, after, either.Token).GetAsyncEnumerator(either.Token);
        var next = NextAsync(events);
        // Watching from here on, and the client learns it now, not with the first event.
        await response.Body.FlushAsync(either.Token);
        for (; await next; next = NextAsync(events))
            yield return new SseItem<EventResource>(EventResource.From(events.Current), events.Current.Kind) { EventId = $"{events.Current.Id}" };
    }

    /// <summary>The end of the service, or of the client's interest, ends the stream without an error.</summary>
    private static async Task<bool> NextAsync(IAsyncEnumerator<Event> events)
    {
        try
        {
            return await events.MoveNextAsync();
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}

internal sealed record EventResource(long Id, DateTimeOffset At, string Kind, string ResourceId, string Message)
{
    public static EventResource From(Event entry) => new(entry.Id, entry.At, entry.Kind, entry.ResourceId, entry.Message);
}
