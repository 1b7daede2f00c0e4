using System.Text;
using CloudPv.Cli.StarterImage;

namespace CloudPv.Cli.Tests;

public sealed class CpioArchiveTests
{
    [Fact]
    public void An_archive_is_laid_out_as_the_kernel_expects_it()
    {
        using var archive = new MemoryStream();
        CpioArchive.Write(new FileTree().File("a/b", "hey"u8.ToArray(), FileTree.Executable).CharacterDevice("c", 5, 1), archive);
        Encoding.ASCII.GetString(archive.ToArray()).Replace("\0", ".", StringComparison.Ordinal).ShouldBe(
            // magic, inode, mode, uid, gid, links, mtime, size, device, device number, name length, checksum; padded to four
            "070701" + "00000001" + "000041ed" + "00000000" + "00000000" + "00000002" + "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "00000002" + "00000000" + "a." +
            "070701" + "00000002" + "000081ed" + "00000000" + "00000000" + "00000001" + "00000000" + "00000003" + "00000000" + "00000000" + "00000000" + "00000000" + "00000004" + "00000000" + "a/b..." + "hey." +
            "070701" + "00000003" + "00002180" + "00000000" + "00000000" + "00000001" + "00000000" + "00000000" + "00000000" + "00000000" + "00000005" + "00000001" + "00000002" + "00000000" + "c." +
            "070701" + "00000000" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "0000000b" + "00000000" + "TRAILER!!!....");
    }
}
