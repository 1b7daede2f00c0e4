using CloudPv.WorkerProtocol;

namespace CloudPv.Cloud.Tests;

public sealed class InstanceTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_stopped_instance_starts_again_as_its_next_run()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var instance = await cloud.RunningInstanceAsync();
        var catalogue = cloud.Get<InstanceCatalogue>();

        (await catalogue.StopAsync(cloud.AccountId, instance.Id, force: false, CancellationToken.None)).State.ShouldBe(InstanceState.Stopping);
        (await cloud.InStateAsync(instance.Id, InstanceState.Stopped)).StateReason.ShouldBe("user-request");
        (await catalogue.StartAsync(cloud.AccountId, instance.Id, CancellationToken.None)).State.ShouldBe(InstanceState.Pending);

        (await cloud.InStateAsync(instance.Id, InstanceState.Running)).Run.ShouldBe(2);
    }

    [Fact]
    public async Task A_guest_that_powers_off_is_stopped_by_itself()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var instance = await cloud.RunningInstanceAsync();

        cloud.Worker.Report(new InstanceReport(instance.Id, 1, DomainState.Stopped, StopReason.Poweroff, null));

        (await cloud.InStateAsync(instance.Id, InstanceState.Stopped)).StateReason.ShouldBe("poweroff");
    }

    [Fact]
    public async Task A_terminated_instance_is_gone_from_its_host_and_its_address_is_free()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var instance = await cloud.RunningInstanceAsync();

        await cloud.Get<InstanceCatalogue>().TerminateAsync(cloud.AccountId, instance.Id, CancellationToken.None);
        await cloud.InStateAsync(instance.Id, InstanceState.Terminated);

        cloud.Worker.Instances.ShouldBeEmpty();
        (await cloud.RunningInstanceAsync()).PrivateIp.ShouldBe(instance.PrivateIp);
    }

    [Fact]
    public async Task What_a_state_does_not_allow_is_refused()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var instance = await cloud.RunningInstanceAsync();
        var catalogue = cloud.Get<InstanceCatalogue>();
        await catalogue.TerminateAsync(cloud.AccountId, instance.Id, CancellationToken.None);
        await cloud.InStateAsync(instance.Id, InstanceState.Terminated);

        foreach (var change in (Func<Task>[])[
            () => catalogue.StartAsync(cloud.AccountId, instance.Id, CancellationToken.None),
            () => catalogue.StopAsync(cloud.AccountId, instance.Id, force: false, CancellationToken.None),
            () => catalogue.RebootAsync(cloud.AccountId, instance.Id, CancellationToken.None)])
        {
            (await Should.ThrowAsync<CloudException>(change)).Code.ShouldBe("IncorrectInstanceState");
        }
    }

    [Fact]
    public async Task Of_racing_changes_each_is_made_or_refused_and_the_last_state_is_reached()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var instance = await cloud.RunningInstanceAsync();
        var catalogue = cloud.Get<InstanceCatalogue>();

        await Task.WhenAll(
            Enumerable.Range(0, 4).Select(_ => IgnoreRefusalAsync(() => catalogue.StopAsync(cloud.AccountId, instance.Id, force: false, CancellationToken.None)))
                .Append(catalogue.TerminateAsync(cloud.AccountId, instance.Id, CancellationToken.None)));

        await cloud.InStateAsync(instance.Id, InstanceState.Terminated);
    }

    [Fact]
    public async Task An_account_sees_only_its_own()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var instance = await cloud.RunningInstanceAsync();
        var refused = await Should.ThrowAsync<CloudException>(cloud.Get<InstanceCatalogue>().GetAsync("000000000000", instance.Id, CancellationToken.None));
        refused.Refusal.ShouldBe(Refusal.NotFound);
    }

    [Fact]
    public async Task Pages_neither_repeat_nor_hide()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var launched = (await cloud.LaunchAsync((await cloud.MachineImageAsync()).Id, count: 5)).Instances;
        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await cloud.Get<InstanceCatalogue>().ListAsync(cloud.AccountId, new InstanceFilter(), new PageRequest(2, cursor), CancellationToken.None);
            seen.AddRange(page.Items.Select(i => i.Id));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        seen.ShouldBe(launched.Select(i => i.Id), ignoreOrder: true);
    }

    [Fact]
    public async Task Each_change_of_state_is_in_the_log_and_told_to_who_watches()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        using var watching = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var watch = cloud.Get<EventLog>().WatchAsync(cloud.AccountId, after: 0, watching.Token).GetAsyncEnumerator(watching.Token);

        var instance = await cloud.RunningInstanceAsync();

        var told = new List<string>();
        while (told.Count < 2 && await watch.MoveNextAsync())
        {
            if (watch.Current.ResourceId == instance.Id)
                told.Add(watch.Current.Message);
        }
        told.ShouldBe(["image is pending.", "image is running."]);
        var log = await cloud.Get<EventLog>().ListAsync(cloud.AccountId, instance.Id, before: null, limit: null, CancellationToken.None);
        log.Select(e => e.Message).ShouldBe(["image is running.", "image is pending."]);
    }

    private static async Task IgnoreRefusalAsync(Func<Task> change)
    {
        try
        {
            await change();
        }
        catch (CloudException refused) when (refused.Code == "IncorrectInstanceState")
        {
            // Another change came first.
        }
    }
}
