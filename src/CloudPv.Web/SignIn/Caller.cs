using System.Security.Claims;

namespace CloudPv.Web;

/// <summary>Who calls.</summary>
internal static class Caller
{
    public const string AccountClaim = "account";
    public const string KeyClaim = "key";

    public static string AccountId(this ClaimsPrincipal caller) => caller.FindFirstValue(AccountClaim)!;

    public static string KeyId(this ClaimsPrincipal caller) => caller.FindFirstValue(KeyClaim)!;
}
