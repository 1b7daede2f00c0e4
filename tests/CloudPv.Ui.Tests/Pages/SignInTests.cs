using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudPv.Ui.Tests;

public sealed class SignInTests(FakeCloud cloud, Chromium chromium)
{
    [Fact]
    public async Task A_key_signs_in_and_a_reload_keeps_it()
    {
        var page = await chromium.NewPageAsync(cloud.Address);

        await page.SignInAsync(cloud.Key);
        await page.ReloadAsync();

        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Instances", Exact = true })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_unknown_key_is_refused_in_plain_words()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.GotoAsync("/");

        await page.GetByLabel("Access key").FillAsync("cpv_not-a-key");
        await page.Button("Sign in").ClickAsync();

        await Expect(page.Alert()).ToContainTextAsync("This access key is not known.");
        await Expect(page.Locator("nav-bar")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task No_key_at_all_is_asked_for()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.GotoAsync("/");

        await page.Button("Sign in").ClickAsync();

        await Expect(page.Alert()).ToContainTextAsync("Paste your key here first.");
        await Expect(page.GetByLabel("Access key")).ToBeFocusedAsync();
    }

    [Fact]
    public async Task Signing_out_closes_every_page()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);

        await page.Button("Sign out").ClickAsync();
        await page.GoToAsync("hosts");

        await Expect(page.GetByLabel("Access key")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_key_is_out_of_reach_of_scripts()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);

        var kept = await page.EvaluateAsync<string>("JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])");

        kept.ShouldNotContain(cloud.Key);
    }
}
