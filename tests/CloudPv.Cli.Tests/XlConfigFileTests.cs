using CloudPv.Cli.Domu;
using CloudPv.Cli.XlConfig;
using CloudPv.Dom0;

namespace CloudPv.Cli.Tests;

public sealed class XlConfigFileTests
{
    private readonly List<string> _warnings = [];

    [Fact]
    public void A_usual_file_is_understood()
    {
        var config = Parse("""
            # a Debian guest
            name    = "debian"
            kernel  = '/boot/vmlinuz'
            ramdisk = "/boot/initrd.img"
            root    = "/dev/xvda1 ro"
            extra   = "console=hvc0"
            memory  = 512
            vcpus   = 2; on_reboot = "destroy"
            disk = [ 'file:/srv/root.img,xvda,w',
                     "/srv/data.img,raw,xvdb,r" ]  # two of them
            vif = [ 'mac=00:16:3E:AA:BB:CC,bridge=xenbr0' ]
            on_crash = 'restart'
            """);
        config.Name.ShouldBe("debian");
        config.Kernel.ShouldBe("/boot/vmlinuz");
        config.Ramdisk.ShouldBe("/boot/initrd.img");
        config.CommandLine.ShouldBe("root=/dev/xvda1 ro console=hvc0");
        (config.MemoryMiB, config.Vcpus).ShouldBe((512, 2));
        config.Disks.ShouldBe([new DomuDisk("/srv/root.img", "xvda"), new DomuDisk("/srv/data.img", "xvdb", ReadOnly: true)]);
        config.Nics.ShouldBe([new DomuNic("00:16:3e:aa:bb:cc")]);
        (config.OnReboot, config.OnCrash).ShouldBe((AfterShutdown.Stop, AfterShutdown.Restart));
        _warnings.ShouldBeEmpty();
    }

    [Fact]
    public void A_share_of_the_hosts_processors_is_understood()
    {
        var config = Parse("cpu_weight = 512\ncap = 50\ncpus = '0-3,^2'");

        (config.Weight, config.Cap).ShouldBe((512, 50));
        config.Cpus.ShouldBe([0, 1, 3]);
    }

    [Fact]
    public void All_processors_is_no_restriction() => Parse("cpus = 'all'").Cpus.ShouldBeEmpty();

    [Fact]
    public void The_whole_command_line_replaces_root_and_extra() =>
        Parse("extra = \"quiet\"\ncmdline = \"console=hvc0\"\nroot = \"/dev/xvda\"").CommandLine.ShouldBe("console=hvc0");

    [Theory]
    [InlineData("/a.img,raw,xvda,w", "/a.img", "xvda", false, null)]
    [InlineData("/a.img,,xvda", "/a.img", "xvda", false, null)]
    [InlineData("format=raw, vdev=xvdc, access=ro, target=/a.img", "/a.img", "xvdc", true, null)]
    [InlineData("phy:/dev/vg/root,sda1,w", "/dev/vg/root", "sda1", false, null)]
    [InlineData("tap:aio:/a.img,xvda,r", "/a.img", "xvda", true, null)]
    [InlineData("/a.img,raw,xvda,w,overlay=/b", "/a.img", "xvda", false, "/b")]
    public void A_disk_may_be_written_in_each_of_xl_s_ways(string item, string path, string device, bool readOnly, string? overlay) =>
        Parse($"disk = [ '{item}' ]").Disks.ShouldBe([new DomuDisk(path, device, readOnly, overlay)]);

    [Fact]
    public void Strings_may_hold_the_other_quote_and_escapes() =>
        Parse("""extra = 'a="b" \'c\' #d'""").CommandLine.ShouldBe("""a="b" 'c' #d""");

    [Fact]
    public void Interfaces_need_no_address() => Parse("vif = [ '', 'bridge=xenbr1' ]").Nics.ShouldBe([new DomuNic(), new DomuNic()]);

    [Fact]
    public void An_unknown_key_is_a_warning_with_its_line()
    {
        Parse("name = 'x'\n\nfrobnicate = 1");
        _warnings.ShouldBe(["line 3: frobnicate: not understood, ignored"]);
    }

    [Theory]
    [InlineData("name = ", "line 1: name: the value is missing")]
    [InlineData("\n\nname = \"x", "line 3: name: the string has no closing \"")]
    [InlineData("name \"x\"", "line 1: name: expected '=' after the key")]
    [InlineData("name = x", "line 1: name: a value is a number, a quoted string or a list; found 'x'")]
    [InlineData("name = 'x' 'y'", "line 1: name: unexpected ''' after the value")]
    [InlineData("= 1", "line 1: expected a key, found '='")]
    [InlineData("disk = [ 'a',\n'b'", "line 1: disk: the list has no closing ]")]
    [InlineData("disk = [ 'a'\n'b' ]", "line 2: disk: expected ',' or ']' in the list, found '''")]
    [InlineData("disk = '/a.img'", "line 1: disk: expected a list in [ ]")]
    [InlineData("disk = [ 'a.img,qcow2,xvda,w' ]", "line 1: disk: format qcow2 is not supported; raw is")]
    [InlineData("disk = [\n'a.img,raw,xvda,w,z' ]", "line 2: disk: 'z' is one field too many")]
    [InlineData("disk = [ 'raw' , 'vdev=xvda' ]", "line 1: disk: the target (the image file) is missing")]
    [InlineData("vif = [ 'mac=1:2:3' ]", "line 1: vif: '1:2:3' is not a MAC address (six bytes in hex, with colons)")]
    [InlineData("memory = 'much'", "line 1: memory: expected a number, found 'much'")]
    [InlineData("memory = [ 1 ]", "line 1: memory: expected a string, found a list")]
    [InlineData("vcpus = -1", "line 1: vcpus: expected a number, found '-1'")]
    [InlineData("cap = 'half'", "line 1: cap: expected a number, found 'half'")]
    [InlineData("cpus = '3-1'", "line 1: cpus: '3-1' is no list of CPUs: '3-1' is neither a number below 1024 nor a range, as 0-3,^2 has them")]
    [InlineData("cpus = '1,^0-4'", "line 1: cpus: '1,^0-4' leaves no CPU to run on")]
    [InlineData("cpus = [ '0', '1' ]", "line 1: cpus: a list pins each vCPU to CPUs of its own, which is not supported; a string is for all vCPUs")]
    [InlineData("type = 'hvm'", "line 1: type: only PV domains run here, not hvm")]
    [InlineData("bootloader = 'pygrub'", "line 1: bootloader: boot loaders in dom0 are not supported; name the kernel")]
    [InlineData("on_crash = 'preserve'", "line 1: on_crash: 'preserve' is not supported; destroy and restart are")]
    [InlineData("on_poweroff = 'restart'", "line 1: on_poweroff: only destroy is supported")]
    public void What_is_wrong_is_told_with_its_line_and_key(string text, string message) =>
        Should.Throw<XlConfigException>(() => Parse(text)).Message.ShouldBe(message);

    [Fact]
    public void No_text_makes_the_parser_fail_in_another_way()
    {
        const string characters = "ab=[]'\",;#\n 1-\\\t";
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(40)).Select(_ => characters[random.Next(characters.Length)])]);
            try
            {
                Parse(text);
            }
            catch (XlConfigException)
            {
                // It said what is wrong.
            }
            catch (Exception other)
            {
                Assert.Fail($"seed {seed}: {other} for: {text}");
            }
        }
    }

    private DomuConfig Parse(string text) => XlConfigFile.Parse(text, _warnings.Add);
}
