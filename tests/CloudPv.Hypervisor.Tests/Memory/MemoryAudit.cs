using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>Counts anew, from the page tables in use, what refers to each frame of a domain, and compares it with the domain's books.</summary>
internal sealed unsafe class MemoryAudit
{
    private readonly Domain _domain;
    private readonly Dictionary<Mfn, (uint References, uint TypeReferences)> _expected = [];

    private MemoryAudit(Domain domain) => _domain = domain;

    private DomainMemory Memory => _domain.Memory;

    /// <summary>One line for each frame whose counts aren't those of what refers to it.</summary>
    public static List<string> Run(Domain domain)
    {
        var audit = new MemoryAudit(domain);
        foreach (Vcpu vcpu in domain.Vcpus)
        {
            foreach (Mfn root in new[] { vcpu.KernelRoot, vcpu.UserRoot })
            {
                if (root != default)
                    audit.Expect(root, 1, 1);
            }
            foreach (Mfn frame in vcpu.Descriptors.GdtFrames)
                audit.Expect(frame, 1, 1);
        }
        List<Mfn> frames = [.. audit.Frames()];
        frames.ForEach(audit.Count);
        return [.. frames.Select(audit.Difference).OfType<string>()];
    }

    private IEnumerable<Mfn> Frames()
    {
        for (ulong page = 0; page < Memory.InitialPages + 512; page++)
        {
            Mfn frame = Memory.InitialFrame(new(page));
            if (Memory.Owns(frame))
                yield return frame;
        }
    }

    private void Count(Mfn frame)
    {
        ref FrameInfo info = ref Memory.Info(frame);
        if (info.Has(FrameFlags.Xen))
            Expect(frame, 0, 1);
        if (info.Has(FrameFlags.Pinned))
            Expect(frame, 1, 1);
        if (!info.IsPageTable || info.TypeReferences == 0)
            return;
        for (int slot = 0; slot < PageTableEntry.EntriesPerTable; slot++)
        {
            ulong entry = ((ulong*)Memory.Pointer(frame))[slot];
            Mfn target = PageTableEntry.Frame(entry);
            if (!PageTableEntry.IsPresent(entry) || (info.Type == FrameType.L4 && !GuestAddressSpace.IsGuestSlot(slot)))
                continue;
            if (info.Type == FrameType.L1)
                Expect(target, 1, PageTableEntry.IsWritable(entry) ? 1u : 0);
            else if (target != frame)
                Expect(target, 1, 1);
        }
    }

    private void Expect(Mfn frame, uint references, uint typeReferences)
    {
        (uint References, uint TypeReferences) counts = _expected.GetValueOrDefault(frame);
        _expected[frame] = (counts.References + references, counts.TypeReferences + typeReferences);
    }

    private string? Difference(Mfn frame)
    {
        ref FrameInfo info = ref Memory.Info(frame);
        (uint References, uint TypeReferences) expected = _expected.GetValueOrDefault(frame);
        return (info.References, info.TypeReferences) == expected
            ? null
            : $"{frame} (pfn {frame.Value - Memory.First.Value:x}, {info.Type}, {info.Flags}): has {info.References}/{info.TypeReferences}, found {expected.References}/{expected.TypeReferences}";
    }
}
