using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudPv.Ui.Tests;

public sealed class AccessKeysTests(FakeCloud cloud, Chromium chromium)
{
    private async Task<IPage> OpenAsync()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        await page.GoToAsync("access-keys");
        return page;
    }

    private static ILocator Dialog(IPage page) => page.GetByRole(AriaRole.Dialog);

    private static ILocator Key(IPage page, string name) => page.Locator("tr[data-id]").Filter(new() { HasText = name });

    private static async Task<string> CreateAsync(IPage page, string name)
    {
        await page.Button("Create access key").ClickAsync();
        await Dialog(page).GetByLabel("Name").FillAsync(name);
        await page.Keyboard.PressAsync("Enter");
        return await Dialog(page).Locator(".secret code").InnerTextAsync();
    }

    [Fact]
    public async Task A_created_key_is_shown_once_and_signs_in()
    {
        var page = await OpenAsync();

        var key = await CreateAsync(page, "for a colleague");
        await page.Button("Done").ClickAsync();

        await Expect(Key(page, "for a colleague")).ToBeVisibleAsync();
        (await page.ContentAsync()).ShouldNotContain(key);
        await (await chromium.NewPageAsync(cloud.Address)).SignInAsync(key);
    }

    [Fact]
    public async Task Escape_does_not_lose_a_key_that_nobody_can_show_again()
    {
        var page = await OpenAsync();
        await CreateAsync(page, "kept in sight");

        await page.Keyboard.PressAsync("Escape");

        await Expect(Dialog(page)).ToContainTextAsync("Copy it now");
    }

    [Fact]
    public async Task A_key_without_a_name_is_not_created()
    {
        var page = await OpenAsync();

        await page.Button("Create access key").ClickAsync();
        await Dialog(page).GetByText("Create", new() { Exact = true }).ClickAsync();

        await Expect(page.Alert()).ToContainTextAsync("Give it a name");
        await Expect(Dialog(page).GetByLabel("Name")).ToBeFocusedAsync();
    }

    [Fact]
    public async Task Revoking_asks_first_and_then_the_key_is_gone()
    {
        var page = await OpenAsync();
        await CreateAsync(page, "short-lived");
        await page.Button("Done").ClickAsync();

        await page.Button("Revoke short-lived").ClickAsync();
        await Dialog(page).GetByText("Revoke", new() { Exact = true }).ClickAsync();

        await Expect(Key(page, "short-lived")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Who_revokes_the_own_key_is_told_of_it_and_signed_out()
    {
        var page = await OpenAsync();
        var key = await CreateAsync(page, "sawn-off branch");
        var other = await chromium.NewPageAsync(cloud.Address);
        await other.SignInAsync(key);
        await other.GoToAsync("access-keys");
        await Expect(Key(other, "sawn-off branch").Badge()).ToHaveTextAsync("In use here");

        await other.Button("Revoke sawn-off branch").ClickAsync();
        await Expect(Dialog(other)).ToContainTextAsync("will be signed out");
        await Dialog(other).GetByText("Revoke", new() { Exact = true }).ClickAsync();

        await Expect(other.Button("Sign in")).ToBeVisibleAsync();
    }
}
