using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>Which blocks the host code of a region stands for, dropped ones too, for as long as it isn't written over. Blocks are added in the order of their host code.</summary>
internal sealed unsafe class ProfiledCode
{
    private readonly List<Start> _hot = [];
    private readonly List<Start> _cold = [];
    private readonly Dictionary<ulong, CpuMode> _modes = [];

    private readonly record struct Start(nint Host, ulong Rip, CpuMode Mode);

    public void Add(in BlockKey key, byte* hot, byte* cold)
    {
        _hot.Add(new Start((nint)hot, key.Rip, key.Mode));
        _cold.Add(new Start((nint)cold, key.Rip, key.Mode));
        _modes[key.Rip] = key.Mode;
    }

    public void Clear()
    {
        _hot.Clear();
        _cold.Clear();
        _modes.Clear();
    }

    /// <summary>The mode of the newest block at a guest address.</summary>
    public bool TryFindMode(ulong rip, out CpuMode mode) => _modes.TryGetValue(rip, out mode);

    /// <summary>The block that an address in hot or cold code belongs to.</summary>
    public bool TryFind(nint host, out ulong rip, out CpuMode mode)
    {
        // Cold code stands behind all hot code.
        var starts = CollectionsMarshal.AsSpan(_cold.Count > 0 && host >= _cold[0].Host ? _cold : _hot);
        int low = 0, high = starts.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (starts[middle].Host <= host)
                low = middle + 1;
            else
                high = middle;
        }

        (rip, mode) = low == 0 ? (0, default) : (starts[low - 1].Rip, starts[low - 1].Mode);
        return low != 0;
    }
}
