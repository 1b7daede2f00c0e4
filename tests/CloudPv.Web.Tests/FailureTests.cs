using System.Net.Http.Json;
using System.Text.Json;

[assembly: CollectionBehavior(DisableTestParallelization = true)] // these tests kill parts of the one service

namespace CloudPv.Web.Tests;

/// <summary>kill -9 of each part, one at a time, while an instance runs.</summary>
public sealed class FailureTests(FakeCloud service)
{
    [Fact]
    public async Task A_killed_web_program_comes_back_to_instances_that_ran_on()
    {
        var id = await service.LaunchAsync();
        using var domain = service.DomainOf(id);

        await service.KillAsync("cloudpv-web");
        service.Start("cloudpv-web");

        await service.UntilHostIsAvailableAsync();
        await ShouldRunOnAsync(id, domain.Id);
    }

    [Fact]
    public async Task A_killed_worker_comes_back_to_instances_that_ran_on()
    {
        var id = await service.LaunchAsync();
        using var domain = service.DomainOf(id);

        await service.KillAsync("cloudpv-worker");
        service.Start("cloudpv-worker");

        await service.UntilHostIsAvailableAsync();
        await ShouldRunOnAsync(id, domain.Id);
        await service.Client.PostAsync($"/api/v1/instances/{id}/stop", null, TestContext.Current.CancellationToken);
        await service.InStateAsync(id, "stopped");
    }

    [Fact]
    public async Task A_killed_database_comes_back_with_all_that_was_acknowledged()
    {
        var id = await service.LaunchAsync();
        using var domain = service.DomainOf(id);

        service.KillDatabase();

        await ShouldRunOnAsync(id, domain.Id);
        await service.LaunchAsync();
    }

    [Fact]
    public async Task A_killed_domain_stops_its_instance_alone_with_the_reason()
    {
        var (id, other) = (await service.LaunchAsync(), await service.LaunchAsync());
        using (var domain = service.DomainOf(id))
            domain.Kill();

        var reason = (await service.InStateAsync(id, "stopped")).GetProperty("stateReason");
        reason.GetProperty("code").GetString().ShouldBe("killed");
        reason.GetProperty("message").GetString().ShouldBe("Its domain's process died. It was ended by signal 9.");
        await service.InStateAsync(other, "running");
        await service.Client.PostAsync($"/api/v1/instances/{id}/start", null, TestContext.Current.CancellationToken);
        await service.InStateAsync(id, "running");
    }

    [Fact]
    public async Task What_is_asked_while_the_worker_is_away_is_done_when_it_is_back()
    {
        var id = await service.LaunchAsync();
        await service.KillAsync("cloudpv-worker");
        using var asked = await service.Client.PostAsync($"/api/v1/instances/{id}/stop", null, TestContext.Current.CancellationToken);
        asked.IsSuccessStatusCode.ShouldBeTrue();

        service.Start("cloudpv-worker");

        await service.InStateAsync(id, "stopped");
    }

    private async Task ShouldRunOnAsync(string id, int domainId)
    {
        await service.InStateAsync(id, "running");
        using var domain = service.DomainOf(id);
        domain.Id.ShouldBe(domainId);
        using var console = await service.OpenConsoleAsync(id);
        await console.TypeAsync("still here\n");
        await console.ReadUntilAsync("still here\n");
        var events = await service.Client.GetFromJsonAsync<JsonElement>($"/api/v1/events?resourceId={id}");
        events.GetProperty("items").EnumerateArray().Select(e => e.GetProperty("message").GetString()).ShouldBe(["debian is running.", "debian is pending."]);
    }
}
