using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using CloudPv.Hypervisor.Tests;

namespace CloudPv.EndToEnd.Tests;

/// <summary>Files that are not what they should be, uploaded as a user would, and looked at by the real inspection.</summary>
public sealed class BadInputTests(RunningService service)
{
    [Fact]
    public Task A_text_file_is_no_kernel() =>
        ShouldBeRefusedAsync("kernel", "milk and eggs\n"u8.ToArray(), "InvalidKernel", "This is a text file, not a kernel.");

    [Fact]
    public async Task A_kernel_that_is_cut_short_says_how_much_is_there()
    {
        var kernel = await StarterFileAsync("vmlinuz");
        await ShouldBeRefusedAsync("kernel", kernel[..(kernel.Length / 2)], "InvalidKernel", $"of a file of {kernel.Length / 2:N0} bytes");
    }

    [Fact]
    public Task A_kernel_for_HVM_alone_is_told_from_one_for_PV() =>
        ShouldBeRefusedAsync("kernel", new TestKernel { Entry = null, PvhEntry = true }.Build(), "InvalidKernel", "PVH or HVM guest only");

    [Fact]
    public async Task A_ramdisk_that_is_damaged_says_so()
    {
        var ramdisk = await StarterFileAsync("initrd.img");
        ramdisk.AsSpan(ramdisk.Length / 2, 100).Fill(0x55);
        await ShouldBeRefusedAsync("ramdisk", ramdisk, "InvalidRamdisk", "It is damaged");
    }

    [Fact]
    public async Task An_empty_disk_has_nothing_to_boot()
    {
        var images = await service.Client.GetFromJsonAsync<JsonElement>("/api/v1/images?kind=kernel", TestContext.Current.CancellationToken);
        var kernelId = images.GetProperty("items")[0].GetProperty("id").GetString();
        await ShouldBeRefusedAsync($"machine&kernelId={kernelId}", new byte[10 << 20], "InvalidDisk", "neither a partition table nor a filesystem");
    }

    private Task<byte[]> StarterFileAsync(string name) => File.ReadAllBytesAsync(Path.Combine(service.DataFolder, "starter", name), TestContext.Current.CancellationToken);

    private async Task ShouldBeRefusedAsync(string kind, byte[] content, string code, string words)
    {
        var (files, images) = (Files(), await ImagesAsync());
        using var body = new ByteArrayContent(content) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream") } };

        using var answer = await service.Client.PostAsync($"/api/v1/images?name=bad&kind={kind}", body, TestContext.Current.CancellationToken);

        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        answer.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity, problem.ToString());
        problem.GetProperty("code").GetString().ShouldBe(code);
        problem.GetProperty("detail").GetString()!.ShouldContain(words);
        Files().ShouldBe(files, ignoreOrder: true);
        (await ImagesAsync()).ShouldBe(images);
    }

    private string[] Files() => Directory.GetFiles(Path.Combine(service.DataFolder, "images"), "*", SearchOption.AllDirectories);

    private Task<string> ImagesAsync() => service.Client.GetStringAsync("/api/v1/images?limit=1000", TestContext.Current.CancellationToken);
}
