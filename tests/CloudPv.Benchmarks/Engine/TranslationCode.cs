using CloudPv.X86.Tests;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Benchmarks;

/// <summary>Code that runs once: blocks of what compilers emit most, each ending in a branch whose both ways lead to the next. Nearly all of its time is translation.</summary>
internal static class TranslationCode
{
    private const int Blocks = 4000, BlockLength = 8;

    /// <summary>Guest instructions.</summary>
    public const int Instructions = Blocks * BlockLength;

    public static IEngineGuest Prepare()
    {
        var guest = new TestGuest();
        guest.Load(Emit);
        return new CpuGuest(guest);
    }

    private static void Emit(Assembler c)
    {
        c.mov(rdi, (long)TestGuest.DataAddress);
        for (var block = 0; block < Blocks; block++)
        {
            var next = c.CreateLabel();
            c.mov(rax, __[rdi + (block % 500 * 8)]);
            c.lea(rcx, __[rax + (rax * 2) + 1]);
            c.add(rax, rcx);
            c.mov(__[rsp - 16], rax);
            c.movzx(edx, __word_ptr[rdi + (block % 100)]);
            c.xor(ebx, edx);
            c.test(ebx, ebx);
            c.jne(next);
            c.Label(ref next);
        }

        c.syscall();
    }
}
