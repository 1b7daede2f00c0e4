namespace CloudPv.Cloud.Tests;

public sealed class ImageTests(PostgresFixture postgres)
{
    private const string KernelSha256 = "8dc1d4c6f1ae1c4e0bdc0a9c4d0a7d0d2d0b6e8b1d4c6f1ae1c4e0bdc0a9c4d0";

    [Fact]
    public async Task An_image_is_kept_under_its_checksum()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var image = await cloud.RegisterAsync(ImageKind.Kernel, "kernel");
        image.Id.ShouldStartWith("aki-");
        image.Id.Length.ShouldBe(21);
        File.ReadAllText(cloud.Folder.ImageFile(image.FileSha256!)).ShouldBe("kernel");
    }

    [Theory]
    [InlineData(ImageKind.Kernel, "text", "InvalidKernel", "This is a text file, not a kernel.")]
    [InlineData(ImageKind.Kernel, "disk", "InvalidKernel", "This is a disk (test disk), not a kernel.")]
    [InlineData(ImageKind.Kernel, "broken", "InvalidKernel", "can't be used. It is broken.")]
    [InlineData(ImageKind.Kernel, "", "InvalidKernel", "This file is empty.")]
    [InlineData(ImageKind.Ramdisk, "kernel", "InvalidRamdisk", "This is a kernel (test kernel), not a ramdisk.")]
    public async Task A_file_that_is_not_what_it_should_be_is_refused_and_leaves_nothing(ImageKind kind, string content, string code, string words)
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var refused = await Should.ThrowAsync<CloudException>(cloud.RegisterAsync(kind, content));
        refused.Code.ShouldBe(code);
        refused.Message.ShouldContain(words);
        await ShouldBeEmptyAsync(cloud);
    }

    [Fact]
    public async Task Content_with_another_checksum_is_refused_and_leaves_nothing()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        (await Should.ThrowAsync<CloudException>(cloud.RegisterAsync(ImageKind.Kernel, "kernel", sha256: KernelSha256))).Code.ShouldBe("ChecksumMismatch");
        await ShouldBeEmptyAsync(cloud);
    }

    [Fact]
    public async Task A_machine_image_needs_a_kernel_that_is_one()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var ramdisk = await cloud.RegisterAsync(ImageKind.Ramdisk, "ramdisk");
        (await Should.ThrowAsync<CloudException>(cloud.RegisterAsync(ImageKind.Machine, "disk"))).Message.ShouldContain("needs its kernel");
        (await Should.ThrowAsync<CloudException>(cloud.RegisterAsync(ImageKind.Machine, "disk", kernelId: ramdisk.Id))).Message.ShouldContain("is a ramdisk image");
        (await Should.ThrowAsync<CloudException>(cloud.RegisterAsync(ImageKind.Machine, "disk", kernelId: "aki-0"))).Code.ShouldBe("InvalidImageId.NotFound");
    }

    [Fact]
    public async Task The_same_upload_with_the_same_token_is_one_image()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var first = await cloud.RegisterAsync(ImageKind.Kernel, "kernel", token: "once");
        (await cloud.RegisterAsync(ImageKind.Kernel, "kernel", token: "once")).Id.ShouldBe(first.Id);
        (await Should.ThrowAsync<CloudException>(cloud.RegisterAsync(ImageKind.Kernel, "kernel 2", token: "once"))).Code.ShouldBe("IdempotentParameterMismatch");
    }

    [Fact]
    public async Task A_file_goes_with_its_last_image()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var images = cloud.Get<ImageCatalogue>();
        var (one, other) = (await cloud.RegisterAsync(ImageKind.Kernel, "kernel"), await cloud.RegisterAsync(ImageKind.Kernel, "kernel"));

        await images.DeregisterAsync(cloud.AccountId, one.Id, CancellationToken.None);
        File.Exists(cloud.Folder.ImageFile(one.FileSha256!)).ShouldBeTrue();
        await images.DeregisterAsync(cloud.AccountId, other.Id, CancellationToken.None);
        await ShouldBeEmptyAsync(cloud);
    }

    [Fact]
    public async Task A_file_stays_while_an_instance_needs_it()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var instance = await cloud.RunningInstanceAsync();
        var images = cloud.Get<ImageCatalogue>();
        var kernel = await images.GetAsync(cloud.AccountId, instance.KernelId, CancellationToken.None);
        (await Should.ThrowAsync<CloudException>(images.DeregisterAsync(cloud.AccountId, kernel.Id, CancellationToken.None))).Code.ShouldBe("InvalidImage.InUse");

        await images.DeregisterAsync(cloud.AccountId, instance.ImageId, CancellationToken.None);
        await images.DeregisterAsync(cloud.AccountId, kernel.Id, CancellationToken.None);
        File.Exists(cloud.Folder.ImageFile(kernel.FileSha256!)).ShouldBeTrue();

        await cloud.Get<InstanceCatalogue>().TerminateAsync(cloud.AccountId, instance.Id, CancellationToken.None);
        await cloud.InStateAsync(instance.Id, InstanceState.Terminated);
        await cloud.Get<ImageGarbage>().CollectAsync(CancellationToken.None);
        await ShouldBeEmptyAsync(cloud);
    }

    [Fact]
    public async Task Leftovers_of_an_upload_are_swept_at_the_next_start()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        File.WriteAllText(Path.Combine(cloud.Folder.IncomingImages, "half"), "kern");
        cloud.Get<ImageStore>().SweepUploads(cloud.Get<Uploads>().DropExpired());
        await ShouldBeEmptyAsync(cloud);
    }

    [Fact]
    public async Task An_upload_that_can_be_resumed_waits_a_day_for_more_and_is_dropped_then()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var uploads = cloud.Get<Uploads>();
        var upload = uploads.Create(cloud.AccountId, length: 10, metadata: null);
        cloud.Get<ImageStore>().SweepUploads(uploads.DropExpired());
        uploads.Get(cloud.AccountId, upload.Id).ShouldBe(upload);

        File.SetLastWriteTimeUtc(Path.Combine(cloud.Folder.IncomingImages, upload.Id), DateTime.UtcNow.AddDays(-1).AddMinutes(-1));

        Should.Throw<CloudException>(() => uploads.Get(cloud.AccountId, upload.Id)).Code.ShouldBe("InvalidUploadId.NotFound");
        uploads.DropExpired().ShouldBeEmpty();
        await ShouldBeEmptyAsync(cloud);
    }

    [Fact]
    public async Task An_upload_is_its_accounts_own()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var uploads = cloud.Get<Uploads>();
        var upload = uploads.Create(cloud.AccountId, length: 10, metadata: null);
        Should.Throw<CloudException>(() => uploads.Get("000000000000", upload.Id)).Code.ShouldBe("InvalidUploadId.NotFound");
    }

    private static async Task ShouldBeEmptyAsync(TestCloud cloud)
    {
        Directory.EnumerateFiles(cloud.Folder.Images, "*", SearchOption.AllDirectories).ShouldBeEmpty();
        (await cloud.Get<ImageCatalogue>().ListAsync(cloud.AccountId, new ImageFilter(), new PageRequest(null, null), CancellationToken.None)).Items.ShouldBeEmpty();
    }
}
