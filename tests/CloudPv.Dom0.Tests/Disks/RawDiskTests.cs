using CloudPv.Dom0.Disks;
using CloudPv.Dom0.Tests.Fakes;

namespace CloudPv.Dom0.Tests.Disks;

public sealed class RawDiskTests : IDisposable
{
    private readonly ScratchFolder _files = new();
    private readonly List<string> _log = [];

    public void Dispose() => _files.Dispose();

    private RawDisk Open(string name) => RawDisk.Open(_files[name], readOnly: false, _log.Add);

    [Fact]
    public void A_length_that_is_no_multiple_of_512_is_rounded_down_with_a_message()
    {
        _files.RandomFile("odd.raw", 1025, seed: 1);
        using RawDisk disk = Open("odd.raw");
        disk.Length.ShouldBe(1024);
        _log.ShouldHaveSingleItem().ShouldContain("1025 bytes");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(511)]
    public void A_disk_without_a_sector_is_refused(int length)
    {
        _files.RandomFile("empty.raw", length, seed: 1);
        Should.Throw<ToolstackException>(() => Open("empty.raw")).Message.ShouldContain("is empty");
    }

    [Theory]
    [InlineData("QFI\u00fb", "qcow2")]
    [InlineData("conectix", "VHD")]
    [InlineData("CPVOVLY\n", "CloudPv overlay")]
    public void Another_format_is_refused_by_name(string magic, string name)
    {
        File.WriteAllBytes(_files["image"], [.. System.Text.Encoding.Latin1.GetBytes(magic), .. new byte[4096]]);
        Should.Throw<ToolstackException>(() => Open("image")).Message.ShouldContain(name);
    }

    [Fact]
    public void A_missing_disk_is_refused() => Should.Throw<ToolstackException>(() => Open("none")).Message.ShouldContain("none");

    [Fact]
    public void A_disk_that_another_domain_writes_is_refused()
    {
        _files.RandomFile("disk.raw", 4096, seed: 1);
        using RawDisk disk = Open("disk.raw");
        Should.Throw<ToolstackException>(() => Open("disk.raw"));
    }
}
