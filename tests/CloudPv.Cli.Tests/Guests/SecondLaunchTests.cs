using CloudPv.Dom0;
using CloudPv.Dom0.Net;
using CloudPv.Hypervisor;
using CloudPv.X86;

namespace CloudPv.Cli.Tests.Guests;

/// <summary>What the first launch of a kernel translated serves the second.</summary>
public sealed class SecondLaunchTests(BuiltStarterImage image)
{
    [Fact]
    public async Task The_second_launch_translates_less_than_a_twentieth_of_the_first()
    {
        var folder = Directory.CreateTempSubdirectory("translations").FullName;
        try
        {
            var first = await LaunchAsync(folder);
            var second = await LaunchAsync(folder);

            second.ShouldBeLessThan(first / 20);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Boots to a shell and gives the number of instructions translated for that.</summary>
    private async Task<ulong> LaunchAsync(string folder)
    {
        using var host = new Host(new HostOptions { TranslationFolder = folder });
        using var network = new HostNetwork(NetworkPlan.Default);
        using var toolstack = new Toolstack(host, static _ => { }, network);
        await using var guest = await StarterGuest.StartAsync(image, toolstack, network, "launched", 0);
        return guest.Count(nameof(CpuStatistics.InstructionsTranslated));
    }
}
