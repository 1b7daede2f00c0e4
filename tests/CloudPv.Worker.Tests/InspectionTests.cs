using CloudPv.WorkerProtocol;

namespace CloudPv.Worker.Tests;

public sealed class InspectionTests
{
    [Fact]
    public async Task An_upload_is_looked_at_by_the_domain_program()
    {
        await using var worker = await RunningWorker.StartAsync();
        await File.WriteAllTextAsync(Path.Combine(worker.Folder.IncomingImages, "upload"), "ramdisk broken", TestContext.Current.CancellationToken);

        var answer = await worker.Transport.SendAsync(new InspectImage("upload"), TestContext.Current.CancellationToken);

        answer.Image.ShouldBe(new ImageInspection("ramdisk", "fake ramdisk", "It is broken."));
    }

    [Fact]
    public async Task A_name_can_not_lead_out_of_the_uploads()
    {
        await using var worker = await RunningWorker.StartAsync();
        var answer = await worker.Transport.SendAsync(new InspectImage("../../kernel"), TestContext.Current.CancellationToken);
        answer.Image!.Kind.ShouldBe("unknown");
    }
}
