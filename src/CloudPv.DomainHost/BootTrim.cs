using CloudPv.Dom0;

namespace CloudPv.DomainHost;

/// <summary>Gives back, once, what a boot left: first its translations, then what the managed heap held for them. An idle domain has nothing to wake up for afterwards.</summary>
internal sealed class BootTrim : IDisposable
{
    /// <summary>By then nearly every guest has booted.</summary>
    private static readonly TimeSpan BootTime = TimeSpan.FromSeconds(20);

    /// <summary>By then a vCPU that is idle has seen that it is to trim.</summary>
    private static readonly TimeSpan TrimTime = TimeSpan.FromSeconds(1);

    private readonly Timer _translations;
    private readonly Timer _heap;

    public BootTrim(Domu domu)
    {
        _translations = new Timer(static state => ((Domu)state!).Domain?.TrimTranslations(), domu, BootTime, Timeout.InfiniteTimeSpan);
        _heap = new Timer(static _ => HeapTrim.Now(), null, BootTime + TrimTime, Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _translations.Dispose();
        _heap.Dispose();
    }
}
