namespace CloudPv.Cli.StarterImage;

/// <summary>Busybox, the one statically linked program of the starter image.</summary>
public sealed class BusyboxProgram(string path)
{
    public byte[] Content { get; } = File.ReadAllBytes(path);

    /// <summary>The commands that it stands for, as paths (<c>usr/bin/wget</c>), from the program itself.</summary>
    public async Task<IReadOnlyList<string>> AppletsAsync(CancellationToken cancel)
    {
        var list = await Tool.RunAsync(path, ["--list-full"], cancel: cancel);
        return [.. list.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(applet => Path.GetFileName(applet) is not ("busybox" or "linuxrc"))];
    }
}
