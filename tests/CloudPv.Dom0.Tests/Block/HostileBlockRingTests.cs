using CloudPv.Dom0.Disks;
using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Block;

/// <summary>What a frontend can do wrong gets an error, or costs it its own ring.</summary>
public sealed class HostileBlockRingTests : IDisposable
{
    private const int Sectors = 2048;

    private readonly ScratchFolder _files = new();

    public void Dispose() => _files.Dispose();

    private RawDisk OpenDisk() => RawDisk.Open(_files.RandomFile("disk.raw", Sectors * 512, seed: 1), readOnly: false, static _ => { });

    private async Task<ConnectedDisk> ConnectAsync(bool isPersistent = false)
    {
        var disk = new ConnectedDisk(OpenDisk(), isPersistent: isPersistent);
        await disk.IsInState(XenbusState.Connected);
        return disk;
    }

    [Theory]
    [InlineData(Sectors - 7, 1)]
    [InlineData(Sectors, 1)]
    [InlineData(ulong.MaxValue, 1)]
    [InlineData(ulong.MaxValue - 7, 1)]
    [InlineData(1UL << 55, 1)]
    [InlineData((1UL << 63) | 8, 2)]
    public async Task A_range_beyond_the_disk_is_an_error(ulong sector, int pages)
    {
        using ConnectedDisk disk = await ConnectAsync();
        disk.Frontend.Do(disk.Frontend.Transfer(BlkifOperation.Read, sector, 0, pages)).ShouldBe(BlkifStatus.Error);
        disk.Frontend.Do(disk.Frontend.Discard(sector, (ulong)pages * 8)).ShouldBe(BlkifStatus.Error);
    }

    [Fact]
    public async Task A_discard_of_an_impossible_length_is_an_error()
    {
        using ConnectedDisk disk = await ConnectAsync();
        foreach (ulong sectors in new[] { 0UL, ulong.MaxValue, 1UL << 55, (ulong)Sectors + 1 })
            disk.Frontend.Do(disk.Frontend.Discard(0, sectors)).ShouldBe(BlkifStatus.Error);
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(5, 4)]
    [InlineData(255, 255)]
    public async Task A_segment_outside_its_page_is_an_error(byte first, byte last)
    {
        using ConnectedDisk disk = await ConnectAsync();
        disk.Frontend.Do(disk.Frontend.Request(BlkifOperation.Read, 0, (disk.Frontend.Grant(0), first, last))).ShouldBe(BlkifStatus.Error);
    }

    [Fact]
    public async Task Too_many_or_no_segments_are_an_error()
    {
        using ConnectedDisk disk = await ConnectAsync();
        byte[] many = disk.Frontend.Transfer(BlkifOperation.Read, 0, 0, 11);
        many[1] = 12;
        disk.Frontend.Do(many).ShouldBe(BlkifStatus.Error);
        many[1] = 255;
        disk.Frontend.Do(many).ShouldBe(BlkifStatus.Error);
        disk.Frontend.Do(disk.Frontend.Request(BlkifOperation.Read, 0)).ShouldBe(BlkifStatus.Error);

        byte[] indirect = disk.Frontend.Transfer(BlkifOperation.Read, 0, 0, 100);
        (indirect[2], indirect[3]) = (1, 1);
        disk.Frontend.Do(indirect).ShouldBe(BlkifStatus.Error);
        (indirect[2], indirect[3]) = (0, 0);
        disk.Frontend.Do(indirect).ShouldBe(BlkifStatus.Error);
    }

    [Theory]
    [InlineData(BlkifOperation.Indirect)]
    [InlineData(BlkifOperation.Discard)]
    [InlineData(BlkifOperation.FlushDiskcache)]
    [InlineData((BlkifOperation)99)]
    public async Task An_indirect_request_holds_only_reads_and_writes(BlkifOperation inner)
    {
        using ConnectedDisk disk = await ConnectAsync();
        disk.Frontend.Do(disk.Frontend.Transfer(inner, 0, 0, 100)).ShouldBe(BlkifStatus.Error);
    }

    [Fact]
    public async Task An_unknown_operation_is_not_supported()
    {
        using ConnectedDisk disk = await ConnectAsync();
        disk.Frontend.Do(disk.Frontend.Transfer((BlkifOperation)4, 0, 0, 1)).ShouldBe(BlkifStatus.NotSupported);
        disk.Frontend.Do(disk.Frontend.Transfer((BlkifOperation)200, 0, 0, 1)).ShouldBe(BlkifStatus.NotSupported);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_page_that_is_not_granted_is_an_error_and_leaves_nothing_mapped(bool isPersistent)
    {
        using ConnectedDisk disk = await ConnectAsync(isPersistent);
        byte[] request = disk.Frontend.Request(BlkifOperation.Read, 0, (disk.Frontend.Grant(0), 0, 7), (new GrantRef(0xdead), 0, 7));
        disk.Frontend.Do(request).ShouldBe(BlkifStatus.Error);
        disk.Guest.MappedGrants.ShouldBe(isPersistent ? 2 : 1);
    }

    [Fact]
    public async Task A_read_into_a_page_granted_for_reading_only_is_an_error()
    {
        using ConnectedDisk disk = await ConnectAsync();
        GrantRef reference = disk.Guest.Grant(disk.Guest.AllocateFrame(), readOnly: true);
        disk.Frontend.Do(disk.Frontend.Request(BlkifOperation.Read, 0, (reference, 0, 7))).ShouldBe(BlkifStatus.Error);
        disk.Frontend.Do(disk.Frontend.Request(BlkifOperation.Write, 0, (reference, 0, 7))).ShouldBe(BlkifStatus.Okay);
    }

    [Fact]
    public async Task A_producer_index_beyond_the_ring_ends_its_service()
    {
        using ConnectedDisk disk = await ConnectAsync();
        disk.Frontend.SetProducer((uint)disk.Frontend.Slots + 1);
        await Eventually.Is(() => disk.Log.Count > 0);
        disk.Log[0].ShouldContain("impossible");
        disk.Frontend.ResponsesPublished.ShouldBe(0u);
    }

    [Theory]
    [InlineData("protocol", "sparc-abi")]
    [InlineData("multi-queue-num-queues", "2")]
    [InlineData("ring-page-order", "5")]
    [InlineData("ring-page-order", "4294967295")]
    [InlineData("ring-page-order", "1")]
    public async Task Wishes_that_were_not_offered_are_refused(string key, string value)
    {
        using var disk = new ConnectedDisk(OpenDisk());
        await disk.IsInState(XenbusState.Connected);
        disk.SetFrontendState(XenbusState.Closed);
        await disk.IsInState(XenbusState.Closed);
        disk.SetFrontendState(XenbusState.Initialising);
        await disk.IsInState(XenbusState.InitWait);
        disk.Store.Write($"{ConnectedDisk.FrontendPath}/{key}", value);
        disk.SetFrontendState(XenbusState.Initialised);
        await disk.IsInState(XenbusState.Closing);
        disk.Log.Last().ShouldContain("not connected");
        disk.Guest.MappedGrants.ShouldBe(0);
    }

    [Fact]
    public async Task Random_slots_are_answered_or_end_the_ring_but_never_throw()
    {
        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using ConnectedDisk disk = await ConnectAsync();
        for (int i = 0; i < 3000; i++)
        {
            byte[] slot = disk.Frontend.Transfer((BlkifOperation)random.Next(8), (ulong)random.Next(Sectors), random.Next(100), random.Next(1, 100));
            for (int flip = random.Next(4); flip > 0; flip--)
                slot[random.Next(slot.Length)] = (byte)random.Next(256);
            disk.Frontend.Do(slot);
        }
    }
}
