using CloudPv.WorkerProtocol;

namespace CloudPv.Worker.Tests;

public sealed class FailureTests
{
    [Fact]
    public async Task A_killed_domain_stops_its_instance_alone_and_names_the_signal()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await worker.RunningAsync("i-2");

        using (var domain = worker.DomainOf("i-1"))
            domain.Kill();

        var killed = await worker.InstanceAsync("i-1", i => i.State == DomainState.Stopped);
        killed.Reason.ShouldBe(StopReason.Killed);
        killed.Detail.ShouldBe("It was ended by signal 9.");
        await worker.InstanceAsync("i-2", i => i.State == DomainState.Running);
    }

    [Fact]
    public async Task A_domain_outlives_its_worker_and_is_found_by_the_next()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        using var domain = worker.DomainOf("i-1");

        await worker.KillAsync();
        domain.HasExited.ShouldBeFalse();
        await worker.RestartAsync();

        await worker.InstanceAsync("i-1", i => i.State == DomainState.Running);
        await using var console = await worker.Transport.AttachConsoleAsync("i-1", TestContext.Current.CancellationToken);
        await console.ReadUntilAsync("fake guest is up\n");
        await worker.SendAsync(new StopInstance("i-1", Force: false));
        (await worker.InstanceAsync("i-1", i => i.State == DomainState.Stopped)).Reason.ShouldBe(StopReason.Poweroff);
    }

    [Fact]
    public async Task A_domain_that_ended_while_no_worker_was_there_is_told_as_it_ended()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await worker.RunningAsync("i-2");
        using var crashed = worker.DomainOf("i-1");
        using var killed = worker.DomainOf("i-2");
        await worker.KillAsync();
        await worker.TypeAsync("i-1", "crash\n");
        killed.Kill();
        await Task.WhenAll(crashed.WaitForExitAsync(TestContext.Current.CancellationToken), killed.WaitForExitAsync(TestContext.Current.CancellationToken));

        await worker.RestartAsync();

        (await worker.InstanceAsync("i-1", i => i.State == DomainState.Stopped)).Reason.ShouldBe(StopReason.Crash);
        (await worker.InstanceAsync("i-2", i => i.State == DomainState.Stopped)).Reason.ShouldBe(StopReason.Killed);
    }

    [Fact]
    public async Task Only_one_worker_has_a_data_folder()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await worker.StartSecondAsync();
        await worker.InstanceAsync("i-1", i => i.State == DomainState.Running);
    }

    [Fact]
    public async Task A_folder_that_is_no_instance_is_dropped()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.KillAsync();
        Directory.CreateDirectory(worker.Folder.InstanceFolder("i-half"));
        await worker.RestartAsync();
        Directory.Exists(worker.Folder.InstanceFolder("i-half")).ShouldBeFalse();
    }

    [Fact]
    public async Task An_instance_whose_network_is_refused_runs_on_without_it_beside_the_others()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await worker.RunningAsync("i-2");
        await worker.KillAsync();
        worker.EditRecord("i-2", "00:16:3e:00:00:11", "00:16:3e:00:00:10");

        await worker.RestartAsync();

        await worker.InstanceAsync("i-1", i => i.State == DomainState.Running);
        await worker.InstanceAsync("i-2", i => i.State == DomainState.Running);
        await worker.SendAsync(new StopInstance("i-2", Force: false));
        await worker.InstanceAsync("i-2", i => i.State == DomainState.Stopped);
    }

    [Fact]
    public async Task An_instance_that_can_not_be_read_keeps_no_other_from_being_found()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await worker.KillAsync();
        var unreadable = Directory.CreateDirectory(worker.Folder.InstanceFolder("i-2")).FullName;
        await File.WriteAllTextAsync(Path.Combine(unreadable, "instance.json"), "{", TestContext.Current.CancellationToken);

        await worker.RestartAsync();

        await worker.InstanceAsync("i-1", i => i.State == DomainState.Running);
    }

    [Fact]
    public async Task Without_libslirp_a_launch_is_refused_with_the_reason_and_leaves_nothing()
    {
        await using var worker = await RunningWorker.StartAsync(hasSlirp: false);

        (await Should.ThrowAsync<WorkerRefusedException>(worker.LaunchAsync("i-1"))).Message.ShouldContain("libslirp.so.0 is not installed");

        Directory.Exists(worker.Folder.InstanceFolder("i-1")).ShouldBeFalse();
    }
}
