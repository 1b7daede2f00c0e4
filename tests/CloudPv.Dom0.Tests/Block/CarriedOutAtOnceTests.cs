using System.Collections.Concurrent;
using CloudPv.Dom0.Disks;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Block;

/// <summary>Which thread carries out what a guest asks of a disk that never waits.</summary>
public sealed class CarriedOutAtOnceTests
{
    private const int Attempts = 10_000;

    [Theory]
    [InlineData(BlkifOperation.Read)]
    [InlineData(BlkifOperation.Write)]
    public async Task A_transfer_is_carried_out_by_the_thread_that_notifies(BlkifOperation operation) =>
        (await ThreadsOf(disk => disk.Frontend.Transfer(operation, 0, 0, 1), requests: 1, IncludesNotifier)).ShouldContain(Environment.CurrentManagedThreadId);

    [Fact]
    public async Task A_burst_is_shared_with_a_worker() =>
        (await ThreadsOf(disk => disk.Frontend.Transfer(BlkifOperation.Read, 0, 0, 11), requests: 32, threads => IncludesNotifier(threads) && threads.Length > 1)).Length
            .ShouldBeGreaterThan(1);

    private static bool IncludesNotifier(int[] threads) => threads.Contains(Environment.CurrentManagedThreadId);

    /// <summary>The threads that carried out the transfers of one notification: of the first one of which it holds, or of the last of many.</summary>
    private static async Task<int[]> ThreadsOf(Func<ConnectedDisk, byte[]> transfer, int requests, Func<int[], bool> holds)
    {
        var memory = new MemoryDisk();
        using var disk = new ConnectedDisk(memory);
        await disk.IsInState(XenbusState.Connected);
        int[] threads = [];
        for (int attempt = 0; attempt < Attempts && !holds(threads); attempt++)
        {
            memory.Threads.Clear();
            disk.Frontend.Push([.. Enumerable.Range(0, requests).Select(_ => transfer(disk))]);
            for (int request = 0; request < requests; request++)
                disk.Frontend.NextResponse().Status.ShouldBe(BlkifStatus.Okay);
            threads = [.. memory.Threads.Keys];
        }
        return threads;
    }

    /// <summary>Takes all writes and reads as it was.</summary>
    private sealed class MemoryDisk : IDisk
    {
        public ConcurrentDictionary<int, bool> Threads { get; } = new();

        public long Length => 1 << 20;
        public bool IsReadOnly => false;
        public bool Read(long offset, ReadOnlySpan<IoVector> buffers) => Note();
        public bool Write(long offset, ReadOnlySpan<IoVector> buffers) => Note();
        public bool Flush() => true;
        public bool Discard(long offset, long length) => true;

        public void Dispose()
        {
        }

        private bool Note()
        {
            Threads[Environment.CurrentManagedThreadId] = true;
            return true;
        }
    }
}
