using System.Collections.Concurrent;

namespace CloudPv.SelfCheck.Process;

/// <summary>The host's files as processes see them, each read once, so that it can't change in between.</summary>
internal static class HostFiles
{
    private static readonly ConcurrentDictionary<string, byte[]> Read = [];
    private static readonly ConcurrentDictionary<string, byte[]> Timeless = [];

    /// <summary>What compilers make of a time stamp: RDTSC, and soon behind it SHL RDX, 32.</summary>
    private static ReadOnlySpan<byte> TimeStamp => [0x0f, 0x31];
    private static ReadOnlySpan<byte> JoinHalves => [0x48, 0xc1, 0xe2, 0x20];

    /// <summary>MOV EAX, EAX, which is as long as RDTSC and changes as few flags.</summary>
    private static ReadOnlySpan<byte> NoTime => [0x8b, 0xc0];

    public static byte[] Bytes(string path) => Read.GetOrAdd(path, File.ReadAllBytes);

    /// <summary>A file for execution: its RDTSCs, whose answers no two runs agree on, are none.</summary>
    public static byte[] Code(string path) => Timeless.GetOrAdd(path, static path =>
    {
        const int near = 48;
        var code = (byte[])Bytes(path).Clone();
        for (var from = 0; code.AsSpan(from).IndexOf(TimeStamp) is >= 0 and var found; from += found + TimeStamp.Length)
        {
            var at = code.AsSpan(from + found);
            if (at[..Math.Min(near, at.Length)].IndexOf(JoinHalves) > 0)
                NoTime.CopyTo(at);
        }

        return code;
    });
}
