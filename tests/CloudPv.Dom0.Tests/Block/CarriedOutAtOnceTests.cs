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
    public async Task A_small_transfer_is_carried_out_by_the_thread_that_notifies(BlkifOperation operation) =>
        (await IsCarriedOutByNotifier(operation, pages: 1, Attempts)).ShouldBeTrue();

    [Fact]
    public async Task A_large_transfer_is_left_to_a_worker() => (await IsCarriedOutByNotifier(BlkifOperation.Read, pages: 64, attempts: 100)).ShouldBeFalse();

    /// <summary>Notifies until a transfer is carried out by the notifying thread, or for so many times.</summary>
    private static async Task<bool> IsCarriedOutByNotifier(BlkifOperation operation, int pages, int attempts)
    {
        var memory = new MemoryDisk();
        using var disk = new ConnectedDisk(memory);
        await disk.IsInState(XenbusState.Connected);
        for (int attempt = 0; attempt < attempts; attempt++)
        {
            disk.Frontend.Do(disk.Frontend.Transfer(operation, 0, 0, pages)).ShouldBe(BlkifStatus.Okay);
            if (memory.LastThread == Environment.CurrentManagedThreadId)
                return true;
        }
        return false;
    }

    /// <summary>Takes all writes and reads as it was.</summary>
    private sealed class MemoryDisk : IDisk
    {
        private int _lastThread;

        public int LastThread => Volatile.Read(ref _lastThread);
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
            Volatile.Write(ref _lastThread, Environment.CurrentManagedThreadId);
            return true;
        }
    }
}
