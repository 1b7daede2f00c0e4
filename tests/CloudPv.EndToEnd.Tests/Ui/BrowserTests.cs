using CloudPv.Ui.Tests;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudPv.EndToEnd.Tests;

/// <summary>The newcomer's path in a browser: sign in, launch, type into a real Debian's console.</summary>
public sealed class BrowserTests(RunningService service, Chromium chromium)
{
    private const float BootPatience = 90_000;

    [Fact]
    public async Task A_newcomer_launches_debian_and_types_into_its_console()
    {
        var page = await chromium.NewPageAsync(service.Address);
        await page.SignInAsync(service.Key);

        await page.GetByRole(AriaRole.Link, new() { Name = "Launch instances" }).First.ClickAsync();
        await page.Field("Name").FillAsync("browsed");
        await page.GetByText("t1.small").ClickAsync();
        await page.Button("Launch instance").ClickAsync();
        await page.GetByRole(AriaRole.Tab, new() { Name = "Console" }).ClickAsync();

        await Expect(page.Screen()).ToContainTextAsync("login:", new() { Timeout = BootPatience });
        await page.Keyboard.TypeAsync("root\n");
        await Expect(page.Screen()).ToContainTextAsync("# ");
        await page.Keyboard.TypeAsync("echo cpus=$(nproc)\n");
        await Expect(page.Screen()).ToContainTextAsync("cpus=2");

        await page.Keyboard.TypeAsync("poweroff\n");
        await Expect(page.Locator("h1").Badge()).ToHaveTextAsync("Stopped", new() { Timeout = BootPatience });
        await page.Button("Terminate").ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Terminate" }).ClickAsync();
        await Expect(page.Locator("h1").Badge()).ToHaveTextAsync("Terminated");
    }

    [Fact]
    public async Task A_text_file_is_refused_as_a_kernel_by_what_it_is()
    {
        var page = await chromium.NewPageAsync(service.Address);
        await page.SignInAsync(service.Key);
        await page.GoToAsync("images/upload");
        await page.Locator("input[name=kind][value=kernel]").CheckAsync();

        await page.Locator("input[type=file]").SetInputFilesAsync(new FilePayload { Name = "notes.txt", MimeType = "text/plain", Buffer = "milk and eggs\n"u8.ToArray() });
        await page.Button("Upload").ClickAsync();

        await Expect(page.Alert()).ToContainTextAsync("not a kernel");
    }
}
