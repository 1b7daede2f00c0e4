using System.Text;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudPv.Ui.Tests;

public sealed class ImagesTests(FakeCloud cloud, Chromium chromium)
{
    private async Task<IPage> OpenFormAsync(string kind)
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        await page.GoToAsync("images/upload");
        await page.Locator($"input[name=kind][value={kind}]").CheckAsync();
        return page;
    }

    private static Task ChooseAsync(IPage page, string name, string content) =>
        page.Locator("input[type=file]").SetInputFilesAsync(new FilePayload { Name = name, MimeType = "application/octet-stream", Buffer = Encoding.UTF8.GetBytes(content) });

    [Fact]
    public async Task A_kernel_is_uploaded_and_its_page_opens()
    {
        var page = await OpenFormAsync("kernel");

        await ChooseAsync(page, "vmlinuz", "kernel of this test");
        await page.Button("Upload").ClickAsync();

        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "vmlinuz" })).ToBeVisibleAsync();
        await Expect(page.Locator(".facts").First).ToContainTextAsync("fake kernel");
    }

    [Fact]
    public async Task An_upload_goes_on_while_another_page_is_looked_at()
    {
        var page = await OpenFormAsync("kernel");
        var arrives = new TaskCompletionSource();
        await page.RouteAsync("**/api/v1/images?kind=*", async route =>
        {
            await arrives.Task;
            await route.ContinueAsync();
        });
        await ChooseAsync(page, "traveller", "kernel that is long under way");
        await page.Button("Upload").ClickAsync();

        await page.GetByRole(AriaRole.Navigation).GetByRole(AriaRole.Link, new() { Name = "Images" }).ClickAsync();
        await Expect(page.GetByText("Uploading traveller")).ToBeVisibleAsync();
        arrives.SetResult();

        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "traveller", Exact = true })).ToBeVisibleAsync();
        await Expect(page.GetByText("Uploading traveller")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_cancelled_upload_leaves_nothing_and_can_be_sent_again()
    {
        var page = await OpenFormAsync("kernel");
        await page.RouteAsync("**/api/v1/images?kind=*", _ => Task.CompletedTask);
        await ChooseAsync(page, "second-thought", "kernel of two minds");
        await page.Button("Upload").ClickAsync();

        await page.Button("Cancel").ClickAsync();
        await Expect(page.GetByText("Uploading second-thought")).ToHaveCountAsync(0);
        await page.UnrouteAsync("**/api/v1/images?kind=*");
        await page.Button("Upload").ClickAsync();

        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "second-thought" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_kernel_without_a_file_leads_to_the_choice_of_one()
    {
        var page = await OpenFormAsync("kernel");
        await page.GetByLabel("Name").FillAsync("nothing behind it");

        await page.Button("Upload").ClickAsync();

        await Expect(page.Alert()).ToHaveTextAsync("Choose the kernel.");
        await Expect(page.Button("Choose a file")).ToBeFocusedAsync();
    }

    [Fact]
    public async Task A_dropped_file_is_taken_with_its_name()
    {
        var page = await OpenFormAsync("ramdisk");

        await page.EvaluateAsync("""
            const files = new DataTransfer();
            files.items.add(new File(['ramdisk of this test'], 'dropped.img'));
            document.querySelector('.drop').dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true }));
            """);
        await Expect(page.GetByLabel("Name")).ToHaveValueAsync("dropped");
        await page.Button("Upload").ClickAsync();

        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "dropped" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_text_file_is_refused_as_a_kernel_with_the_reason()
    {
        var page = await OpenFormAsync("kernel");

        await ChooseAsync(page, "notes.txt", "milk and eggs");
        await page.Button("Upload").ClickAsync();

        await Expect(page.Alert()).ToContainTextAsync("This is a text file, not a kernel.");
        await page.GoToAsync("images");
        await Expect(page.GetByText("notes")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_file_with_another_checksum_is_refused()
    {
        var page = await OpenFormAsync("kernel");

        await ChooseAsync(page, "vmlinuz", "kernel that was tampered with");
        await page.GetByLabel("SHA-256").FillAsync(new string('0', 64));
        await page.Button("Upload").ClickAsync();

        await Expect(page.Alert()).ToContainTextAsync("It was not kept.");
    }

    [Fact]
    public async Task A_machine_image_needs_its_kernel()
    {
        var page = await OpenFormAsync("machine");

        await ChooseAsync(page, "root.img", "disk of this test");
        await page.Button("Upload").ClickAsync();

        await Expect(page.Alert()).ToHaveTextAsync("Choose the kernel that boots this disk.");
        await Expect(page.GetByLabel("Kernel", new() { Exact = true })).ToBeFocusedAsync();
    }

    [Fact]
    public async Task A_kernel_in_use_can_t_be_deregistered_and_the_page_says_by_whom()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        await page.GoToAsync($"images/{cloud.KernelId}");

        await page.Button("Deregister").ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Deregister" }).ClickAsync();

        await Expect(page.Locator(".toast")).ToContainTextAsync(cloud.ImageId);
    }
}
