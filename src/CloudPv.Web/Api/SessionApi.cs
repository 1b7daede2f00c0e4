using System.Security.Claims;
using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudPv.Web;

/// <summary>A browser's sign-in: the key is posted once, and comes back as a cookie that no script can read.</summary>
internal static class SessionApi
{
    public static void MapSession(this IEndpointRouteBuilder api)
    {
        var session = api.MapGroup("/session").WithTags("Session");
        session.MapPost("", SignInAsync).AllowAnonymous().WithName("SignIn").WithSummary("Signs a browser in with an access key")
            .ProducesProblem(StatusCodes.Status401Unauthorized);
        session.MapGet("", Get).WithName("GetSession").WithSummary("Who is signed in");
        session.MapDelete("", SignOut).WithName("SignOut").WithSummary("Signs the browser out");
    }

    private static async Task<Results<NoContent, JsonHttpResult<ProblemDetails>>> SignInAsync(
        SignInRequest request, HttpContext context, AccessKeys keys, CancellationToken cancel)
    {
        var key = await keys.FindAsync(request.Key.Trim(), cancel);
        if (key is null || keys.IsExpired(key))
        {
            var problem = key is null
                ? Problems.Of(StatusCodes.Status401Unauthorized, "AuthFailure", "This access key is not known.")
                : Problems.Of(StatusCodes.Status401Unauthorized, "ExpiredAccessKey", $"The access key '{key.Name}' expired at {key.ExpiresAt:u}.");
            return TypedResults.Json(problem, statusCode: problem.Status, contentType: "application/problem+json");
        }
        context.Response.Cookies.Append(AccessKeyHandler.Cookie, request.Key.Trim(), new CookieOptions
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Strict,
            Secure = context.Request.IsHttps,
            Expires = key.ExpiresAt,
        });
        return TypedResults.NoContent();
    }

    private static Ok<SessionResource> Get(ClaimsPrincipal caller) => TypedResults.Ok(new SessionResource(caller.AccountId(), caller.KeyId()));

    private static NoContent SignOut(HttpContext context)
    {
        context.Response.Cookies.Delete(AccessKeyHandler.Cookie);
        return TypedResults.NoContent();
    }
}

internal sealed record SignInRequest(string Key);

internal sealed record SessionResource(string AccountId, string AccessKeyId);
