using System.Globalization;
using CloudPv.Cli.Domu;
using CloudPv.Dom0;

namespace CloudPv.Cli.XlConfig;

/// <summary>Reads the keys of xl.cfg(5) that describe a PV domain.</summary>
public static class XlConfigFile
{
    /// <summary>Keys that real files have and that make no difference to a PV domain here.</summary>
    private static readonly HashSet<string> WithoutEffect = new(StringComparer.Ordinal)
    {
        "maxmem", "maxvcpus", "vfb", "vnc", "sdl", "keymap", "serial", "localtime", "rtc_timeoffset", "uuid", "seclabel", "pool", "nomigrate", "claim_mode",
    };

    /// <param name="warn">Told of keys that are not understood.</param>
    /// <exception cref="XlConfigException">The text is no xl.cfg file, or asks for what can't be had; the message names line and key.</exception>
    public static DomuConfig Parse(string text, Action<string> warn)
    {
        var config = new DomuConfig();
        string root = "", extra = "";
        string? commandLine = null;
        foreach (var setting in XlSyntax.Parse(text))
        {
            switch (setting.Key)
            {
                case "name": config = config with { Name = Text(setting) }; break;
                case "kernel": config = config with { Kernel = Text(setting) }; break;
                case "ramdisk": config = config with { Ramdisk = Text(setting) }; break;
                case "cmdline": commandLine = Text(setting); break;
                case "root": root = "root=" + Text(setting); break;
                case "extra": extra = Text(setting); break;
                case "memory": config = config with { MemoryMiB = Number(setting) }; break;
                case "vcpus": config = config with { Vcpus = Number(setting) }; break;
                case "cpu_weight": config = config with { Weight = Number(setting) }; break;
                case "cap": config = config with { Cap = Number(setting) }; break;
                case "cpus": config = config with { Cpus = Cpus(setting) }; break;
                case "disk": config = config with { Disks = [.. Items(setting).Select(XlDisk.Parse)] }; break;
                case "vif": config = config with { Nics = [.. Items(setting).Select(XlVif.Parse)] }; break;
                case "on_poweroff" when Action(setting) == AfterShutdown.Stop: break;
                case "on_poweroff": throw Refused(setting, "only destroy is supported");
                case "on_reboot": config = config with { OnReboot = Action(setting) }; break;
                case "on_crash": config = config with { OnCrash = Action(setting) }; break;
                case "type" or "builder" when Text(setting) is "pv" or "generic" or "linux": break;
                case "type" or "builder": throw Refused(setting, $"only PV domains run here, not {Text(setting)}");
                case "bootloader": throw Refused(setting, "boot loaders in dom0 are not supported; name the kernel");
                case var key when WithoutEffect.Contains(key): break;
                default: warn($"line {setting.Line}: {setting.Key}: not understood, ignored"); break;
            }
        }

        // As xl does it: cmdline replaces root and extra.
        return config with { CommandLine = commandLine ?? string.Join(' ', new[] { root, extra }.Where(part => part.Length > 0)) };
    }

    private static string Text(XlSetting setting) =>
        setting.Value is XlValue.Text text ? text.Content : throw Refused(setting, "expected a string, found a list");

    private static int Number(XlSetting setting) =>
        int.TryParse(Text(setting), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Refused(setting, $"expected a number, found '{Text(setting)}'");

    private static IReadOnlyList<int> Cpus(XlSetting setting)
    {
        if (setting.Value is XlValue.List)
            throw Refused(setting, "a list pins each vCPU to CPUs of its own, which is not supported; a string is for all vCPUs");
        try
        {
            return CpuList.Parse(Text(setting));
        }
        catch (CommandFailedException refused)
        {
            throw Refused(setting, refused.Message);
        }
    }

    private static IEnumerable<XlValue.Text> Items(XlSetting setting) =>
        setting.Value is XlValue.List list
            ? list.Items.Select(item => item as XlValue.Text ?? throw new XlConfigException(item.Line, $"{setting.Key}: expected a string, found a list"))
            : throw Refused(setting, "expected a list in [ ]");

    private static AfterShutdown Action(XlSetting setting) => Text(setting) switch
    {
        "destroy" => AfterShutdown.Stop,
        "restart" => AfterShutdown.Restart,
        var other => throw Refused(setting, $"'{other}' is not supported; destroy and restart are"),
    };

    private static XlConfigException Refused(XlSetting setting, string problem) => new(setting.Line, $"{setting.Key}: {problem}");
}
