using CloudPv.Cli.Domu;
using CloudPv.Dom0;

namespace CloudPv.Cli.Tests;

public sealed class DomuConfigTests
{
    [Theory]
    [InlineData("root.img", "root.img", null, false, null)]
    [InlineData("root.img,ro", "root.img", null, true, null)]
    [InlineData("root.img,overlay=o.img", "root.img", null, false, "o.img")]
    [InlineData("root.img,dev=xvdc,ro", "root.img", "xvdc", true, null)]
    public void A_disk_option_names_file_mode_device_and_overlay(string option, string path, string? device, bool readOnly, string? overlay) =>
        DiskOption.Parse(option).ShouldBe(new DomuDisk(path, device, readOnly, overlay));

    [Fact]
    public void An_unknown_word_in_a_disk_option_is_named() =>
        Should.Throw<CommandFailedException>(() => DiskOption.Parse("root.img,rx")).Message.ShouldContain("'rx' is none of ro, rw, dev=NAME, overlay=FILE");

    [Fact]
    public void Disks_without_a_name_get_the_free_ones()
    {
        var config = new DomuConfig { Kernel = "k", Disks = [new DomuDisk("1"), new DomuDisk("2", "xvda"), new DomuDisk("3")] };
        config.ToSpec().Disks.Select(disk => disk.Device).ShouldBe(["xvdb", "xvda", "xvdc"]);
    }

    [Fact]
    public void Interfaces_without_an_address_get_one_that_stays_with_the_domain_s_name()
    {
        DomuConfig Named(string name) => new() { Kernel = "k", Name = name, Nics = [new DomuNic(), new DomuNic()] };
        var addresses = Named("a").ToSpec().Nics.Select(nic => nic.Mac).ToList();
        addresses.ShouldAllBe(mac => mac.StartsWith("00:16:3e:", StringComparison.Ordinal));
        addresses.ShouldBeUnique();
        Named("a").ToSpec().Nics.Select(nic => nic.Mac).ShouldBe(addresses);
        Named("b").ToSpec().Nics.Select(nic => nic.Mac).ShouldNotBe(addresses);
    }

    [Fact]
    public void Without_a_kernel_there_is_no_domU() =>
        Should.Throw<CommandFailedException>(() => new DomuConfig().ToSpec()).Message.ShouldContain("a kernel is missing");

    [Theory]
    [InlineData(DomuEnd.Poweroff, 0)]
    [InlineData(DomuEnd.Reboot, 3)]
    [InlineData(DomuEnd.Suspend, 4)]
    [InlineData(DomuEnd.Crash, 5)]
    [InlineData(DomuEnd.Watchdog, 6)]
    [InlineData(DomuEnd.Destroyed, 130)]
    public void The_exit_status_tells_how_the_domU_ended(DomuEnd end, int status) => DomuExit.StatusOf(end).ShouldBe(status);
}
