using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>Whatever a guest does, each frame's references are those that its page tables and pins hold.</summary>
public sealed class RandomHypercallTests
{
    private const int FirstPage = 0x300, PageCount = 24;
    private const ulong Flags = GuestRig.Present | GuestRig.Writable | GuestRig.User | PageTableEntry.Accessed | PageTableEntry.Global;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_books_agree_with_the_tables_after_any_hypercalls(int seed)
    {
        using var guest = new GuestRig();
        MemoryAudit.Run(guest.Domain).ShouldBeEmpty("before the first");
        var random = new Random(seed);
        int succeeded = 0;
        for (int round = 0; round < 20_000; round++)
        {
            (string what, long result) = Act(guest, random);
            succeeded += result == 0 ? 1 : 0;
            if (round % 50 == 0)
                MemoryAudit.Run(guest.Domain).ShouldBeEmpty($"seed {seed}, round {round}: {what} gave {result}");
        }
        succeeded.ShouldBeGreaterThan(2000, $"seed {seed}");
    }

    private static (string What, long Result) Act(GuestRig guest, Random random)
    {
        Pfn page = RandomPage(random);
        Mfn frame = guest.Frame(page);
        switch (random.Next(12))
        {
            case 0 or 1 or 2:
                return ($"map {page}", guest.UpdateVaMapping(GuestRig.Address(page), RandomEntry(guest, random)));
            case 3:
                return ($"map {page} read-only", guest.Remap(page, GuestRig.Present));
            case 4:
                var level = (MmuextCommand)random.Next(4);
                return ($"pin {page} {level}", guest.Mmuext(level, frame));
            case 5:
                return ($"unpin {page}", guest.Mmuext(MmuextCommand.UnpinTable, frame));
            case 6:
                return ($"user base {page}", guest.Mmuext(MmuextCommand.NewUserBaseptr, random.Next(3) == 0 ? default : frame));
            case 7:
                return ($"clear {page}", guest.Mmuext(MmuextCommand.ClearPage, frame));
            case 8 when random.Next(20) == 0:
                return ($"release {page}", Reserve(guest, MemoryCommand.DecreaseReservation, frame.Value));
            case 9 when random.Next(20) == 0:
                return ($"populate {page}", Reserve(guest, MemoryCommand.PopulatePhysmap, page.Value));
            default:
                var command = random.Next(4) == 0 ? MmuUpdateCommand.PtUpdatePreserveAd : MmuUpdateCommand.NormalPtUpdate;
                return ($"update {page}", guest.MmuUpdate(GuestRig.Update(frame, random.Next(6) * 60, RandomEntry(guest, random), command)));
        }
    }

    private static long Reserve(GuestRig guest, MemoryCommand command, ulong extent)
    {
        GuestVirtual list = GuestRig.Address(new(0x3e0));
        guest.Vcpu.TryWrite(list, extent).ShouldBeTrue();
        var request = new MemoryReservation { ExtentStart = list.Value, NrExtents = 1, Domid = SpecialDomain.Self };
        return guest.MemoryOp(command, ref request) - 1;
    }

    private static Pfn RandomPage(Random random) => new((ulong)random.Next(FirstPage, FirstPage + PageCount));

    private static ulong RandomEntry(GuestRig guest, Random random) =>
        random.Next(8) switch
        {
            0 => 0,
            1 => (ulong)random.NextInt64(),
            2 => guest.Entry(RandomPage(random), GuestRig.Present | PageTableEntry.CacheDisable),
            3 => (ulong)random.Next(1 << 20) << 12 | GuestRig.Present,
            _ => guest.Entry(RandomPage(random), (ulong)random.NextInt64() & Flags | GuestRig.Present),
        };
}
