namespace CloudPv.X86.Tests.Smp;

/// <summary>What those wait for who ask something of a CPU that runs.</summary>
public sealed class CpuMailboxTests : IDisposable
{
    private readonly TestGuest _guest = new();
    private readonly CpuMailbox _mailbox;

    public CpuMailboxTests()
    {
        _mailbox = _guest.NewCpu().Mailbox;
        _mailbox.BeginRunning();
    }

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void A_request_that_was_taken_is_not_waited_for()
    {
        var ticket = _mailbox.PostFlush();

        _mailbox.Take().FlushAll.ShouldBeTrue();

        _mailbox.Wait(ticket); // or else for ever
    }

    [Fact]
    public void Nor_is_any_while_the_cpu_does_not_run()
    {
        var ticket = _mailbox.PostFlush();

        _mailbox.EndRunning();

        _mailbox.Wait(ticket);
    }

    [Fact]
    public async Task A_wait_ends_when_the_request_is_taken()
    {
        var ticket = _mailbox.PostFlush(0x1000);
        var wait = Task.Run(() => _mailbox.Wait(ticket), TestContext.Current.CancellationToken);
        (await Task.WhenAny(wait, Task.Delay(20, TestContext.Current.CancellationToken))).ShouldNotBe(wait);

        _mailbox.Take().FlushPages.ShouldBe([0x1000ul]);

        await wait;
    }

    [Fact]
    public async Task What_is_posted_after_others_were_taken_is_waited_for()
    {
        _mailbox.PostFlush();
        _mailbox.Take();
        var ticket = _mailbox.PostWithdrawal(7);
        var wait = Task.Run(() => _mailbox.Wait(ticket), TestContext.Current.CancellationToken);
        (await Task.WhenAny(wait, Task.Delay(20, TestContext.Current.CancellationToken))).ShouldNotBe(wait);

        _mailbox.Take().Withdrawals.ShouldBe([7ul]);

        await wait;
    }
}
