using System.Diagnostics;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker.Tests;

public sealed class WarmPoolTests
{
    private static readonly int Size = Math.Clamp(Environment.ProcessorCount, 1, 4);

    [Fact]
    public async Task A_launch_takes_a_warm_process()
    {
        await using var worker = await RunningWorker.StartAsync();
        var warm = await worker.WarmAsync(Size);
        await worker.RunningAsync("i-1");
        using var domain = worker.DomainOf("i-1");
        warm.ShouldContain(domain.Id);
    }

    [Fact]
    public async Task One_that_was_taken_is_replaced_and_there_are_never_more()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.WarmAsync(Size);
        for (var i = 1; i <= 3; i++)
        {
            await worker.RunningAsync($"i-{i}");
            await worker.WarmAsync(1);
            worker.CountWarm().ShouldBe(Size + i); // those that became domains still have their command line
        }
    }

    [Fact]
    public async Task A_killed_one_is_replaced_and_disturbs_no_launch()
    {
        await using var worker = await RunningWorker.StartAsync();
        var warm = await worker.WarmAsync(Size);
        foreach (var id in warm)
        {
            using var process = Process.GetProcessById(id);
            process.Kill();
        }
        await worker.RunningAsync("i-1");
        using var domain = worker.DomainOf("i-1");
        warm.ShouldNotContain(domain.Id);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task They_end_with_their_worker_but_for_the_one_that_became_a_domain(bool killed)
    {
        await using var worker = await RunningWorker.StartAsync();
        var warm = Array.ConvertAll(await worker.WarmAsync(Size), Process.GetProcessById);
        await worker.RunningAsync("i-1");
        using var domain = worker.DomainOf("i-1");

        if (killed)
            await worker.KillAsync();
        else
            await worker.TerminateAsync();

        foreach (var process in warm.Where(p => p.Id != domain.Id))
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        await worker.RestartAsync();
        await worker.InstanceAsync("i-1", i => i.State == DomainState.Running);
        domain.HasExited.ShouldBeFalse();
    }

    [Fact]
    public async Task Instances_run_also_where_no_process_gets_warm()
    {
        await using var worker = await RunningWorker.StartAsync(canWarm: false);
        await worker.RunningAsync("i-1");
    }

    [Fact]
    public async Task What_killed_ones_left_is_removed_by_the_next_worker()
    {
        await using var worker = await RunningWorker.StartAsync();
        var left = Path.Combine(worker.Folder.Run, "warm-1-1");
        Directory.CreateDirectory(left);
        await worker.KillAsync();
        await worker.RestartAsync();
        Directory.Exists(left).ShouldBeFalse();
    }
}
