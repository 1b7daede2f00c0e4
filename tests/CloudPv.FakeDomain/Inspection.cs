using System.Text;
using System.Text.Json;

namespace CloudPv.FakeDomain;

/// <summary>Knows a kernel, a ramdisk or a disk by its first word; one that says "broken" can't be used.</summary>
internal static class Inspection
{
    public static string Of(string file)
    {
        using var content = File.OpenRead(file);
        var head = new byte[Math.Min(64, content.Length)];
        content.ReadExactly(head);
        var text = Encoding.ASCII.GetString(head);
        var kind = text.Split(' ', '\n')[0] is ("kernel" or "ramdisk" or "disk") and var known ? known : "unknown";
        var problem = kind == "unknown" ? "It is nothing that a guest can use." : text.Contains("broken", StringComparison.Ordinal) ? "It is broken." : null;
        return JsonSerializer.Serialize(new { kind, description = kind == "unknown" ? "a text file" : $"fake {kind}", problem });
    }
}
