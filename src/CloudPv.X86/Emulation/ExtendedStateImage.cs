using System.Buffers.Binary;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>XSAVE and XRSTOR in the standard format (SDM vol. 1, 13.4 to 13.8), and XGETBV.</summary>
internal static class ExtendedStateImage
{
    /// <summary>XSTATE_BV, the header's first 8 bytes.</summary>
    public const int PresentStates = 512;

    /// <summary>XCOMP_BV, the next 8.</summary>
    public const int CompactedStates = 520;

    public const int YmmRegisters = 576;
    public const int YmmSize = 256;

    private const int Mxcsr = 24;
    private const int MxcsrMask = 28;
    private const int StackRegisters = 32;
    private const int XmmRegisters = 160;
    private const int XmmEnd = 416;
    private const int Alignment = 64;

    /// <summary>The end of <see cref="CompactedStates"/> and 8 bytes behind it that have to be 0 too.</summary>
    private const int ReservedEnd = 536;

    private const ulong X87 = CpuFeatures.X87State;
    private const ulong Sse = CpuFeatures.SseState;
    private const ulong Avx = CpuFeatures.AvxState;

    public static bool ReadControl(ref Operation operation)
    {
        ref var state = ref operation.State;
        if (state.Xcr0 == 0)
            return operation.RaiseInvalidOpcode();
        if ((uint)state.Rcx != 0)
            return operation.RaiseGeneralProtection();
        state.Rax = state.Xcr0;
        state.Rdx = 0;
        return true;
    }

    public static bool Save(ref Operation operation)
    {
        if (!TryBegin(ref operation, out var address, out var chosen))
            return false;
        ref var state = ref operation.State;
        Span<byte> fx = stackalloc byte[XmmEnd];
        ((ReadOnlySpan<byte>)state.Fx)[..XmmEnd].CopyTo(fx);
        if (operation.Instruction.Mnemonic == Mnemonic.Xsave)
            FxImage.ClearPointerTops(fx);
        Span<byte> ymm = stackalloc byte[YmmSize];
        state.CopyYmm(ymm);
        var end = (chosen & Avx) != 0 ? YmmRegisters + YmmSize : YmmRegisters;
        if (!operation.Reserve(address, end) || !operation.ReadMemory(address + PresentStates, 8, out var present))
            return false;
        var inUse = X87 | Sse | (state.YmmInUse != 0 ? Avx : 0);
        return ((chosen & X87) == 0 || (Write(ref operation, address, fx, 0, Mxcsr) && Write(ref operation, address, fx, StackRegisters, XmmRegisters)))
            && ((chosen & (Sse | Avx)) == 0 || Write(ref operation, address, fx, Mxcsr, StackRegisters))
            && ((chosen & Sse) == 0 || Write(ref operation, address, fx, XmmRegisters, XmmEnd))
            && ((chosen & Avx) == 0 || operation.Memory.TryWrite(address + YmmRegisters, ymm, out operation.Fault))
            && operation.WriteMemory(address + PresentStates, (present & ~chosen) | (chosen & inUse), 8);
    }

    public static bool Restore(ref Operation operation)
    {
        if (!TryBegin(ref operation, out var address, out var chosen))
            return false;
        ref var state = ref operation.State;
        Span<byte> image = stackalloc byte[YmmRegisters + YmmSize];
        image.Clear();
        if (!operation.Memory.TryRead(address, image[..YmmRegisters], out operation.Fault))
            return false;
        var present = BinaryPrimitives.ReadUInt64LittleEndian(image[PresentStates..]);
        if ((present & ~state.Xcr0) != 0 || image[CompactedStates..ReservedEnd].ContainsAnyExcept((byte)0))
            return operation.RaiseGeneralProtection();
        if ((chosen & Avx) != 0 && !operation.Memory.TryRead(address + YmmRegisters, image[YmmRegisters..], out operation.Fault))
            return false;
        Span<byte> fx = state.Fx;
        var mask = BinaryPrimitives.ReadUInt32LittleEndian(fx[MxcsrMask..]);
        if ((chosen & (Sse | Avx)) != 0 && (BinaryPrimitives.ReadUInt32LittleEndian(image[Mxcsr..]) & ~(mask == 0 ? FxImage.DefaultMxcsrMask : mask)) != 0)
            return operation.RaiseGeneralProtection();
        if ((chosen & X87) != 0)
            RestoreX87(ref operation, image, (present & X87) != 0);
        if ((chosen & (Sse | Avx)) != 0)
            image[Mxcsr..MxcsrMask].CopyTo(fx[Mxcsr..]);
        if ((chosen & Sse) != 0)
            Load(fx, image, XmmRegisters, XmmEnd, (present & Sse) != 0);
        if ((chosen & Avx) != 0)
        {
            image[YmmRegisters..].CopyTo(state.Ymm);
            state.YmmInUse = (present & Avx) != 0 ? 1u : 0;
        }

        return true;
    }

    private static void RestoreX87(ref Operation operation, scoped Span<byte> image, bool present)
    {
        const ushort InitialControl = 0x37f;
        Span<byte> fx = operation.State.Fx;
        if (!present)
        {
            image[..Mxcsr].Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(image, InitialControl);
        }

        if (operation.Instruction.Mnemonic == Mnemonic.Xrstor)
            FxImage.ClearPointerTops(image);
        FxImage.NormaliseX87(image);
        image[..Mxcsr].CopyTo(fx);
        Load(fx, image, StackRegisters, XmmRegisters, present);
        for (var register = StackRegisters; register < XmmRegisters; register += 16)
            fx[(register + 10)..(register + 16)].Clear();
    }

    private static void Load(Span<byte> fx, ReadOnlySpan<byte> image, int start, int end, bool present)
    {
        if (present)
            image[start..end].CopyTo(fx[start..]);
        else
            fx[start..end].Clear();
    }

    private static bool Write(ref Operation operation, ulong address, scoped ReadOnlySpan<byte> image, int start, int end) =>
        operation.Memory.TryWrite(address + (uint)start, image[start..end], out operation.Fault);

    private static bool TryBegin(ref Operation operation, out ulong address, out ulong chosen)
    {
        ref var state = ref operation.State;
        address = 0;
        chosen = ((state.Rdx << 32) | (uint)state.Rax) & state.Xcr0;
        if (state.Xcr0 == 0)
            return operation.RaiseInvalidOpcode();
        return operation.TryAddress(YmmRegisters, out address) && (address % Alignment == 0 || operation.RaiseGeneralProtection());
    }
}
