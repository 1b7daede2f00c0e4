using System.Security.Claims;
using System.Text.Encodings.Web;
using CloudPv.Cloud;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace CloudPv.Web;

/// <summary>
/// Knows the caller by an access key: from the Authorization header; from the cookie of a signed-in browser, where the
/// request comes from the service's own pages; or, for WebSockets, which can't carry headers in browsers, from
/// <c>?access_token=</c>.
/// </summary>
internal sealed class AccessKeyHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, AccessKeys keys)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "AccessKey";
    public const string Cookie = "cloudpv_key";

    private const string Bearer = "Bearer ";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (FindKey() is not { } given)
            return AuthenticateResult.NoResult();
        var key = await keys.FindAsync(given, Context.RequestAborted);
        if (key is null)
            return AuthenticateResult.Fail(new KeyRefusedException("AuthFailure", "This access key is not known."));
        if (keys.IsExpired(key))
            return AuthenticateResult.Fail(new KeyRefusedException("ExpiredAccessKey", $"The access key '{key.Name}' expired at {key.ExpiresAt:u}."));
        var identity = new ClaimsIdentity([new Claim(Caller.AccountClaim, key.AccountId), new Claim(Caller.KeyClaim, key.Id)], SchemeName);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var refused = (await HandleAuthenticateOnceSafeAsync()).Failure as KeyRefusedException
            ?? new KeyRefusedException("MissingAccessKey", "This needs an access key: send 'Authorization: Bearer KEY', or sign in.");
        Response.Headers.WWWAuthenticate = "Bearer";
        await Problems.WriteAsync(Context, Problems.Of(StatusCodes.Status401Unauthorized, refused.Code, refused.Message));
    }

    private string? FindKey()
    {
        var header = Request.Headers.Authorization.ToString();
        if (header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
            return header[Bearer.Length..].Trim();
        if (Context.WebSockets.IsWebSocketRequest && Request.Query["access_token"] is [{ Length: > 0 } token])
            return token;
        return IsFromOwnPages() && Request.Cookies.TryGetValue(Cookie, out var cookie) ? cookie : null;
    }

    /// <summary>
    /// A page on another port of this machine counts as the same site, so that SameSite alone doesn't keep it out; its
    /// Origin does.
    /// </summary>
    private bool IsFromOwnPages() =>
        Request.Headers.Origin is not [{ } origin] || (Uri.TryCreate(origin, UriKind.Absolute, out var from) && from.Authority == Request.Host.Value);

    private sealed class KeyRefusedException(string code, string message) : Exception(message)
    {
        public string Code { get; } = code;
    }
}
