using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Xenstore;

/// <summary>Names of nodes: <c>/local/domain/1/name</c>, the root <c>/</c>, and what only watches may name: <c>@introduceDomain</c>, <c>@releaseDomain</c>.</summary>
public static class StorePath
{
    public const string Root = "/";
    public const string IntroduceDomain = "@introduceDomain";
    public const string ReleaseDomain = "@releaseDomain";

    /// <summary>A domain's home, to which its relative paths belong.</summary>
    public static string Home(DomainId domain) => $"/local/domain/{domain.Value}";

    /// <summary>Makes a client's path absolute.</summary>
    /// <returns>False where it is no path: bad characters, empty components, a slash at the end, too long.</returns>
    public static bool TryCanonicalize(DomainId client, string path, out string absolute)
    {
        bool isRelative = !path.StartsWith('/');
        absolute = isRelative ? $"{Home(client)}/{path}" : path;
        int limit = isRelative ? XsLimits.RelativePathMax : XsLimits.AbsolutePathMax;
        return path.Length > 0 && path.Length < limit && !IsSpecial(path) && IsValid(absolute);
    }

    public static bool IsSpecial(string path) => path.StartsWith('@');

    public static bool IsValidSpecial(string path) =>
        path.Length is > 1 and < XsLimits.RelativePathMax && path.AsSpan(1).IndexOfAnyExcept(NodeCharacters) < 0;

    /// <summary>The parent's path; the root's is the root itself.</summary>
    public static string Parent(string path)
    {
        int slash = path.LastIndexOf('/');
        return slash <= 0 ? Root : path[..slash];
    }

    /// <summary>Whether <paramref name="path"/> is <paramref name="ancestor"/> or lies below it.</summary>
    public static bool IsAtOrBelow(string path, string ancestor) =>
        ancestor == Root
            ? path.StartsWith('/')
            : path.StartsWith(ancestor, StringComparison.Ordinal) && (path.Length == ancestor.Length || path[ancestor.Length] == '/');

    public static string Child(string parent, string name) => parent == Root ? "/" + name : $"{parent}/{name}";

    private static readonly System.Buffers.SearchValues<char> NodeCharacters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_@");

    private static bool IsValid(string path)
    {
        if (path == Root)
            return true;
        foreach (Range part in path.AsSpan(1).Split('/'))
        {
            ReadOnlySpan<char> name = path.AsSpan(1)[part];
            if (name.IsEmpty || name.IndexOfAnyExcept(NodeCharacters) >= 0)
                return false;
        }
        return true;
    }
}
