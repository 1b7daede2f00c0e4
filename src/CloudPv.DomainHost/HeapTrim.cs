using System.Runtime;
using System.Runtime.InteropServices;

namespace CloudPv.DomainHost;

/// <summary>Gives back what is unused of the heaps. The collector itself would wait for much more garbage than one process of very many should keep.</summary>
internal static partial class HeapTrim
{
    public static void Now()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
        _ = TrimNative(0);
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimNative(nuint kept);
}
