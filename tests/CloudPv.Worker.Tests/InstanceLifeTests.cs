using System.Text;
using System.Text.Json;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker.Tests;

public sealed class InstanceLifeTests
{
    [Fact]
    public async Task A_launch_runs_and_a_stop_powers_the_guest_off()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");

        await worker.SendAsync(new StopInstance("i-1", Force: false));

        (await worker.InstanceAsync("i-1", i => i.State == DomainState.Stopped)).Reason.ShouldBe(StopReason.Poweroff);
    }

    [Fact]
    public async Task A_launch_keeps_translations_in_a_folder_of_its_account()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");

        using var spec = JsonDocument.Parse(File.ReadAllText(Path.Combine(worker.Folder.InstanceFolder("i-1"), "spec.json")));

        var folder = spec.RootElement.GetProperty("translationFolder").GetString();
        folder.ShouldBe(worker.Folder.TranslationFolder(RunningWorker.AccountId));
        folder.ShouldNotBe(worker.Folder.TranslationFolder("another"));
    }

    [Fact]
    public async Task A_launch_sent_twice_is_one_domain()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        using var domain = worker.DomainOf("i-1");

        await worker.LaunchAsync("i-1");

        using var same = worker.DomainOf("i-1");
        same.Id.ShouldBe(domain.Id);
    }

    [Fact]
    public async Task The_next_run_starts_a_stopped_instance_with_its_console_kept()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await worker.SendAsync(new StopInstance("i-1", Force: false));
        await worker.InstanceAsync("i-1", i => i.State == DomainState.Stopped);

        await worker.LaunchAsync("i-1", run: 2);

        await worker.InstanceAsync("i-1", i => i is { Run: 2, State: DomainState.Running });
        await using var console = await worker.Transport.AttachConsoleAsync("i-1", TestContext.Current.CancellationToken);
        await console.ReadUntilAsync("fake guest is up\nfake guest is up\n");
    }

    [Fact]
    public async Task A_run_is_not_started_over_one_that_still_runs()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        (await Should.ThrowAsync<WorkerRefusedException>(worker.LaunchAsync("i-1", run: 2))).Message.ShouldContain("still there");
    }

    [Fact]
    public async Task A_deaf_guest_is_destroyed_by_force()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1", commandLine: "hang");
        await worker.SendAsync(new StopInstance("i-1", Force: false));

        await worker.SendAsync(new StopInstance("i-1", Force: true));

        (await worker.InstanceAsync("i-1", i => i.State == DomainState.Stopped)).Reason.ShouldBe(StopReason.Destroyed);
    }

    [Fact]
    public async Task A_domain_that_can_not_be_built_says_why()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.LaunchAsync("i-1", commandLine: "build-failure");

        var ended = await worker.InstanceAsync("i-1", i => i.State == DomainState.Stopped);
        ended.Reason.ShouldBe(StopReason.BuildFailed);
        ended.Detail.ShouldBe("The fake kernel has no entry point.");
    }

    [Fact]
    public async Task A_launch_without_its_image_is_refused_and_leaves_nothing()
    {
        await using var worker = await RunningWorker.StartAsync();
        (await Should.ThrowAsync<WorkerRefusedException>(worker.LaunchAsync("i-1", kernel: "missing"))).Message.ShouldContain("isn't on this host");
        Directory.Exists(worker.Folder.InstanceFolder("i-1")).ShouldBeFalse();
    }

    [Theory]
    [InlineData("crash", StopReason.Crash)]
    [InlineData("suspend", StopReason.Suspend)]
    public async Task A_guest_that_crashed_or_suspended_itself_is_told_from_one_that_powered_off(string end, StopReason reason)
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await using var console = await worker.Transport.AttachConsoleAsync("i-1", TestContext.Current.CancellationToken);

        await console.Output.WriteAsync(Encoding.ASCII.GetBytes($"{end}\n"), TestContext.Current.CancellationToken);

        (await worker.InstanceAsync("i-1", i => i.State == DomainState.Stopped)).Reason.ShouldBe(reason);
    }

    [Fact]
    public async Task A_destroyed_instance_leaves_nothing()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        using var domain = worker.DomainOf("i-1");

        await worker.SendAsync(new DestroyInstance("i-1"));

        await worker.HostAsync(h => h.Instances.Count == 0);
        Directory.Exists(worker.Folder.InstanceFolder("i-1")).ShouldBeFalse();
        domain.HasExited.ShouldBeTrue();
    }

    [Fact]
    public async Task A_reboot_stays_in_the_same_domain_process()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await worker.SendAsync(new RebootInstance("i-1"));
        await using var console = await worker.Transport.AttachConsoleAsync("i-1", TestContext.Current.CancellationToken);
        await console.ReadUntilAsync("fake guest is up again\n");
    }
}
