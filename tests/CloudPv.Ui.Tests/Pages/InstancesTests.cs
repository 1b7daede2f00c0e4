using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudPv.Ui.Tests;

public sealed class InstancesTests(FakeCloud cloud, Chromium chromium)
{
    private async Task<IPage> OpenAsync(string address = "instances")
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        await page.GoToAsync(address);
        await Expect(page.GetByText("Live", new() { Exact = true })).ToBeVisibleAsync();
        return page;
    }

    [Fact]
    public async Task A_badge_follows_what_another_client_does()
    {
        var id = await cloud.LaunchAsync("followed");
        var page = await OpenAsync();
        await Expect(page.Row(id).Badge()).ToHaveTextAsync("Running");

        await cloud.PostAsync($"/api/v1/instances/{id}/stop");

        await Expect(page.Row(id).Badge()).ToHaveTextAsync("Stopped");
    }

    [Fact]
    public async Task An_instance_that_another_client_launches_appears()
    {
        var page = await OpenAsync();

        var id = await cloud.LaunchAsync("newcomer");

        await Expect(page.Row(id)).ToContainTextAsync("newcomer");
    }

    [Fact]
    public async Task The_filter_finds_by_name_and_by_id()
    {
        var wanted = await cloud.LaunchAsync("needle");
        var other = await cloud.LaunchAsync("straw");
        var page = await OpenAsync();

        await page.GetByLabel("Filter instances").FillAsync("needle");
        await Expect(page.Row(other)).ToHaveCountAsync(0);
        await Expect(page.Row(wanted)).ToBeVisibleAsync();

        await page.GetByLabel("Filter instances").FillAsync(other);
        await Expect(page.Row(other)).ToBeVisibleAsync();
        await Expect(page.Row(wanted)).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Picked_instances_are_stopped_together_once_confirmed()
    {
        string[] ids = [await cloud.LaunchAsync("pair"), await cloud.LaunchAsync("pair")];
        var page = await OpenAsync();
        foreach (var id in ids)
            await page.Row(id).GetByRole(AriaRole.Checkbox).CheckAsync();

        await page.Button("Stop").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog)).ToContainTextAsync("Stop 2 instances?");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();

        foreach (var id in ids)
            await Expect(page.Row(id).Badge()).ToHaveTextAsync("Stopped");
    }

    [Fact]
    public async Task What_the_filter_hides_is_no_longer_picked()
    {
        var hidden = await cloud.LaunchAsync("out-of-sight");
        var shown = await cloud.LaunchAsync("in-sight");
        var page = await OpenAsync();
        foreach (var id in (string[])[hidden, shown])
            await page.Row(id).GetByRole(AriaRole.Checkbox).CheckAsync();
        await Expect(page.GetByText("2 selected")).ToBeVisibleAsync();

        await page.GetByLabel("Filter instances").FillAsync("in-sight");

        await Expect(page.GetByText("1 selected")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_filter_is_there_again_after_Back()
    {
        var wanted = await cloud.LaunchAsync("returned-to");
        var page = await OpenAsync();
        await page.GetByLabel("Filter instances").FillAsync("returned-to");

        await page.GetByRole(AriaRole.Link, new() { Name = "returned-to", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Tab).First).ToBeVisibleAsync();
        await page.GoBackAsync();

        await Expect(page.GetByLabel("Filter instances")).ToHaveValueAsync("returned-to");
        await Expect(page.Locator("tr[data-id]")).ToHaveCountAsync(1);
        await Expect(page.Row(wanted)).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_keyboard_stays_on_a_button_whose_action_is_under_way()
    {
        var id = await cloud.LaunchAsync("pressed");
        var page = await OpenAsync($"instances/{id}");

        await page.Button("Stop").ClickAsync();

        await Expect(page.Locator("h1").Badge()).ToHaveTextAsync("Stopped");
        await Expect(page.Button("Stop")).ToBeDisabledAsync();
        await Expect(page.Button("Stop")).ToBeFocusedAsync();
    }

    [Fact]
    public async Task Terminating_asks_first_and_Escape_says_no()
    {
        var id = await cloud.LaunchAsync("spared");
        var page = await OpenAsync($"instances/{id}");

        await page.Button("Terminate").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog)).ToContainTextAsync("This can’t be undone.");
        await page.Keyboard.PressAsync("Escape");

        await Expect(page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
        await Expect(page.Locator("h1").Badge()).ToHaveTextAsync("Running");
    }

    [Fact]
    public async Task Terminating_ends_the_instance_once_confirmed()
    {
        var id = await cloud.LaunchAsync("ended");
        var page = await OpenAsync($"instances/{id}");

        await page.Button("Terminate").ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Terminate" }).ClickAsync();

        await Expect(page.Locator("h1").Badge()).ToHaveTextAsync("Terminated");
        await Expect(page.Button("Start")).ToBeDisabledAsync();
    }

    [Fact]
    public async Task A_stopped_instance_starts_again()
    {
        var id = await cloud.LaunchAsync("revived");
        await cloud.PostAsync($"/api/v1/instances/{id}/stop");
        var page = await OpenAsync($"instances/{id}");

        await page.Button("Start").ClickAsync();

        await Expect(page.Locator("h1").Badge()).ToHaveTextAsync("Running");
    }

    [Fact]
    public async Task The_events_of_an_instance_are_listed_as_they_happen()
    {
        var id = await cloud.LaunchAsync("diarist");
        var page = await OpenAsync($"instances/{id}/events");
        await Expect(page.Locator(".event").First).ToContainTextAsync("diarist is running");

        await cloud.PostAsync($"/api/v1/instances/{id}/stop");

        await Expect(page.Locator(".event").First).ToContainTextAsync("diarist is stopped");
    }

    [Fact]
    public async Task An_unknown_instance_is_said_to_be_unknown()
    {
        var page = await OpenAsync("instances/i-00000000000000000");

        await Expect(page.Alert()).ToContainTextAsync("There is no instance i-00000000000000000.");
        await page.GetByRole(AriaRole.Link, new() { Name = "Go to the instances" }).ClickAsync();
        await Expect(page.Locator("h1")).ToHaveTextAsync("Instances");
    }
}
