using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudPv.Ui.Tests;

public sealed partial class ConsoleTests(FakeCloud cloud, Chromium chromium)
{
    private async Task<IPage> OpenAsync(string id, Func<IPage, Task>? before = null)
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        if (before is not null)
            await before(page);
        await page.SignInAsync(cloud.Key);
        await page.GoToAsync($"instances/{id}/console");
        return page;
    }

    [Fact]
    public async Task What_is_typed_reaches_the_guest_and_what_it_prints_is_shown()
    {
        var page = await OpenAsync(await cloud.LaunchAsync("talker"));
        await Expect(page.Screen()).ToContainTextAsync("fake guest is up");

        await page.Keyboard.TypeAsync("uname -a\n");

        await Expect(page.Screen()).ToContainTextAsync("uname -a");
    }

    [Fact]
    public async Task Typing_poweroff_stops_the_instance_and_its_last_words_stay()
    {
        var page = await OpenAsync(await cloud.LaunchAsync("sleeper"));
        await Expect(page.ConsoleState()).ToContainTextAsync("Connected");

        await page.Keyboard.TypeAsync("poweroff\n");

        await Expect(page.Locator("h1").Badge()).ToHaveTextAsync("Stopped");
        await Expect(page.ConsoleState()).ToContainTextAsync("The instance is stopped");
        await Expect(page.Screen()).ToContainTextAsync("poweroff");
    }

    [Fact]
    public async Task A_crash_is_told_with_its_reason()
    {
        var page = await OpenAsync(await cloud.LaunchAsync("faller"));
        await Expect(page.ConsoleState()).ToContainTextAsync("Connected");

        await page.Keyboard.TypeAsync("crash\n");

        await Expect(page.Alert()).ToContainTextAsync("This instance stopped by itself");
        await Expect(page.Alert()).ToContainTextAsync(CrashWords());
    }

    [Fact]
    public async Task A_broken_connection_comes_back_with_the_scrollback_shown_once()
    {
        var page = await OpenAsync(await cloud.LaunchAsync("breaker"), page => page.AddInitScriptAsync("""
            window.sockets = [];
            window.WebSocket = class extends WebSocket {
              constructor(address) {
                super(address);
                sockets.push(this);
              }
            };
            """));
        await Expect(page.Screen()).ToContainTextAsync("fake guest is up");
        await page.Keyboard.TypeAsync("before the break\n");
        await Expect(page.Screen()).ToContainTextAsync("before the break");

        await page.EvaluateAsync("sockets[0].close()");
        await Expect(page.ConsoleState()).ToContainTextAsync("Not connected");
        await Expect(page.ConsoleState()).ToContainTextAsync("Connected");
        await page.Keyboard.TypeAsync("after it\n");

        await Expect(page.Screen()).ToContainTextAsync("after it");
        var shown = await page.Screen().InnerTextAsync();
        shown.Split("fake guest is up").Length.ShouldBe(2);
        shown.Split("before the break").Length.ShouldBe(2);
    }

    [Fact]
    public async Task A_stopped_instance_shows_what_it_last_printed()
    {
        var id = await cloud.LaunchAsync("silent");
        await cloud.PostAsync($"/api/v1/instances/{id}/stop");

        var page = await OpenAsync(id);

        await Expect(page.Screen()).ToContainTextAsync("fake guest is up");
    }

    [Fact]
    public async Task The_scrollback_s_old_questions_are_not_answered_into_the_guest_s_shell()
    {
        var id = await cloud.LaunchAsync("asker");
        // The fake guest prints what is typed: here the question where the cursor is (DSR 6).
        await cloud.TypeAsync(id, "\e[6nasked");
        var page = await OpenAsync(id);
        await Expect(page.Screen()).ToContainTextAsync("asked");

        await page.Keyboard.TypeAsync("typed\n");
        await Expect(page.Screen()).ToContainTextAsync("typed");

        (await cloud.Client.GetStringAsync($"/api/v1/instances/{id}/console-output")).ShouldEndWith("\e[6naskedtyped\r\n");
    }

    [Fact]
    public async Task Control_bracket_gives_the_keyboard_back_to_the_page()
    {
        var page = await OpenAsync(await cloud.LaunchAsync("leaver"));
        await Expect(page.ConsoleState()).ToContainTextAsync("Connected");

        await page.Keyboard.PressAsync("Control+]");

        await Expect(page.Button("Find")).ToBeFocusedAsync();
    }

    [Fact]
    public async Task Find_counts_what_it_finds_from_the_newest_line_and_gives_the_keyboard_back()
    {
        var page = await OpenAsync(await cloud.LaunchAsync("haystack"));
        await Expect(page.ConsoleState()).ToContainTextAsync("Connected");
        await page.Keyboard.TypeAsync("needle one\nneedle two\n");
        await Expect(page.Screen()).ToContainTextAsync("needle two");

        await page.Keyboard.PressAsync("Control+Shift+F");
        await Expect(page.GetByLabel("Find in the console")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("needle");
        await Expect(page.Locator(".found")).ToHaveTextAsync("1 of 2");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator(".found")).ToHaveTextAsync("2 of 2");
        await page.GetByLabel("Find in the console").FillAsync("no such words");
        await Expect(page.Locator(".found")).ToHaveTextAsync("Nothing found");
        await page.Keyboard.PressAsync("Escape");

        await Expect(page.GetByLabel("Terminal input")).ToBeFocusedAsync();
    }

    [Fact]
    public async Task The_size_is_told_to_a_shell_but_not_typed_into_a_full_screen_program()
    {
        var id = await cloud.LaunchAsync("editor");
        var page = await OpenAsync(id);
        await Expect(page.ConsoleState()).ToContainTextAsync("Connected");
        // The fake guest prints what is typed: here a program that takes the screen.
        await cloud.TypeAsync(id, "\e[?1049heditor");
        await Expect(page.Screen()).ToContainTextAsync("editor");

        await page.Locator(".console-size").ClickAsync();
        await Expect(page.Locator(".toast")).ToContainTextAsync("A program has the whole screen.");

        await cloud.TypeAsync(id, "\e[?1049lshell");
        await Expect(page.Screen()).ToContainTextAsync("shell");
        await page.Locator(".console-size").ClickAsync();
        await Expect(page.Screen()).ToContainTextAsync("shellstty cols");
    }

    [Fact]
    public async Task Keys_that_a_phone_lacks_are_typed_by_buttons()
    {
        var id = await cloud.LaunchAsync("phoned");
        var page = await OpenAsync(id);
        await Expect(page.ConsoleState()).ToContainTextAsync("Connected");

        // Shown where the pointer is a finger; here pressed unseen.
        await page.Locator("touch-keys button[aria-label=Up]").DispatchEventAsync("click");
        await page.Keyboard.TypeAsync("and on\n");
        await Expect(page.Screen()).ToContainTextAsync("and on");

        (await cloud.Client.GetStringAsync($"/api/v1/instances/{id}/console-output")).ShouldEndWith("\e[Aand on\r\n");
    }

    [Fact]
    public async Task A_selection_is_copied_and_the_clipboard_is_pasted()
    {
        var page = await OpenAsync(await cloud.LaunchAsync("copier"));
        await Expect(page.Screen()).ToContainTextAsync("fake guest is up");

        var line = (await page.Screen().GetByText("fake guest is up").BoundingBoxAsync())!;
        await page.Mouse.DblClickAsync(line.X + 4, line.Y + (line.Height / 2));
        await page.Keyboard.PressAsync("Control+Shift+C");
        (await page.EvaluateAsync<string>("navigator.clipboard.readText()")).ShouldBe("fake");

        await page.EvaluateAsync("navigator.clipboard.writeText('pasted words')");
        await page.Button("Paste").ClickAsync();
        await Expect(page.Screen()).ToContainTextAsync("pasted words");
    }

    [Fact]
    public async Task The_terminal_fills_the_window_and_follows_its_size()
    {
        var page = await OpenAsync(await cloud.LaunchAsync("grower"));
        await Expect(page.ConsoleState()).ToContainTextAsync("Connected");
        var size = page.Locator(".console-size");
        var before = await size.InnerTextAsync();

        await page.SetViewportSizeAsync(1000, 600);

        await Expect(size).Not.ToHaveTextAsync(before);
        var box = await page.Locator(".console").BoundingBoxAsync();
        (box!.Y + box.Height).ShouldBeInRange(560, 600);
    }

    [GeneratedRegex("crash", RegexOptions.IgnoreCase)]
    private static partial Regex CrashWords();
}
