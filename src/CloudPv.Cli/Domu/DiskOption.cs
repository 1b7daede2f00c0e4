namespace CloudPv.Cli.Domu;

/// <summary>The value of <c>--disk</c>: <c>FILE[,ro][,dev=xvdb][,overlay=FILE]</c>.</summary>
public static class DiskOption
{
    /// <exception cref="CommandFailedException">A word after the file isn't one of these.</exception>
    public static DomuDisk Parse(string value)
    {
        var parts = value.Split(',');
        var disk = new DomuDisk(parts[0]);
        foreach (var part in parts.Skip(1))
        {
            disk = part.Split('=', 2) switch
            {
                ["ro"] => disk with { ReadOnly = true },
                ["rw"] => disk with { ReadOnly = false },
                ["overlay", { Length: > 0 } file] => disk with { Overlay = file },
                ["dev", { Length: > 0 } device] => disk with { Device = device },
                _ => throw new CommandFailedException($"--disk {value}: '{part}' is none of ro, rw, dev=NAME, overlay=FILE"),
            };
        }

        return disk;
    }
}
