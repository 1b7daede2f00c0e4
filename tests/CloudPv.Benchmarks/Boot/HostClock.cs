using System.Globalization;

namespace CloudPv.Benchmarks;

/// <summary>The host's clock rate: KVM would tell a guest, QEMU's TCG doesn't, and a guest's own calibration fails now and then on a busy host.</summary>
internal static class HostClock
{
    private const string Field = "cpu MHz";

    public static int TscKiloHertz()
    {
        var line = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith(Field, StringComparison.Ordinal));
        return (int)(double.Parse(line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture) * 1000);
    }
}
