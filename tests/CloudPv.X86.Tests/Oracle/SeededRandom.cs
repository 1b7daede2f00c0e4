using System.Globalization;
using System.Runtime.InteropServices;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Random numbers that a printed seed reproduces (splitmix64). CLOUDPV_SEED fixes the seed of a run.</summary>
internal sealed class SeededRandom(ulong seed)
{
    private const string Variable = "CLOUDPV_SEED";

    private ulong _state = seed;

    /// <summary>The run's seed: from the environment, or new each time.</summary>
    public static ulong RunSeed { get; } =
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text
            ? ulong.Parse(text, CultureInfo.InvariantCulture)
            : (ulong)Random.Shared.NextInt64();

    public static string HowToRepeat => $"repeat with {Variable}={RunSeed}";

    public ulong Next()
    {
        _state += 0x9e37_79b9_7f4a_7c15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
        return z ^ (z >> 31);
    }

    /// <summary>0 to <paramref name="limit"/> - 1.</summary>
    public int Next(int limit) => (int)((Next() >> 33) % (uint)limit);

    public bool OneIn(int count) => Next(count) == 0;

    public T Pick<T>(ReadOnlySpan<T> choices) => choices[Next(choices.Length)];

    public void Fill(Span<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ref var word in words)
            word = Next();
        for (var i = words.Length * sizeof(ulong); i < bytes.Length; i++)
            bytes[i] = (byte)Next();
    }
}
