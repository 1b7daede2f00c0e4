using System.Data.Common;
using CloudPv.Cloud;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore.Storage;

namespace CloudPv.Web;

/// <summary>Every error leaves as ProblemDetails (RFC 9457) with a stable <c>code</c>; nobody gets a stack trace.</summary>
internal sealed partial class Problems(ILogger<Problems> log) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        var problem = exception switch
        {
            CloudException refused => Of(Status(refused.Refusal), refused.Code, refused.Message),
            BadHttpRequestException bad => Of(bad.StatusCode, "MalformedRequest", MalformedRequests.Describe(bad)),
            DbException or RetryLimitExceededException => Of(StatusCodes.Status503ServiceUnavailable, "DatabaseUnavailable", "The database is not available; try again soon."),
            _ => Of(StatusCodes.Status500InternalServerError, "InternalError", "The service failed. The log of cloudpv-web tells why."),
        };
        if (problem.Status >= StatusCodes.Status500InternalServerError && exception is not CloudException)
            LogFailed(exception, httpContext.Request.Method, httpContext.Request.Path);
        await WriteAsync(httpContext, problem);
        return true;
    }

    public static ProblemDetails Of(int status, string code, string detail) => new()
    {
        Status = status,
        Title = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status),
        Detail = detail,
        Extensions = { ["code"] = code },
    };

    public static Task WriteAsync(HttpContext context, ProblemDetails problem)
    {
        context.Response.StatusCode = problem.Status!.Value;
        return context.Response.WriteAsJsonAsync(problem, options: null, contentType: "application/problem+json");
    }

    /// <summary>Of the tus protocol; HTTP itself has no name for it.</summary>
    private const int ChecksumMismatch = 460;

    private static int Status(Refusal refusal) => refusal switch
    {
        Refusal.Invalid => StatusCodes.Status400BadRequest,
        Refusal.NotFound => StatusCodes.Status404NotFound,
        Refusal.Conflict => StatusCodes.Status409Conflict,
        Refusal.Unprocessable => StatusCodes.Status422UnprocessableEntity,
        Refusal.NoCapacity => StatusCodes.Status409Conflict,
        Refusal.TooLarge => StatusCodes.Status413PayloadTooLarge,
        Refusal.Corrupted => ChecksumMismatch,
        _ => StatusCodes.Status503ServiceUnavailable,
    };

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    private partial void LogFailed(Exception failed, string method, string path);
}

internal static class ProblemPages
{
    public static void UseProblems(this WebApplication app)
    {
        app.UseExceptionHandler(_ => { });
        app.UseStatusCodePages(pages => pages.HttpContext.Response.StatusCode switch
        {
            StatusCodes.Status404NotFound => Problems.WriteAsync(pages.HttpContext, Problems.Of(404, "NotFound", "There is nothing at this address.")),
            StatusCodes.Status405MethodNotAllowed => Problems.WriteAsync(pages.HttpContext, Problems.Of(405, "MethodNotAllowed", "This resource doesn't know that method.")),
            StatusCodes.Status415UnsupportedMediaType => Problems.WriteAsync(pages.HttpContext, Problems.Of(415, "UnsupportedMediaType", "Send application/json.")),
            _ => Task.CompletedTask,
        });
    }
}
