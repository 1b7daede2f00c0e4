using System.Security.Cryptography;
using System.Text;

namespace CloudPv.WorkerProtocol;

/// <summary>
/// Where one host's processes keep what outlives them. The web process and the worker of that host are given the same
/// folder by <c>CLOUDPV_DATA</c>.
/// </summary>
public sealed class DataFolder
{
    /// <summary>The longest path that fits <c>sockaddr_un.sun_path</c> (108 bytes, zero-terminated).</summary>
    public const int LongestSocketPath = 107;

    public DataFolder(string path)
    {
        Root = Path.GetFullPath(path);
        if (InstanceFolder("i-00000000000000000").Length + "/control.sock".Length > LongestSocketPath)
            throw new ArgumentException($"The data folder's path is too long for the Unix sockets in it: {Root}", nameof(path));
        Directory.CreateDirectory(Root);
        foreach (var folder in (string[])[Images, IncomingImages, Instances, Translations, Run])
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public string Root { get; }

    /// <summary>Image files, each named by the SHA-256 of its content (64 lower-case hex digits).</summary>
    public string Images => Path.Combine(Root, "images");

    /// <summary>Uploads under way. Only those that can be resumed outlive the web process that receives them.</summary>
    public string IncomingImages => Path.Combine(Root, "images", "incoming");

    /// <summary>One folder per instance: its spec, disks, sockets and logs. The worker's alone.</summary>
    public string Instances => Path.Combine(Root, "instances");

    /// <summary>One folder per account: code that was translated for its guests. May be removed at any time.</summary>
    public string Translations => Path.Combine(Root, "translations");

    /// <summary>Sockets of the services.</summary>
    public string Run => Path.Combine(Root, "run");

    public string WorkerSocket => Path.Combine(Run, "worker.sock");

    /// <summary>The private PostgreSQL cluster with its socket and log.</summary>
    public string Postgres => Path.Combine(Root, "postgres");

    /// <summary>The first account's key, written once, readable by the owner alone.</summary>
    public string AdminKey => Path.Combine(Root, "admin.key");

    public string ImageFile(string sha256) => Path.Combine(Images, sha256);

    public string TranslationFolder(string accountId) =>
        Path.Combine(Translations, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(accountId)).AsSpan(0, 8)));

    public string InstanceFolder(string instanceId) => Path.Combine(Instances, instanceId);

    /// <summary><c>CLOUDPV_DATA</c>, else /var/lib/cloudpv for root, else the user's own data folder.</summary>
    public static string DefaultPath() =>
        Environment.GetEnvironmentVariable("CLOUDPV_DATA") is { Length: > 0 } given ? given
        : Environment.IsPrivilegedProcess ? "/var/lib/cloudpv"
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create), "cloudpv");
}
