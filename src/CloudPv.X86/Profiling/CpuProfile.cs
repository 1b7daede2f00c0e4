using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// Where one CPU's thread spends its CPU time, by samples. Costs nothing while it isn't given to a <see cref="Cpu"/>; then, a signal each period and a few stores at
/// each entry into translated code.
/// </summary>
public sealed unsafe class CpuProfile : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ProfilePlace, long> _places = [];
    private readonly ProfiledCode _code = new();
    private readonly Samples* _samples;
    private CodeRegion _region = null!;
    private Stubs _stubs = null!;
    private ThreadTimer? _timer;

    /// <param name="period">CPU time from one sample to the next. The host may look less often; a sample then stands for several periods.</param>
    public CpuProfile(TimeSpan period)
    {
        Period = period;

        // SAFETY: zeroed memory that doesn't move, freed by Dispose when the thread's timer is gone.
        _samples = (Samples*)NativeMemory.AllocZeroed((nuint)sizeof(Samples));
    }

    public TimeSpan Period { get; }

    /// <summary>Periods spent, by place. While the thread runs, without the newest.</summary>
    public IReadOnlyDictionary<ProfilePlace, long> Places
    {
        get
        {
            lock (_gate)
                return new Dictionary<ProfilePlace, long>(_places);
        }
    }

    /// <summary>Periods of which it is not known what they were spent on.</summary>
    public long Lost => Volatile.Read(ref _samples->Lost);

    /// <summary>Begins to look at the calling thread, on which its CPU will run.</summary>
    public void Start()
    {
        SampleSignal.Install();
        _timer = new ThreadTimer(ThreadTimerClock.ThreadCpuTime, SampleSignal.Number, _samples);
        var nanoseconds = (ulong)Period.TotalNanoseconds;
        _timer.Set(nanoseconds, nanoseconds);
    }

    /// <summary>Ends it, on the same thread.</summary>
    public void Stop()
    {
        _timer?.Dispose();
        _timer = null;
        Sort();
    }

    /// <summary>Sorts the samples that have come. On the thread that is looked at, or while that one is known to sleep.</summary>
    public void Sort()
    {
        lock (_gate)
        {
            long sorted = 0, count = Volatile.Read(ref _samples->Count);
            do
            {
                for (; sorted < count; sorted++)
                    Add(in Samples.At(_samples, sorted));
                count = Interlocked.CompareExchange(ref _samples->Count, 0, sorted);
            }
            while (count != sorted);
        }
    }

    public void Dispose() => NativeMemory.Free(_samples);

    internal void Attach(CpuContext* context, CodeRegion region, Stubs stubs)
    {
        _samples->Context = context;
        _region = region;
        _stubs = stubs;
    }

    /// <summary>A block was translated, whose hot and cold code begin at these addresses.</summary>
    internal void AddBlock(in BlockKey key, byte* hot, byte* cold) => _code.Add(in key, hot, cold);

    /// <summary>The code region is about to be written anew.</summary>
    internal void DropBlocks()
    {
        Sort();
        _code.Clear();
    }

    private void Add(in Sample sample)
    {
        CollectionsMarshal.GetValueRefOrAddDefault(_places, PlaceOf(in sample), out _) += 1 + (long)sample.Overrun;
    }

    private ProfilePlace PlaceOf(in Sample sample)
    {
        if (_region.HoldsBlocks(sample.Host) && _code.TryFind(sample.Host, out var rip, out var mode))
            return new ProfilePlace(ProfileKind.Code, mode, rip);
        var isStub = _region.HoldsStubs(sample.Host);
        if (sample.InCode == 0 || (isStub && _stubs.IsSwitch(sample.Host)))
        {
            if (isStub)
                return new ProfilePlace(ProfileKind.Switch);
            var caller = sample.Activity - (int)ProfileKind.Caller;
            if (caller >= 0)
                return new ProfilePlace(ProfileKind.Caller, Activity: caller);
            return _code.TryFindMode(sample.Place, out mode) ? new ProfilePlace((ProfileKind)sample.Activity, mode, sample.Place) : new ProfilePlace((ProfileKind)sample.Activity);
        }

        if (isStub && _stubs.IsCall(sample.Host))
            return new ProfilePlace(ProfileKind.SystemCall);
        if (isStub && _stubs.IsSearch(sample.Host))
            return new ProfilePlace(ProfileKind.RunLoop);
        if (!_region.HoldsBlocks((nint)sample.Place) || !_code.TryFind((nint)sample.Place, out rip, out mode))
            return new ProfilePlace(ProfileKind.TlbMiss);
        return new ProfilePlace(isStub && _stubs.IsText(sample.Host) ? ProfileKind.Strings : ProfileKind.TlbMiss, mode, rip);
    }
}
