using System.Buffers.Binary;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>MASKMOVDQU and MASKMOVQ: the bytes of a register whose mask byte has its top bit set go to [RDI]. All bytes must be writable, selected or not.</summary>
internal static class MaskedMoves
{
    private const byte FloatingPointError = 16;
    private const int StatusWord = 2;
    private const int TagByte = 4;
    private const int StackRegisters = 32;
    private const int XmmRegisters = 160;
    private const int RegisterSize = 16;

    public static bool Execute(ref Operation operation)
    {
        ref readonly var instruction = ref operation.Instruction;
        Span<byte> fx = operation.State.Fx;
        var xmm = instruction.Code is Code.Maskmovdqu_rDI_xmm_xmm or Code.VEX_Vmaskmovdqu_rDI_xmm_xmm;
        if (!xmm && (fx[StatusWord] & 0x80) != 0)
        {
            operation.Fault = new CpuExit(CpuExitKind.Exception, FloatingPointError);
            return false;
        }

        var size = xmm ? 16 : 8;
        var source = fx.Slice(xmm ? Xmm(instruction.Op1Register) : Mmx(fx, instruction.Op1Register), size);
        var mask = fx.Slice(xmm ? Xmm(instruction.Op2Register) : Mmx(fx, instruction.Op2Register), size);
        var offset = operation.ReadRegister(instruction.Op0Kind == OpKind.MemorySegEDI ? Register.EDI : Register.RDI);
        if (!operation.TryAddress(offset, size, out var address) || !operation.Reserve(address, size))
            return false;
        for (var i = 0; i < size; i++)
        {
            if (mask[i] >= 0x80 && !operation.Memory.TryWrite(address + (uint)i, source.Slice(i, 1), out operation.Fault))
                return false;
        }

        if (!xmm)
            EnterMmx(fx);
        return true;
    }

    private static int Xmm(Register register) => XmmRegisters + (RegisterSize * (register - Register.XMM0));

    /// <summary>The image holds the x87 registers from the stack's top on; MM0 is the first physical one.</summary>
    private static int Mmx(ReadOnlySpan<byte> fx, Register register) => StackRegisters + (RegisterSize * ((register - Register.MM0 - Top(fx)) & 7));

    private static int Top(ReadOnlySpan<byte> fx) => (fx[StatusWord + 1] >> 3) & 7;

    /// <summary>What every MMX instruction does to the x87 state: top 0, all registers in use.</summary>
    private static void EnterMmx(Span<byte> fx)
    {
        Span<byte> turned = stackalloc byte[8 * RegisterSize];
        var stack = fx.Slice(StackRegisters, turned.Length);
        var cut = turned.Length - (RegisterSize * Top(fx));
        stack[cut..].CopyTo(turned);
        stack[..cut].CopyTo(turned[(turned.Length - cut)..]);
        turned.CopyTo(stack);
        fx[StatusWord + 1] &= 0xc7;
        fx[TagByte] = 0xff;
    }
}
