using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudPv.Ui.Tests;

public sealed partial class LaunchTests(FakeCloud cloud, Chromium chromium)
{
    private async Task<IPage> OpenFormAsync()
    {
        var page = await chromium.NewPageAsync(cloud.Address);
        await page.SignInAsync(cloud.Key);
        await page.GoToAsync("instances/launch");
        await Expect(page.GetByText("debian", new() { Exact = true }).First).ToBeVisibleAsync();
        return page;
    }

    [Fact]
    public async Task The_form_as_it_stands_launches_an_instance_that_runs()
    {
        var page = await OpenFormAsync();

        await page.Field("Name").FillAsync("launched-here");
        await page.Button("Launch instance").ClickAsync();

        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "launched-here" })).ToBeVisibleAsync();
        await Expect(page.Locator("h1").Badge()).ToHaveTextAsync("Running");
    }

    [Fact]
    public async Task Several_instances_are_launched_at_once()
    {
        var page = await OpenFormAsync();

        await page.Field("Name").FillAsync("triplet");
        await page.Field("Number of instances").FillAsync("3");
        await page.Button("Launch 3 instances").ClickAsync();
        await page.GetByLabel("Filter instances").FillAsync("triplet");

        await Expect(page.Locator("tr[data-id]")).ToHaveCountAsync(3);
        await Expect(page.Locator("tr[data-id] [data-state=running]")).ToHaveCountAsync(3);
    }

    [Theory]
    [InlineData("Number of instances", "0", "Launch 1 to 100 instances at a time.")]
    [InlineData("vCPUs", "1000", "An instance has 1 to 32 vCPUs.")]
    [InlineData("Memory in MiB", "1", "An instance needs at least 32 MiB.")]
    [InlineData("Kernel command line", "quiet café", "A command line has printable ASCII characters only.")]
    public async Task A_mistake_is_named_beside_its_field(string field, string value, string mistake)
    {
        var page = await OpenFormAsync();
        await page.EvaluateAsync("document.querySelectorAll('details').forEach(part => part.open = true)");
        await page.Field(field).FillAsync(value);
        await page.EvaluateAsync("document.querySelectorAll('details').forEach(part => part.open = false)");

        await page.Button("Launch instance").ClickAsync();

        await Expect(page.Alert()).ToHaveTextAsync(mistake);
        await Expect(page.Field(field)).ToBeFocusedAsync();
        await Expect(page.Field(field)).ToHaveAttributeAsync("aria-invalid", "true");
    }

    [Fact]
    public async Task A_refusal_is_shown_in_the_service_s_words_and_launches_nothing()
    {
        var page = await OpenFormAsync();
        await page.GetByText("Another size than the type’s").ClickAsync();
        await page.Field("Memory in MiB").FillAsync("99999999");

        await page.Button("Launch instance").ClickAsync();

        await Expect(page.Alert()).ToContainTextAsync(MemoryRefusal());
        await Expect(page).ToHaveURLAsync(new Regex("#/instances/launch$"));
    }

    [Fact]
    public async Task The_image_of_a_launch_link_is_chosen()
    {
        var page = await OpenFormAsync();

        await page.GoToAsync("images");
        await page.Row(cloud.ImageId).GetByRole(AriaRole.Link, new() { Name = "Launch debian" }).ClickAsync();

        await Expect(page.Locator($"input[name=image][value={cloud.ImageId}]")).ToBeCheckedAsync();
    }

    [Fact]
    public async Task The_type_of_a_launch_link_is_chosen()
    {
        var page = await OpenFormAsync();

        await page.GoToAsync("instance-types");
        await page.GetByRole(AriaRole.Link, new() { Name = "Launch t1.small" }).ClickAsync();

        await Expect(page.Locator("input[name=type][value='t1.small']")).ToBeCheckedAsync();
    }

    [Fact]
    public async Task A_launch_for_which_there_is_no_room_is_warned_of()
    {
        var page = await OpenFormAsync();
        await Expect(page.Locator(".summary")).ToContainTextAsync("Free now");
        await page.Locator("input[name=type][value='m1.medium']").CheckAsync();

        await page.Field("Number of instances").FillAsync("100");

        await Expect(page.Locator(".summary")).ToContainTextAsync("There may be no room for this");
    }

    [GeneratedRegex("memory", RegexOptions.IgnoreCase)]
    private static partial Regex MemoryRefusal();
}
