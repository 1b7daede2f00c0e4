namespace CloudPv.Stress.Tests;

public sealed class ConsoleJudgeTests
{
    [Theory]
    [InlineData("stress-ng: fail:  [1725] vm: detected 3 bit errors while stressing memory")]
    [InlineData("FAIL code in place: 1, expected 2 to 2\r")]
    [InlineData("busybox: FAILED")]
    [InlineData("[   12.1] BUG: unable to handle page fault for address: 0000000000000008")]
    [InlineData("[   12.1] Oops: 0002 [#1] SMP")]
    [InlineData("[   12.1] stress-ng-vm[77]: segfault at 8 ip 1 sp 2 error 4")]
    [InlineData("[   12.1] watchdog: BUG: soft lockup - CPU#1 stuck for 134s!")]
    [InlineData("[   12.1] EXT4-fs error (device xvdb): ext4_find_entry:1463")]
    [InlineData("/init: line 52: stress-ng: not found")]
    public void What_went_wrong_is_told_with_its_group(string line) => After("BEGIN vm", line).Failures.ShouldBe(["vm: " + line.TrimEnd('\r')]);

    [Theory]
    [InlineData("stress-ng: info:  [1] passed: 12")]
    [InlineData("stress-ng: warn:  [1] process [2] (sem) aborted early, out of system resources")]
    [InlineData("[    0.01] [Firmware Bug]: CPU1: APIC id mismatch. Firmware: ffff APIC: 1")]
    [InlineData("busybox: OK")]
    public void Anything_else_is_no_failure(string line) => After("BEGIN vm", line).Failures.ShouldBeEmpty();

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)] // wrong arguments, or a check of ours
    [InlineData(2, true)] // a stressor failed
    [InlineData(3, false)] // out of resources
    [InlineData(4, false)] // not possible here
    [InlineData(5, true)] // killed by a signal
    [InlineData(6, true)] // ended by itself
    public void A_groups_status_tells_failure_from_what_it_could_not_try(int status, bool isFailure) =>
        After("BEGIN vm", $"END vm {status}").Failures.Count.ShouldBe(isFailure ? 1 : 0);

    [Fact]
    public void Groups_are_counted_at_their_end_and_the_guest_tells_its_own()
    {
        ConsoleJudge judge = After("BEGIN vm", "END vm 0\r", "BEGIN cpu");
        (judge.Groups, judge.Group, judge.IsDone).ShouldBe((1, "cpu", false));
        judge.Read("DONE\r");
        judge.IsDone.ShouldBeTrue();
    }

    private static ConsoleJudge After(params string[] lines)
    {
        var judge = new ConsoleJudge();
        foreach (string line in lines)
            judge.Read(line);
        return judge;
    }
}
