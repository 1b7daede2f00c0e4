using System.Globalization;
using CloudPv.Cli.Domu;

namespace CloudPv.Cli.XlConfig;

/// <summary>One item of <c>vif</c>, as xl-network-configuration(5) has it. There is one network, so that of its keys <c>mac</c> alone makes a difference.</summary>
internal static class XlVif
{
    public static DomuNic Parse(XlValue.Text item)
    {
        var nic = new DomuNic();
        foreach (var part in item.Content.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            nic = part.Split('=', 2) switch
            {
                ["mac", var mac] when IsMac(mac) => nic with { Mac = mac.ToLowerInvariant() },
                ["mac", var mac] => throw Refused(item, $"'{mac}' is not a MAC address (six bytes in hex, with colons)"),
                ["type", "vif"] => nic,
                ["bridge" or "script" or "vifname" or "ip" or "backend" or "rate" or "mtu" or "model" or "devid", _] => nic,
                _ => throw Refused(item, $"'{part}' is not understood"),
            };
        }

        return nic;
    }

    private static bool IsMac(string text)
    {
        var bytes = text.Split(':');
        return bytes.Length == 6 && bytes.All(part => part.Length == 2 && byte.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _));
    }

    private static XlConfigException Refused(XlValue.Text item, string problem) => new(item.Line, $"vif: {problem}");
}
