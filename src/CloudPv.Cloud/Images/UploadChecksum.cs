using System.Security.Cryptography;

namespace CloudPv.Cloud;

/// <summary>The checksum that a part of an upload must have, as the client sent it: an algorithm's name and base64 (tus 1.0, Upload-Checksum).</summary>
public sealed record UploadChecksum(HashAlgorithmName Algorithm, byte[] Hash)
{
    private static readonly Dictionary<string, HashAlgorithmName> Known = new(StringComparer.Ordinal)
    {
        ["sha1"] = HashAlgorithmName.SHA1,
        ["sha256"] = HashAlgorithmName.SHA256,
        ["md5"] = HashAlgorithmName.MD5,
    };

    public static IEnumerable<string> Algorithms => Known.Keys;

    /// <exception cref="CloudException">It is no checksum of a known algorithm.</exception>
    public static UploadChecksum Parse(string text)
    {
        var words = text.Split(' ');
        var hash = new byte[64];
        return words.Length == 2 && Known.TryGetValue(words[0], out var algorithm) && Convert.TryFromBase64String(words[1], hash, out var length)
            ? new UploadChecksum(algorithm, hash[..length])
            : throw CloudException.Invalid("Upload-Checksum", $"needs one of {string.Join(", ", Algorithms)}, a space and the checksum in base64.");
    }
}
