using System.Runtime.CompilerServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>The code that each class of instructions becomes stands in Listings/. Set CLOUDPV_UPDATE_LISTINGS to write what is emitted now, and review the change.</summary>
public sealed class ListingTests
{
    private static readonly Dictionary<string, Action<Assembler>> Cases = new(StringComparer.Ordinal)
    {
        ["load"] = c =>
        {
            c.mov(rax, __[rdi + 8]);
            c.xor(ecx, ecx);
            c.ret();
        },
        ["store"] = c =>
        {
            c.mov(__dword_ptr[rdi + rsi * 4 + 0x100], eax);
            c.xor(ecx, ecx);
            c.ret();
        },
        ["read-modify-write"] = c =>
        {
            c.add(__qword_ptr[rbx], 5);
            c.ret();
        },
        ["held-registers"] = c =>
        {
            var loop = c.CreateLabel();
            c.Label(ref loop);
            c.mov(edx, r9d);
            c.and(r9d, 1);
            c.neg(r9d);
            c.xor(r9d, r10d);
            c.lea(esi, __[rdx + rax + 5]);
            c.xor(r9d, edx);
            c.dec(eax);
            c.jne(loop);
        },
        ["shared-check"] = c =>
        {
            c.mov(rax, __[rbx + 8]);
            c.mov(rcx, __[rsi]);
            c.add(__[rbx + 16], rax);
            c.mov(rdx, __[rdi + rcx * 8]);
            c.mov(rbx, __[rbx + 24]);
            c.mov(rdi, __[rbx]);
            c.ret();
        },
        ["locked"] = c =>
        {
            c.@lock.cmpxchg(__[rdi], rsi);
            c.ret();
        },
        ["locked-byte"] = c =>
        {
            c.@lock.cmpxchg(__[rdi], sil);
            c.@lock.cmpxchg(__[rdi], bh);
        },
        ["live-flags"] = c =>
        {
            c.cmp(rax, rcx);
            c.mov(rdx, __[rsi]);
            c.cmovb(rax, rdx);
            c.ret();
        },
        ["spilled-registers"] = c =>
        {
            c.mov(r9, __[r10 + r11 * 8]);
            c.add(r10, r9);
            c.ret();
        },
        ["three-operands"] = c =>
        {
            c.mulx(rdx, rax, __[rsi]);
            c.mulx(r10, r9, __[rsi + 8]);
            c.mulx(r11, r10, __[rsi + rcx * 8]);
            c.andn(r9, r10, __[rbx]);
            c.andn(r9, r10, r11);
            c.shrx(rsp, r9, r10);
            c.rorx(eax, esp, 3);
            c.ret();
        },
        ["stack-pointer"] = c =>
        {
            c.mov(rbp, rsp);
            c.and(rsp, -16);
            c.xor(eax, eax);
            c.ret();
        },
        ["high-byte"] = c =>
        {
            c.mov(ah, __[rdi]);
            c.mov(bl, ah);
            c.ret();
        },
        ["percpu"] = c =>
        {
            c.mov(rax, __qword_ptr.gs[0x1_6a40]);
            c.inc(__dword_ptr.gs[rdx + 0x40]);
            c.ret();
        },
        ["prologue"] = c =>
        {
            c.push(rbp);
            c.push(rbx);
            c.sub(rsp, 24);
            c.mov(__[rsp + 8], rdi);
            c.xor(eax, eax);
            c.ret();
        },
        ["epilogue"] = c =>
        {
            c.add(rsp, 24);
            c.pop(rbx);
            c.pop(rbp);
            c.ret();
        },
        ["structure-copy"] = c =>
        {
            c.movups(xmm0, __[rsi]);
            c.movups(xmm1, __[rsi + 16]);
            c.mov(rax, __[rsi + 32]);
            c.ret();
        },
        ["loop"] = c =>
        {
            var loop = c.CreateLabel();
            c.Label(ref loop);
            c.add(rax, __[rdi]);
            c.add(rdi, 8);
            c.dec(ecx);
            c.jne(loop);
            c.ret();
        },
        ["call"] = c => c.call(TestGuest.CodeAddress + 0x80),
        ["call-another-page"] = c => c.call(TestGuest.CodeAddress + 0x5080),
        ["call-indirect"] = c => c.call(__qword_ptr[rax + 16]),
        ["jump-indirect"] = c => c.jmp(rax),
        ["bit-string"] = c =>
        {
            c.@lock.bts(__qword_ptr[rdi], rsi);
            c.ret();
        },
        ["repeated-move"] = c =>
        {
            c.rep.movsq();
            c.ret();
        },
        ["single-store"] = c =>
        {
            c.stosd();
            c.xor(eax, eax);
            c.ret();
        },
        ["x87"] = c =>
        {
            c.fld(__qword_ptr[rdi]);
            c.fadd(st0, st0);
            c.ret();
        },
        ["division"] = c =>
        {
            c.div(r9);
            c.ret();
        },
        ["push-flags"] = c =>
        {
            c.pushfq();
            c.pop(rax);
            c.ret();
        },
        ["system"] = c => c.cli(),
        ["syscall"] = c =>
        {
            c.mov(eax, 1);
            c.syscall();
        },
    };

    public static TheoryData<string> EachCase => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(EachCase))]
    public void Emitted_code_is_as_reviewed(string name)
    {
        var actual = Listing.Of(Cases[name], new TranslatorOptions());
        if (Environment.GetEnvironmentVariable("CLOUDPV_UPDATE_LISTINGS") is not null)
            File.WriteAllText(Path.Combine(SourceFolder(), "Listings", $"{name}.txt"), actual);
        else
            actual.ShouldBe(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Translation", "Listings", $"{name}.txt")));
    }

    private static string SourceFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
