using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The frames of other domains that this one has mapped by grants, with how many of its entries map each. Under <see cref="DomainMemory.Lock"/>.</summary>
internal sealed class ForeignFrames(CpuBus bus)
{
    private readonly Dictionary<Mfn, Mappings> _frames = [];

    private record struct Mappings(int ReadOnly, int Writable);

    public void Mapped(Mfn frame, bool readOnly)
    {
        Mappings mappings = _frames.GetValueOrDefault(frame);
        mappings = readOnly ? mappings with { ReadOnly = mappings.ReadOnly + 1 } : mappings with { Writable = mappings.Writable + 1 };
        Set(frame, mappings);
    }

    public void Unmapped(Mfn frame, bool readOnly)
    {
        Mappings mappings = _frames.GetValueOrDefault(frame);
        Set(frame, readOnly ? mappings with { ReadOnly = mappings.ReadOnly - 1 } : mappings with { Writable = mappings.Writable - 1 });
    }

    private void Set(Mfn frame, Mappings mappings)
    {
        if (mappings == default)
            _frames.Remove(frame);
        else
            _frames[frame] = mappings;
        FrameAccess access = mappings.Writable > 0 ? FrameAccess.Read | FrameAccess.Write : mappings.ReadOnly > 0 ? FrameAccess.Read : FrameAccess.None;
        bus.SetAccess(frame.Value, 1, access);
    }
}
