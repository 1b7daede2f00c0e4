using System.Runtime;

namespace CloudPv.DomainHost;

/// <summary>Gives back what a boot left on the managed heap. The collector itself would wait for much more garbage than one process of very many should keep.</summary>
internal static class HeapTrim
{
    /// <summary>By then nearly every guest has booted. It happens once, so that an idle domain has nothing to wake up for.</summary>
    private static readonly TimeSpan BootTime = TimeSpan.FromSeconds(20);

    /// <summary>Trims once, unless the timer is disposed of before.</summary>
    public static Timer AfterBoot() => new(static _ => Now(), null, BootTime, Timeout.InfiniteTimeSpan);

    public static void Now()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
    }
}
