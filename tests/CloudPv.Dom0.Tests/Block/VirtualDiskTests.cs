using CloudPv.Dom0.Block;

namespace CloudPv.Dom0.Tests.Block;

public sealed class VirtualDiskTests
{
    [Theory]
    [InlineData("xvda", 51712)]
    [InlineData("xvda1", 51713)]
    [InlineData("xvdb", 51728)]
    [InlineData("xvdp15", 51967)]
    [InlineData("xvdq", 0x10001000)]
    [InlineData("xvdaa", 0x10001a00)]
    [InlineData("xvda16", 0x10000010)]
    [InlineData("sda", 2048)]
    [InlineData("sdb3", 2067)]
    [InlineData("hda", 768)]
    [InlineData("hdb1", 833)]
    [InlineData("hdc", 5632)]
    public void A_device_has_the_number_that_xl_gives_it(string name, int number)
    {
        VirtualDisk.TryParse(name, out int parsed).ShouldBeTrue();
        parsed.ShouldBe(number);
    }

    [Theory]
    [InlineData("")]
    [InlineData("xvd")]
    [InlineData("xvda0")]
    [InlineData("xvdA")]
    [InlineData("sdq")]
    [InlineData("hde")]
    [InlineData("vda")]
    [InlineData("xvda99999999999")]
    public void Other_names_are_refused(string name) => VirtualDisk.TryParse(name, out _).ShouldBeFalse();
}
