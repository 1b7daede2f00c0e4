using System.Text;
using System.Text.Json;

namespace CloudPv.FakeDomain;

/// <summary>Knows a kernel, a ramdisk or a disk by its first word; one that says "broken" can't be used.</summary>
internal static class Inspection
{
    public static string Of(string file)
    {
        var text = Encoding.ASCII.GetString(File.ReadAllBytes(file).AsSpan(0, (int)Math.Min(64, new FileInfo(file).Length)));
        var kind = text.Split(' ', '\n')[0] is ("kernel" or "ramdisk" or "disk") and var known ? known : "unknown";
        var problem = kind == "unknown" ? "It is nothing that a guest can use." : text.Contains("broken", StringComparison.Ordinal) ? "It is broken." : null;
        return JsonSerializer.Serialize(new { kind, description = kind == "unknown" ? "a text file" : $"fake {kind}", problem });
    }
}
