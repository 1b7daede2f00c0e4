using System.Diagnostics;
using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>One operation of the engine, measured in this process: each run makes a guest, and its work alone is timed.</summary>
/// <param name="Name">The row.</param>
/// <param name="Operations">How many of them one run does: enough for the start of the guest not to count.</param>
/// <param name="Prepare">Makes a guest that is ready to run.</param>
internal sealed record EngineBenchmark(string Name, int Operations, Func<IEngineGuest> Prepare)
{
    public Row Row => new("engine", Name, Cpus: 0, "ns", Better.Lower);

    /// <summary>Nanoseconds for an operation.</summary>
    public double Measure()
    {
        using var guest = Prepare();
        var start = Stopwatch.GetTimestamp();
        guest.Run();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Operations;
    }
}

/// <summary>A guest with something to do.</summary>
internal interface IEngineGuest : IDisposable
{
    /// <exception cref="CommandFailedException">It did not come to the end that it was made for.</exception>
    void Run();
}
