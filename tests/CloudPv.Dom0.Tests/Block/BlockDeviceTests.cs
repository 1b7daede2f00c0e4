using CloudPv.Dom0.Disks;
using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Block;

public sealed class BlockDeviceTests : IDisposable
{
    private const int DiskLength = 8 << 20;

    private readonly ScratchFolder _files = new();

    public void Dispose() => _files.Dispose();

    private RawDisk OpenDisk(bool readOnly = false)
    {
        string path = _files["disk.raw"];
        if (!File.Exists(path))
            _files.RandomFile("disk.raw", DiskLength, seed: 1);
        return RawDisk.Open(path, readOnly, static _ => { });
    }

    [Theory]
    [InlineData(false, false, false, false)]
    [InlineData(false, false, false, true)]
    [InlineData(false, false, true, false)]
    [InlineData(false, false, true, true)]
    [InlineData(false, true, false, false)]
    [InlineData(false, true, false, true)]
    [InlineData(false, true, true, false)]
    [InlineData(false, true, true, true)]
    [InlineData(true, false, false, false)]
    [InlineData(true, false, false, true)]
    [InlineData(true, false, true, false)]
    [InlineData(true, false, true, true)]
    [InlineData(true, true, false, false)]
    [InlineData(true, true, false, true)]
    [InlineData(true, true, true, false)]
    [InlineData(true, true, true, true)]
    public async Task Data_goes_both_ways_over_every_kind_of_ring(bool is32, bool isPersistent, bool isLarge, bool isManyPages)
    {
        int pages = isLarge ? 256 : 11;
        using (var disk = new ConnectedDisk(OpenDisk(), is32, isManyPages ? 4 : 0, isPersistent))
        {
            await disk.IsInState(XenbusState.Connected);
            byte[] sent = new byte[pages * 4096];
            new Random(5).NextBytes(sent);
            for (int i = 0; i < pages; i++)
                sent.AsSpan(i * 4096, 4096).CopyTo(disk.Frontend.Page(i));
            disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.Write, 40, 0, pages)).ShouldBe(BlkifStatus.Okay);
            for (int i = 0; i < pages; i++)
                disk.Frontend.Page(i).Clear();
            disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.Read, 40, 0, pages)).ShouldBe(BlkifStatus.Okay);
            for (int i = 0; i < pages; i++)
                disk.Frontend.Page(i).SequenceEqual(sent.AsSpan(i * 4096, 4096)).ShouldBeTrue($"page {i}");
            disk.Guest.MappedGrants.ShouldBe((isManyPages ? 16 : 1) + (isPersistent ? pages : 0));
        }
        byte[] before = File.ReadAllBytes(_files.RandomFile("again.raw", DiskLength, seed: 1)), after = File.ReadAllBytes(_files["disk.raw"]);
        after.AsSpan(0, 40 * 512).SequenceEqual(before.AsSpan(0, 40 * 512)).ShouldBeTrue("what lies before was changed");
        after.AsSpan((40 * 512) + (pages * 4096)).SequenceEqual(before.AsSpan((40 * 512) + (pages * 4096))).ShouldBeTrue("what lies behind was changed");
    }

    [Fact]
    public async Task Parts_of_pages_are_transferred_by_sectors()
    {
        using var disk = new ConnectedDisk(OpenDisk());
        await disk.IsInState(XenbusState.Connected);
        byte[] expected = new byte[DiskLength];
        new Random(1).NextBytes(expected);
        byte[] request = disk.Frontend.Request(BlkifOperation.Read, 3, (disk.Frontend.Grant(0), 2, 4), (disk.Frontend.Grant(1), 7, 7));
        disk.Frontend.Do(request).ShouldBe(BlkifStatus.Okay);
        disk.Frontend.Page(0)[..1024].ToArray().ShouldAllBe(b => b == 0);
        disk.Frontend.Page(0)[1024..2560].ToArray().ShouldBe(expected[(3 * 512)..(6 * 512)]);
        disk.Frontend.Page(1)[3584..].ToArray().ShouldBe(expected[(6 * 512)..(7 * 512)]);
    }

    [Fact]
    public async Task Many_requests_overlap_and_each_gets_its_own_response()
    {
        using var disk = new ConnectedDisk(OpenDisk(), order: 2);
        await disk.IsInState(XenbusState.Connected);
        for (int round = 0; round < 50; round++)
        {
            byte[][] requests = [.. Enumerable.Range(0, 100).Select(i => disk.Frontend.Transfer(i % 3 == 0 ? BlkifOperation.Write : BlkifOperation.Read, (ulong)i * 8, i, 1))];
            disk.Frontend.Push(requests);
            var left = requests.Select(disk.Frontend.IdOf).ToHashSet();
            while (left.Count > 0)
            {
                (ulong id, _, BlkifStatus status) = disk.Frontend.NextResponse();
                status.ShouldBe(BlkifStatus.Okay);
                left.Remove(id).ShouldBeTrue();
            }
        }
    }

    [Fact]
    public async Task A_flush_and_a_barrier_come_after_all_that_was_requested_before()
    {
        using var disk = new ConnectedDisk(OpenDisk());
        await disk.IsInState(XenbusState.Connected);
        foreach (BlkifOperation operation in new[] { BlkifOperation.FlushDiskcache, BlkifOperation.WriteBarrier })
        {
            byte[][] writes = [.. Enumerable.Range(0, 20).Select(i => disk.Frontend.Transfer(BlkifOperation.Write, (ulong)i * 8, i, 1))];
            byte[] ordered = disk.Frontend.Request(operation, 0);
            disk.Frontend.Push([.. writes, ordered]);
            for (int i = 0; i < writes.Length; i++)
                disk.Frontend.NextResponse().Id.ShouldNotBe(disk.Frontend.IdOf(ordered));
            disk.Frontend.NextResponse().ShouldBe((disk.Frontend.IdOf(ordered), operation, BlkifStatus.Okay));
        }
    }

    [Fact]
    public async Task A_barrier_may_carry_data()
    {
        using var disk = new ConnectedDisk(OpenDisk());
        await disk.IsInState(XenbusState.Connected);
        disk.Frontend.Page(0).Fill(0x5a);
        disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.WriteBarrier, 8, 0, 1)).ShouldBe(BlkifStatus.Okay);
        disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.Read, 8, 1, 1)).ShouldBe(BlkifStatus.Okay);
        disk.Frontend.Page(1).ToArray().ShouldAllBe(b => b == 0x5a);
    }

    [Fact]
    public async Task A_discard_makes_a_raw_disks_range_read_as_zeros()
    {
        using var disk = new ConnectedDisk(OpenDisk());
        await disk.IsInState(XenbusState.Connected);
        disk.Frontend.Do(disk.Frontend.Discard(8, 8)).ShouldBe(BlkifStatus.Okay);
        disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.Read, 8, 0, 1)).ShouldBe(BlkifStatus.Okay);
        disk.Frontend.Page(0).ToArray().ShouldAllBe(b => b == 0);
    }

    [Fact]
    public async Task An_indirect_requests_response_names_the_operation_inside()
    {
        using var disk = new ConnectedDisk(OpenDisk());
        await disk.IsInState(XenbusState.Connected);
        disk.Frontend.Push(disk.Frontend.Transfer(BlkifOperation.Read, 0, 0, 100));
        disk.Frontend.NextResponse().Operation.ShouldBe(BlkifOperation.Read);
    }

    [Fact]
    public async Task A_read_only_disk_says_so_and_refuses_to_be_written()
    {
        using (var disk = new ConnectedDisk(OpenDisk(readOnly: true)))
        {
            await disk.IsInState(XenbusState.Connected);
            disk.Backend("mode").ShouldBe("r");
            disk.Backend("info").ShouldBe("4");
            disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.Read, 0, 0, 1)).ShouldBe(BlkifStatus.Okay);
            disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.Write, 0, 1, 1)).ShouldBe(BlkifStatus.Error);
            disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.WriteBarrier, 0, 1, 1)).ShouldBe(BlkifStatus.Error);
            disk.Frontend.Do(disk.Frontend.Discard(0, 8)).ShouldNotBe(BlkifStatus.Okay);
        }
        File.ReadAllBytes(_files["disk.raw"]).ShouldBe(File.ReadAllBytes(_files.RandomFile("again.raw", DiskLength, seed: 1)));
    }

    [Fact]
    public async Task The_backend_publishes_what_blkback_does()
    {
        using var disk = new ConnectedDisk(OpenDisk());
        await disk.IsInState(XenbusState.Connected);
        disk.Backend("sectors").ShouldBe((DiskLength / 512).ToString(System.Globalization.CultureInfo.InvariantCulture));
        disk.Backend("sector-size").ShouldBe("512");
        disk.Backend("feature-max-indirect-segments").ShouldBe("256");
        disk.Backend("max-ring-page-order").ShouldBe("4");
        disk.Backend("multi-queue-max-queues").ShouldBe("1");
        foreach (string feature in new[] { "feature-flush-cache", "feature-barrier", "feature-discard", "feature-persistent" })
            disk.Backend(feature).ShouldBe("1", feature);
    }

    [Fact]
    public async Task A_frontend_may_close_and_connect_again()
    {
        using var disk = new ConnectedDisk(OpenDisk(), isPersistent: true);
        await disk.IsInState(XenbusState.Connected);
        disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.Read, 0, 0, 5)).ShouldBe(BlkifStatus.Okay);
        disk.SetFrontendState(XenbusState.Closing);
        await disk.IsInState(XenbusState.Closing);
        disk.SetFrontendState(XenbusState.Closed);
        await disk.IsInState(XenbusState.Closed);
        disk.Guest.MappedGrants.ShouldBe(0);
        disk.Guest.BoundPorts.ShouldBe(0);

        disk.SetFrontendState(XenbusState.Initialising);
        await disk.IsInState(XenbusState.InitWait);
        disk.UseNewFrontend();
        await disk.IsInState(XenbusState.Connected);
        disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.Read, 0, 0, 5)).ShouldBe(BlkifStatus.Okay);
    }

    [Fact]
    public async Task More_persistent_grants_than_are_kept_still_work()
    {
        using var disk = new ConnectedDisk(OpenDisk(), isPersistent: true);
        await disk.IsInState(XenbusState.Connected);
        for (int i = 0; i < 1500; i++)
        {
            GrantRef reference = disk.Guest.Grant(disk.Guest.AllocateFrame());
            disk.Frontend.Do(disk.Frontend.Request(BlkifOperation.Read, 0, (reference, 0, 7))).ShouldBe(BlkifStatus.Okay);
        }
        disk.Guest.MappedGrants.ShouldBeLessThanOrEqualTo(1056 + 1);
    }
}
