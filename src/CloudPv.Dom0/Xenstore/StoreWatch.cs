using CloudPv.Xen;

namespace CloudPv.Dom0.Xenstore;

/// <summary>A client's wish to hear of changes at or below a path.</summary>
/// <param name="Path">Absolute, or special (<c>@introduceDomain</c>).</param>
/// <param name="Prefix">What to cut from an event's path: the client's home and a slash where it named the path relatively; else empty.</param>
/// <param name="OnEvent">Called with the store locked: must only take note.</param>
internal sealed record StoreWatch(DomainId Client, string Path, string Token, string Prefix, Action<string, string> OnEvent)
{
    public void Fire(string path) => OnEvent(path.StartsWith(Prefix, StringComparison.Ordinal) ? path[Prefix.Length..] : path, Token);
}
