using CloudPv.WorkerProtocol;

namespace CloudPv.Cloud.Tests;

public sealed class LaunchTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_launch_runs_with_addresses_of_its_own()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var reservation = await cloud.LaunchAsync((await cloud.MachineImageAsync()).Id, count: 3);

        foreach (var instance in reservation.Instances)
            await cloud.InStateAsync(instance.Id, InstanceState.Running);
        reservation.Instances.Select(i => i.PrivateIp).ShouldBe(["10.0.0.16", "10.0.0.17", "10.0.0.18"]);
        reservation.Instances.Select(i => i.MacAddress).Distinct().Count().ShouldBe(3);
        reservation.Instances.ShouldAllBe(i => i.MacAddress.StartsWith("00:16:3e:"));
    }

    [Fact]
    public async Task The_host_is_told_what_the_type_gets_of_its_processors()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var launched = new TaskCompletionSource<MachineDescription>();
        cloud.Worker.OnLaunch = launch =>
        {
            launched.TrySetResult(launch.Machine);
            return new(launch.InstanceId, launch.Run, DomainState.Running, null, null);
        };
        var type = InstanceType.Catalogue.Single(t => t.Name == "t1.nano");

        await cloud.LaunchAsync((await cloud.MachineImageAsync()).Id);

        var machine = await launched.Task;
        (machine.CpuWeight, machine.CpuCap).ShouldBe((type.CpuWeight, type.CpuCap));
        machine.CpuWeight.ShouldNotBe(256, "the type says something of its own");
    }

    [Fact]
    public async Task The_same_client_token_is_one_launch()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var image = await cloud.MachineImageAsync();

        var launches = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => cloud.LaunchAsync(image.Id, count: 2, token: "once")));

        launches.Select(l => l.Id).Distinct().Count().ShouldBe(1);
        launches.ShouldAllBe(l => l.Instances.Count == 2);
        (await ListAsync(cloud)).Items.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_client_token_does_not_stand_for_another_launch()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var image = await cloud.MachineImageAsync();
        await cloud.LaunchAsync(image.Id, token: "once");

        var refused = await Should.ThrowAsync<CloudException>(cloud.LaunchAsync(image.Id, count: 2, token: "once"));
        refused.Code.ShouldBe("IdempotentParameterMismatch");
    }

    [Theory]
    [InlineData(0, null, null, "InvalidParameterValue")]
    [InlineData(1000, null, null, "InvalidParameterValue")]
    [InlineData(null, 8, null, "InvalidParameterValue")]
    [InlineData(null, 1_000_000, null, "InsufficientHostMemory")]
    [InlineData(null, 600, 2, "InsufficientInstanceCapacity")]
    [InlineData(null, null, 0, "InvalidParameterValue")]
    [InlineData(null, null, 101, "InvalidParameterValue")]
    public async Task What_can_not_be_is_refused_and_leaves_nothing(int? vcpus, int? memoryMiB, int? count, string code)
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var image = await cloud.MachineImageAsync();

        (await Should.ThrowAsync<CloudException>(cloud.LaunchAsync(image.Id, count, vcpus, memoryMiB))).Code.ShouldBe(code);
        (await ListAsync(cloud)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Launches_at_once_never_take_more_memory_than_there_is()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var image = await cloud.MachineImageAsync();

        // The host has 1024 MiB.
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            try
            {
                await cloud.LaunchAsync(image.Id, memoryMiB: 300);
                return true;
            }
            catch (CloudException full) when (full.Code == "InsufficientInstanceCapacity")
            {
                return false;
            }
        }));

        outcomes.Count(launched => launched).ShouldBe(3);
    }

    [Fact]
    public async Task An_unknown_image_and_an_unknown_type_are_told()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        (await Should.ThrowAsync<CloudException>(cloud.LaunchAsync("ami-00000000000000000"))).Code.ShouldBe("InvalidImageId.NotFound");
        var image = await cloud.MachineImageAsync();
        (await Should.ThrowAsync<CloudException>(cloud.LaunchAsync(image.Id, type: "x9.huge"))).Code.ShouldBe("InvalidParameterValue");
        (await Should.ThrowAsync<CloudException>(cloud.LaunchAsync(image.KernelId!))).Message.ShouldContain("is a kernel image");
    }

    [Fact]
    public async Task A_launch_that_its_host_can_not_build_ends_terminated_with_the_reason()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        cloud.Worker.OnLaunch = launch => new(launch.InstanceId, launch.Run, DomainState.Stopped, StopReason.BuildFailed, "No entry point.");

        var instance = (await cloud.LaunchAsync((await cloud.MachineImageAsync()).Id)).Instances[0];

        instance = await cloud.InStateAsync(instance.Id, InstanceState.Terminated);
        instance.StateReason.ShouldBe("build-failed");
        instance.StateMessage!.ShouldContain("No entry point.");
    }

    [Fact]
    public async Task A_launch_that_the_worker_missed_is_sent_again_with_the_next_heartbeat()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var missed = true;
        var run = cloud.Worker.OnLaunch;
        cloud.Worker.OnLaunch = launch => missed ? throw new WorkerUnreachableException("gone") : run(launch);
        var instance = (await cloud.LaunchAsync((await cloud.MachineImageAsync()).Id)).Instances[0];

        missed = false;
        cloud.Worker.ReportAll();

        await cloud.InStateAsync(instance.Id, InstanceState.Running);
    }

    private static Task<Page<Instance>> ListAsync(TestCloud cloud) =>
        cloud.Get<InstanceCatalogue>().ListAsync(cloud.AccountId, new InstanceFilter(), new PageRequest(null, null), CancellationToken.None);
}
