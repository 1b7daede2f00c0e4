using Microsoft.Playwright;

namespace CloudPv.Ui.Tests;

/// <summary>What a person does on the pages, in a person's words.</summary>
public static class ConsolePage
{
    public static async Task SignInAsync(this IPage page, string key)
    {
        await page.GotoAsync("/");
        await page.GetByLabel("Access key").FillAsync(key);
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Main).GetByRole(AriaRole.Heading, new() { Name = "Instances", Exact = true })).ToBeVisibleAsync();
    }

    /// <summary>Goes to a page's address, as <c>instances/launch</c>.</summary>
    public static Task GoToAsync(this IPage page, string address) => page.GotoAsync($"/#/{address}");

    public static ILocator Button(this IPage page, string name) => page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    /// <summary>What is filled in under a label.</summary>
    public static ILocator Field(this IPage page, string label) => page.Locator("input.input, textarea").And(page.GetByLabel(label));

    /// <summary>The row of a table that tells of one resource.</summary>
    public static ILocator Row(this IPage page, string id) => page.Locator($"tr[data-id='{id}']");

    /// <summary>The badge that shows a state, of a row or of a page's head.</summary>
    public static ILocator Badge(this ILocator place) => place.Locator(".badge");

    /// <summary>A refusal or a mistake that the page tells of.</summary>
    public static ILocator Alert(this IPage page) => page.GetByRole(AriaRole.Alert);

    /// <summary>The lines that the terminal shows.</summary>
    public static ILocator Screen(this IPage page) => page.Locator(".xterm-rows");

    public static ILocator ConsoleState(this IPage page) => page.Locator(".console-state");
}
