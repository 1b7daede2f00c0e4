using System.Security.Claims;
using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudPv.Web;

internal static class ConsoleApi
{
    public static void MapConsole(this IEndpointRouteBuilder api)
    {
        var instance = api.MapGroup("/instances/{id}").WithTags("Console");
        instance.MapGet("/console", AttachAsync).WithName("AttachConsole").WithSummary("The console as a WebSocket")
            .WithDescription("Binary frames both ways: the scrollback first, then what the guest prints; what is sent is typed.")
            .Produces(StatusCodes.Status101SwitchingProtocols).ProducesProblem(404).ProducesProblem(409).ProducesProblem(503);
        instance.MapGet("/console-output", ReadAsync).WithName("GetConsoleOutput").WithSummary("What the console printed and is still kept")
            .Produces<string>(StatusCodes.Status200OK, "text/plain", "application/json").ProducesProblem(404);
    }

    private static async Task AttachAsync(
        string id, HttpContext context, ClaimsPrincipal caller, InstanceCatalogue instances, IHostApplicationLifetime lifetime)
    {
        if (!context.WebSockets.IsWebSocketRequest)
            throw new BadHttpRequestException("The console is a WebSocket; /console-output reads it without one.", StatusCodes.Status426UpgradeRequired);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        await using var console = await instances.AttachConsoleAsync(caller.AccountId(), id, ended.Token);
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        await ConsoleRelay.RunAsync(socket, console, ended.Token);
    }

    /// <summary>As it is for those who read text; with its time and base64 for those who ask for JSON, as EC2's GetConsoleOutput.</summary>
    private static async Task<Results<Ok<ConsoleOutputResource>, FileContentHttpResult>> ReadAsync(
        string id, HttpRequest request, ClaimsPrincipal caller, InstanceCatalogue instances, TimeProvider clock, CancellationToken cancel)
    {
        var output = await instances.ReadConsoleAsync(caller.AccountId(), id, cancel);
        return request.Headers.Accept.ToString().Contains("application/json", StringComparison.OrdinalIgnoreCase)
            ? TypedResults.Ok(new ConsoleOutputResource(id, clock.GetUtcNow(), output))
            : TypedResults.Bytes(output, "text/plain; charset=utf-8");
    }
}

/// <param name="Output">Base64.</param>
internal sealed record ConsoleOutputResource(string InstanceId, DateTimeOffset Timestamp, byte[] Output);
