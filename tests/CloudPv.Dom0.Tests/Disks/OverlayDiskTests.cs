using System.Diagnostics;
using CloudPv.Dom0.Disks;
using CloudPv.Dom0.Tests.Fakes;

namespace CloudPv.Dom0.Tests.Disks;

public sealed class OverlayDiskTests : IDisposable
{
    private const int Length = (1 << 20) + (3 * 512);

    private readonly ScratchFolder _files = new();
    private readonly byte[] _base;

    public OverlayDiskTests() => _base = File.ReadAllBytes(_files.RandomFile("base.raw", Length, seed: 1));

    public void Dispose() => _files.Dispose();

    private OverlayDisk Open(string overlay = "overlay") => OverlayDisk.Open(_files["base.raw"], _files[overlay], static _ => { });

    private static byte[] Read(OverlayDisk disk, long offset = 0, int? length = null)
    {
        byte[] bytes = GC.AllocateArray<byte>(length ?? (int)(disk.Length - offset), pinned: true);
        disk.Read(offset, [IoVector.Of(bytes)]).ShouldBeTrue();
        return bytes;
    }

    private static void Write(OverlayDisk disk, long offset, int length, byte fill)
    {
        byte[] bytes = GC.AllocateArray<byte>(length, pinned: true);
        bytes.AsSpan().Fill(fill);
        disk.Write(offset, [IoVector.Of(bytes)]).ShouldBeTrue();
    }

    /// <summary>What a process that is killed now leaves: the file as it is, with nothing of what is in memory.</summary>
    private OverlayDisk OpenAsAfterKill()
    {
        CopyOverlay("killed");
        return Open("killed");
    }

    // .NET's own copy would be refused: the file is locked by its user.
    private void CopyOverlay(string name)
    {
        using var copy = Process.Start("cp", [_files["overlay"], _files[name]]);
        copy.WaitForExit();
        copy.ExitCode.ShouldBe(0);
    }

    [Fact]
    public void A_new_overlay_reads_as_its_base()
    {
        using OverlayDisk disk = Open();
        Read(disk).ShouldBe(_base);
    }

    [Fact]
    public void Writes_are_read_back_and_leave_the_base_alone()
    {
        using (OverlayDisk disk = Open())
        {
            Write(disk, 512, 1024, 0xaa);
            byte[] expected = [.. _base];
            expected.AsSpan(512, 1024).Fill(0xaa);
            Read(disk).ShouldBe(expected);
        }
        File.ReadAllBytes(_files["base.raw"]).ShouldBe(_base);
    }

    [Fact]
    public void What_was_flushed_is_there_after_a_kill()
    {
        using OverlayDisk disk = Open();
        Write(disk, 8192 + 512, 512, 0xaa);
        Write(disk, Length - 512, 512, 0xbb);
        disk.Flush().ShouldBeTrue();
        byte[] expected = Read(disk);
        using OverlayDisk after = OpenAsAfterKill();
        Read(after).ShouldBe(expected);
    }

    [Fact]
    public void What_was_not_flushed_is_old_or_new_after_a_kill_sector_by_sector()
    {
        using OverlayDisk disk = Open();
        Write(disk, 0, 4096, 0xaa);
        disk.Flush().ShouldBeTrue();
        Write(disk, 512, 512, 0xbb);
        Write(disk, 8192 + 512, 512, 0xcc);
        using OverlayDisk after = OpenAsAfterKill();
        byte[] bytes = Read(after);
        bytes.AsSpan(0, 512).ToArray().ShouldAllBe(b => b == 0xaa);
        bytes.AsSpan(512, 512).ToArray().ShouldAllBe(b => b == 0xbb);
        bytes.AsSpan(8192).SequenceEqual(_base.AsSpan(8192)).ShouldBeTrue();
    }

    [Fact]
    public void The_bitmap_never_speaks_of_data_before_a_flush()
    {
        using OverlayDisk disk = Open();
        Write(disk, 0, 65536, 0xaa);
        CopyOverlay("killed");
        File.ReadAllBytes(_files["killed"]).AsSpan(4096, 4096).ToArray().ShouldAllBe(b => b == 0);
    }

    [Fact]
    public void Discarded_clusters_read_as_zeros_and_others_as_before()
    {
        using OverlayDisk disk = Open();
        Write(disk, 0, 8192, 0xaa);
        disk.Discard(4096, 8192).ShouldBeTrue();
        byte[] bytes = Read(disk);
        bytes.AsSpan(0, 4096).ToArray().ShouldAllBe(b => b == 0xaa);
        bytes.AsSpan(4096, 4096).ToArray().ShouldAllBe(b => b == 0);
        bytes.AsSpan(8192).SequenceEqual(_base.AsSpan(8192)).ShouldBeTrue();
    }

    [Fact]
    public void It_behaves_as_an_array_of_bytes_under_random_requests_and_reopenings()
    {
        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        byte[] expected = [.. _base];
        OverlayDisk disk = Open();
        for (int i = 0; i < 600; i++)
        {
            int sector = random.Next(Length / 512), sectors = random.Next(1, Math.Min(64, (Length / 512) - sector) + 1);
            byte[] bytes = GC.AllocateArray<byte>(sectors * 512, pinned: true);
            int split = random.Next(sectors + 1) * 512;
            IoVector[] vectors = split is 0 || split == bytes.Length ? [IoVector.Of(bytes)] : [IoVector.Of(bytes.AsSpan(0, split)), IoVector.Of(bytes.AsSpan(split))];
            switch (random.Next(12))
            {
                case < 6:
                    random.NextBytes(bytes);
                    disk.Write(sector * 512L, vectors).ShouldBeTrue();
                    bytes.CopyTo(expected, sector * 512);
                    break;
                case < 10:
                    disk.Read(sector * 512L, vectors).ShouldBeTrue();
                    bytes.AsSpan().SequenceEqual(expected.AsSpan(sector * 512, bytes.Length)).ShouldBeTrue($"read {i} at sector {sector}");
                    break;
                case 10:
                    disk.Flush().ShouldBeTrue();
                    using (OverlayDisk killed = OpenAsAfterKill())
                        Read(killed).AsSpan().SequenceEqual(expected).ShouldBeTrue($"after a kill at {i}");
                    break;
                default:
                    disk.Dispose();
                    disk = Open();
                    break;
            }
        }
        Read(disk).AsSpan().SequenceEqual(expected).ShouldBeTrue();
        disk.Dispose();
    }

    [Fact]
    public async Task Writes_to_parts_of_one_cluster_at_the_same_time_lose_nothing()
    {
        using OverlayDisk disk = Open();
        for (int cluster = 0; cluster < 64; cluster++)
        {
            long start = cluster * 4096L;
            await Task.WhenAll(Enumerable.Range(0, 8).Select(sector => Task.Run(() => Write(disk, start + (sector * 512), 512, (byte)(sector + 1)))));
            Read(disk, start, 4096).ShouldBe(Enumerable.Range(0, 4096).Select(i => (byte)((i / 512) + 1)));
        }
    }

    [Fact]
    public void An_overlay_of_another_base_or_no_overlay_at_all_is_refused()
    {
        Open().Dispose();
        _files.RandomFile("other.raw", 4096, seed: 2);
        Should.Throw<ToolstackException>(() => OverlayDisk.Open(_files["other.raw"], _files["overlay"], static _ => { })).Message.ShouldContain("belongs to a disk of");
        Should.Throw<ToolstackException>(() => OverlayDisk.Open(_files["base.raw"], _files["other.raw"], static _ => { })).Message.ShouldContain("no overlay");
    }

    [Fact]
    public void An_overlay_is_used_by_one_at_a_time_and_a_base_by_many()
    {
        using OverlayDisk one = Open("one"), two = Open("two");
        Should.Throw<ToolstackException>(() => Open("one"));
    }
}
