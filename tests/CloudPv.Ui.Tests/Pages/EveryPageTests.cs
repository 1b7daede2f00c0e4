using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudPv.Ui.Tests;

public sealed class EveryPageTests(FakeCloud cloud, Chromium chromium)
{
    public static readonly TheoryData<string> Addresses = ["instances", "instances/launch", "images", "images/upload", "instance-types", "hosts", "events", "access-keys"];

    [Theory]
    [MemberData(nameof(Addresses))]
    public async Task A_page_opens_without_an_error_and_loads_nothing_from_elsewhere(string address)
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        var wrong = new List<string>();
        page.Console += (_, message) => wrong.AddRange(message.Type is "error" or "warning" ? [message.Text] : []);
        page.PageError += (_, error) => wrong.Add(error);
        page.Request += (_, request) => wrong.AddRange(request.Url.StartsWith(cloud.Address.ToString(), StringComparison.Ordinal) ? [] : [request.Url]);

        await page.GoToAsync(address);
        await page.ReloadAsync();

        await Expect(page.Locator("h1")).ToBeVisibleAsync();
        await Expect(page.GetByText("Live", new() { Exact = true })).ToBeVisibleAsync();
        wrong.ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(Addresses))]
    public async Task A_page_fits_phones_and_what_is_between_them_and_a_desk_without_scrolling_sideways(string address)
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await cloud.LaunchAsync("a name of many words, as long as people make them where nobody stops them");
        await page.SignInAsync(cloud.Key);

        await page.GoToAsync(address);
        await Expect(page.Locator("h1")).ToBeVisibleAsync();

        await Expect(page.Locator("[aria-busy=true]")).ToHaveCountAsync(0);
        foreach (var width in (int[])[320, 390, 640, 850, 1024])
        {
            await page.SetViewportSizeAsync(width, 800);
            await page.EvaluateAsync("scrollTo(1000, 0)");
            (await page.EvaluateAsync<double>("scrollX")).ShouldBe(0, $"{width} wide");
        }
    }

    [Theory]
    [InlineData("default-src 'self'")]
    [InlineData("object-src 'none'")]
    [InlineData("base-uri 'none'")]
    [InlineData("form-action 'self'")]
    [InlineData("frame-ancestors 'none'")]
    public async Task The_browser_is_told_to_allow_nothing_from_or_to_elsewhere(string rule)
    {
        var page = await chromium.NewPageAsync(cloud.Address);

        var answer = await page.GotoAsync("/");

        (await answer!.HeaderValueAsync("Content-Security-Policy")).ShouldNotBeNull().Split("; ").ShouldContain(rule);
    }

    [Fact]
    public async Task The_first_Tab_offers_to_skip_the_navigation()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        await page.ReloadAsync();
        await Expect(page.Locator("h1")).ToBeVisibleAsync();

        await page.Keyboard.PressAsync("Tab");
        await Expect(page.Button("Skip to the page")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");

        await Expect(page.GetByRole(AriaRole.Main)).ToBeFocusedAsync();
    }

    [Fact]
    public async Task A_slash_goes_to_the_filter_but_is_typed_where_text_is_written()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        await page.GoToAsync("events");
        await Expect(page.Locator(".event").First).ToBeVisibleAsync();

        await page.Keyboard.PressAsync("/");
        await Expect(page.GetByLabel("Filter events")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("/");

        await Expect(page.GetByLabel("Filter events")).ToHaveValueAsync("/");
    }

    [Fact]
    public async Task A_phone_s_menu_keeps_the_keyboard_until_Escape_closes_it()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SetViewportSizeAsync(390, 800);
        await page.SignInAsync(cloud.Key);

        await page.Button("Menu").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Instances", Exact = true })).ToBeFocusedAsync();
        await Expect(page.GetByRole(AriaRole.Main)).ToHaveAttributeAsync("inert", "");
        await page.Keyboard.PressAsync("Escape");

        await Expect(page.Button("Menu")).ToBeFocusedAsync();
        await Expect(page.GetByRole(AriaRole.Main)).Not.ToHaveAttributeAsync("inert", "");
    }

    [Fact]
    public async Task A_chosen_theme_outlives_a_reload_and_system_s_is_followed_otherwise()
    {
        var page = await chromium.NewPageAsync(cloud.Address, ColorScheme.Dark);
        await page.SignInAsync(cloud.Key);
        var dark = await BackgroundAsync(page);

        await page.Button("Light").ClickAsync();
        await page.ReloadAsync();
        await Expect(page.Locator("h1")).ToBeVisibleAsync();
        var light = await BackgroundAsync(page);
        await page.Button("As the system").ClickAsync();

        light.ShouldNotBe(dark);
        (await BackgroundAsync(page)).ShouldBe(dark);
    }

    [Fact]
    public async Task An_address_that_is_no_page_says_so()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);

        await page.GoToAsync("volumes");

        await Expect(page.GetByText("There is no such page")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_address_that_is_badly_encoded_says_so_too()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);

        await page.GoToAsync("nowhere%E0%A4%A");

        await Expect(page.GetByText("There is no such page")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_page_says_that_it_may_be_old_while_the_service_is_away()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        await page.RouteAsync("**/api/v1/events/stream", route => route.AbortAsync());

        await page.ReloadAsync();
        await Expect(page.Alert().Filter(new() { HasText = "What you see may be old" })).ToBeVisibleAsync();
        await page.UnrouteAsync("**/api/v1/events/stream");

        await Expect(page.GetByText("Live", new() { Exact = true })).ToBeVisibleAsync();
        await Expect(page.GetByText("What you see may be old")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task What_could_not_be_fetched_can_be_tried_again()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        await page.RouteAsync("**/api/v1/hosts*", route => route.FulfillAsync(new() { Status = 500 }));

        await page.GoToAsync("hosts");
        await Expect(page.Alert()).ToContainTextAsync("The service failed");
        await page.UnrouteAsync("**/api/v1/hosts*");
        await page.Button("Try again").ClickAsync();

        await Expect(page.Locator("tr[data-id]")).ToHaveCountAsync(1);
    }

    private static Task<string> BackgroundAsync(IPage page) => page.EvaluateAsync<string>("getComputedStyle(document.documentElement).backgroundColor");
}
