using CloudPv.X86;

namespace CloudPv.Hypervisor;

/// <summary>Keeps a domain's translations on disk: read while the domain is built, written while it runs, if there are many new ones, and at its end. Only a new one wakes it up.</summary>
internal sealed class DomainTranslations : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    // One new translation in so many is worth writing the file anew.
    private const int ShareOfRunning = 10;
    private const int ShareOfEnded = 50;

    private readonly TranslationCache _cache;
    private readonly Task<TranslationCacheFile> _file;
    private readonly Timer _timer;

    public DomainTranslations(TranslationCache cache, Task<TranslationCacheFile> opening)
    {
        _cache = cache;
        _file = LoadAsync(cache, opening);
        _timer = new Timer(_ => SaveRunning());
        _cache.AwaitGrowth(SaveSoon);
    }

    public Task Loaded => _file;

    /// <summary>The domain's CPUs have stopped.</summary>
    public void Dispose()
    {
        using (var ended = new ManualResetEvent(false))
        {
            if (_timer.Dispose(ended))
                ended.WaitOne();
        }

        TrySave(ShareOfEnded);
    }

    private static async Task<TranslationCacheFile> LoadAsync(TranslationCache cache, Task<TranslationCacheFile> opening)
    {
        TranslationCacheFile file = await opening.ConfigureAwait(false);
        file.TryLoad(cache);
        return file;
    }

    /// <summary>What was written is used from the file, whose pages all domains share; the memory it had before goes with the next collection, for which an idle domain gives no cause.</summary>
    private void SaveRunning()
    {
        _cache.AwaitGrowth(SaveSoon);
        if (TrySave(ShareOfRunning) && _file.Result.TryLoad(_cache))
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
    }

    private void SaveSoon() => _timer.Change(Interval, Timeout.InfiniteTimeSpan);

    private bool TrySave(int share) => _file.IsCompletedSuccessfully && _file.Result.TrySave(_cache, share);
}
