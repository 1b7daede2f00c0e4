using CloudPv.Cli.Domu;

namespace CloudPv.Cli.XlConfig;

/// <summary>
/// One item of <c>disk</c>, as xl-disk-configuration(5) has it: <c>target,format,vdev,access</c> by position or by name,
/// or with a prefix of old (<c>file:/path,xvda,w</c>); with <c>overlay=FILE</c> besides, which xl lacks.
/// </summary>
internal static class XlDisk
{
    private static readonly string[] OldPrefixes = ["file:", "phy:", "raw:", "tap:aio:", "tap2:aio:", "aio:"];

    public static DomuDisk Parse(XlValue.Text item)
    {
        var disk = new DomuDisk("");
        var content = item.Content;
        var prefix = OldPrefixes.FirstOrDefault(prefix => content.StartsWith(prefix, StringComparison.Ordinal));
        string[] positions = prefix is null ? ["target", "format", "vdev", "access"] : ["target", "vdev", "access"];
        var next = 0;
        foreach (var part in content[(prefix?.Length ?? 0)..].Split(',', StringSplitOptions.TrimEntries))
        {
            var (name, value) = part.Split('=', 2) switch
            {
                [var named, var given] when named.All(static c => char.IsAsciiLetterLower(c) || c == '-') => (named, given),
                _ when next < positions.Length => (positions[next++], part),
                _ => throw Refused(item, $"'{part}' is one field too many"),
            };
            disk = With(item, disk, name, value);
        }

        return disk.Path.Length > 0 ? disk : throw Refused(item, "the target (the image file) is missing");
    }

    private static DomuDisk With(XlValue.Text item, DomuDisk disk, string name, string value) => (name, value) switch
    {
        ("target", _) => disk with { Path = value },
        ("format", "" or "raw") => disk,
        ("format", _) => throw Refused(item, $"format {value} is not supported; raw is"),
        ("vdev", "") => disk,
        ("vdev", _) => disk with { Device = value },
        ("access", "r" or "ro") => disk with { ReadOnly = true },
        ("access", "" or "w" or "rw") => disk with { ReadOnly = false },
        ("overlay", _) => disk with { Overlay = value },
        ("backendtype" or "script" or "discard" or "direct-io-safe", _) => disk,
        _ => throw Refused(item, $"'{name}={value}' is not understood"),
    };

    private static XlConfigException Refused(XlValue.Text item, string problem) => new(item.Line, $"disk: {problem}");
}
