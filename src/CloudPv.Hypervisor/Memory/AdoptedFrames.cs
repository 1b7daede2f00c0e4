using System.Collections.Concurrent;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The frames that a domain got by transfers out of other domains' ranges, and whose range each belongs to. Changed under the domain's memory lock.</summary>
internal sealed class AdoptedFrames
{
    private readonly ConcurrentDictionary<Mfn, DomainMemory> _homes = new();

    public bool Contains(Mfn frame) => _homes.ContainsKey(frame);

    /// <summary>Takes a frame over, with the hold on its range that comes with it.</summary>
    public void Add(Mfn frame, DomainMemory home) => _homes[frame] = home;

    /// <summary>Gives a frame away, with the hold. False: it isn't one of these.</summary>
    public bool TryRemove(Mfn frame, out DomainMemory home) => _homes.TryRemove(frame, out home!);

    /// <summary>Lets go of all of them. Nobody uses them any more.</summary>
    public void ReleaseAll()
    {
        foreach ((Mfn frame, DomainMemory home) in _homes)
        {
            home.Info(frame) = new FrameInfo { Flags = FrameFlags.Free };
            home.LetGo();
        }
        _homes.Clear();
    }
}
