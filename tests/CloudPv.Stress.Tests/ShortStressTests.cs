namespace CloudPv.Stress.Tests;

public sealed class ShortStressTests
{
    [Fact]
    public async Task A_loaded_guest_computes_no_wrong_result()
    {
        string[] groups = ["files", "code", "icache", "pressure", "maps", "signals", "calls", "atomics"];
        var cancel = TestContext.Current.CancellationToken;
        var folder = Directory.CreateTempSubdirectory("cloudpv-stress-").FullName;
        try
        {
            StressGuest guest = await StressGuest.BuildAsync(folder, cancel);
            using StressDisks disks = await StressDisks.CreateAsync(folder, cancel);
            var round = new StressRound(AppContext.BaseDirectory, Without: [], Vcpus: 2, MemoryMiB: 384, Seconds: 1, groups, ShowsConsole: false);
            ConsoleJudge judge = await round.RunAsync(guest, disks, cancel);
            judge.Failures.ShouldBeEmpty();
            judge.Groups.ShouldBe(groups.Length);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
