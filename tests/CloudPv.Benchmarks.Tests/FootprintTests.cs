namespace CloudPv.Benchmarks.Tests;

public sealed class FootprintTests
{
    private const ulong KiB = 1024;

    private static readonly IReadOnlyList<MemoryMapping> Mappings = MemoryMapping.Parse("""
        7f0000000000-7f0008000000 rw-s 00000000 00:01 1036                       /memfd:guest (deleted)
        Size:             131072 kB
        Rss:                 100 kB
        Pss:                 100 kB
        Anonymous:             0 kB
        VmFlags: rd wr mr
        7f0010000000-7f0010001000 r-xp 00000000 fe:00 1234                       /usr/lib/lib c.so
        Size:                400 kB
        Rss:                  80 kB
        Pss:                  10 kB
        Anonymous:            12 kB
        7f0020000000-7f0020001000 rw-p 00000000 00:00 0
        Size:                 40 kB
        Rss:                  30 kB
        Pss:                  30 kB
        Anonymous:            30 kB
        7f0030000000-7f0030001000 rw-s 00000000 00:01 77                         /memfd:code (deleted)
        Size:                  8 kB
        Rss:                   8 kB
        Pss:                   4 kB
        Anonymous:             0 kB
        7f0040000000-7f0040001000 r-xs 00000000 00:01 77                         /memfd:code (deleted)
        Size:                  8 kB
        Rss:                   8 kB
        Pss:                   4 kB
        Anonymous:             0 kB
        """.Split('\n'));

    private static readonly Footprint Found = Footprint.Of(Mappings, mapping => mapping.Name.StartsWith("/memfd:guest", StringComparison.Ordinal), peak: 500 * KiB)!;

    [Fact]
    public void A_mapping_has_its_name_with_spaces() => Mappings[1].Name.ShouldBe("/usr/lib/lib c.so");

    [Fact]
    public void The_guests_pages_are_counted_by_themselves() => Found.Touched.ShouldBe(100 * KiB);

    [Fact]
    public void Private_is_what_no_file_holds_each_page_once() => Found.Private.ShouldBe((12 + 30 + 8) * KiB);

    [Fact]
    public void Beside_the_guest_counts_files_too() => Found.Beside.ShouldBe((80 + 30 + 8) * KiB);

    [Fact]
    public void No_mapping_of_the_guests_is_no_footprint() => Footprint.Of(Mappings, _ => false, peak: 0).ShouldBeNull();
}
