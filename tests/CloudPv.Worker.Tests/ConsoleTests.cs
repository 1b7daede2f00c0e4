using System.Text;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker.Tests;

public sealed class ConsoleTests
{
    [Fact]
    public async Task What_one_types_all_see_after_the_scrollback()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await using var first = await worker.Transport.AttachConsoleAsync("i-1", TestContext.Current.CancellationToken);
        await using var second = await worker.Transport.AttachConsoleAsync("i-1", TestContext.Current.CancellationToken);

        await first.Output.WriteAsync("hello\n"u8.ToArray(), TestContext.Current.CancellationToken);

        (await first.ReadUntilAsync("hello\n")).ShouldBe("fake guest is up\nhello\n");
        (await second.ReadUntilAsync("hello\n")).ShouldBe("fake guest is up\nhello\n");
    }

    [Fact]
    public async Task The_console_of_a_stopped_instance_can_be_read_but_not_watched()
    {
        await using var worker = await RunningWorker.StartAsync();
        await worker.RunningAsync("i-1");
        await worker.SendAsync(new StopInstance("i-1", Force: false));
        await worker.InstanceAsync("i-1", i => i.State == DomainState.Stopped);

        var answer = await worker.Transport.SendAsync(new ReadConsole("i-1"), TestContext.Current.CancellationToken);
        Encoding.UTF8.GetString(answer.Data!).ShouldBe("fake guest is up\n");
        await Should.ThrowAsync<WorkerRefusedException>(worker.Transport.AttachConsoleAsync("i-1", TestContext.Current.CancellationToken));
    }
}
