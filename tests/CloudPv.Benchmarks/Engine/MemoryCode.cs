using CloudPv.X86.Tests;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Benchmarks;

/// <summary>Loads from one page after the other, around and around. All show one frame, so that no cache of the host's is missed.</summary>
internal static class MemoryCode
{
    public const int Accesses = 1_000_000;

    public const int FewPages = 256;

    /// <summary>Several times as many as the soft TLB has entries.</summary>
    public const int ManyPages = 16384;

    private const ulong Window = 0x1000_0000;

    public static IEngineGuest Prepare(int pages)
    {
        var guest = new TestGuest();
        var frame = guest.NewFrame();
        for (var page = 0; page < pages; page++)
            guest.Map(Window + ((ulong)page << 12), frame);
        guest.Load(c =>
        {
            var loop = c.CreateLabel();
            c.mov(ecx, Accesses);
            c.xor(edx, edx);
            c.mov(rdi, (long)Window);
            c.Label(ref loop);
            c.mov(rax, __[rdi + rdx]);
            c.add(edx, 4096);
            c.and(edx, (pages << 12) - 1);
            c.dec(ecx);
            c.jne(loop);
            c.syscall();
        });
        return new CpuGuest(guest);
    }
}
