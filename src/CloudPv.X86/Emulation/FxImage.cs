using System.Buffers.Binary;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>FXSAVE, FXSAVE64, FXRSTOR and FXRSTOR64 (SDM vol. 1, 10.5.1).</summary>
internal static class FxImage
{
    public const int Size = 512;

    /// <summary>Bytes 416 to 511 belong to software: neither saved nor restored, but within reach.</summary>
    private const int Used = 416;

    private const int ControlWord = 0;
    private const int StatusWord = 2;
    private const int InstructionPointer = 8;
    private const int DataPointer = 16;
    private const int Mxcsr = 24;
    private const int MxcsrMask = 28;
    private const int StackRegisters = 32;
    private const int XmmRegisters = 160;

    /// <summary>The mask of a CPU that reports none.</summary>
    public const uint DefaultMxcsrMask = 0xffbf;

    public static bool Save(ref Operation operation)
    {
        Span<byte> image = stackalloc byte[Used];
        ((ReadOnlySpan<byte>)operation.State.Fx)[..Used].CopyTo(image);
        if (operation.Instruction.Code == Code.Fxsave_m512byte)
            ClearPointerTops(image);
        return TryAligned(ref operation, out var address) && operation.Reserve(address, Size) && operation.Memory.TryWrite(address, image, out operation.Fault);
    }

    public static bool Restore(ref Operation operation)
    {
        Span<byte> whole = stackalloc byte[Size];
        if (!TryAligned(ref operation, out var address) || !operation.Memory.TryRead(address, whole, out operation.Fault))
            return false;
        var image = whole[..Used];
        Span<byte> current = operation.State.Fx;
        var mask = BinaryPrimitives.ReadUInt32LittleEndian(current[MxcsrMask..]);
        if ((BinaryPrimitives.ReadUInt32LittleEndian(image[Mxcsr..]) & ~(mask == 0 ? DefaultMxcsrMask : mask)) != 0)
            return operation.RaiseGeneralProtection();
        if (operation.Instruction.Code == Code.Fxrstor_m512byte)
            ClearPointerTops(image);
        for (var register = StackRegisters; register < XmmRegisters; register += 16)
            image[(register + 10)..(register + 16)].Clear();
        current[MxcsrMask..StackRegisters].CopyTo(image[MxcsrMask..]);
        NormaliseX87(image);
        image.CopyTo(current);
        return true;
    }

    /// <summary>Without REX.W the pointers are 32 bits; their selectors read 0 (CPUID 7.EBX[13]).</summary>
    public static void ClearPointerTops(Span<byte> image)
    {
        image[(InstructionPointer + 4)..DataPointer].Clear();
        image[(DataPointer + 4)..Mxcsr].Clear();
    }

    /// <summary>The control word's reserved bits have fixed values, and the error summary (with its copy, the busy flag) follows from flags and masks.</summary>
    public static void NormaliseX87(Span<byte> image)
    {
        const ushort defined = 0x1f3f;
        const ushort alwaysSet = 0x40;
        const ushort summary = 0x8080;
        const int exceptions = 0x3f;
        var control = (BinaryPrimitives.ReadUInt16LittleEndian(image[ControlWord..]) & defined) | alwaysSet;
        var status = BinaryPrimitives.ReadUInt16LittleEndian(image[StatusWord..]) & ~summary;
        if ((status & ~control & exceptions) != 0)
            status |= summary;
        BinaryPrimitives.WriteUInt16LittleEndian(image[ControlWord..], (ushort)control);
        BinaryPrimitives.WriteUInt16LittleEndian(image[StatusWord..], (ushort)status);
    }

    private static bool TryAligned(ref Operation operation, out ulong address) =>
        operation.TryAddress(Size, out address) && ((address & 15) == 0 || operation.RaiseGeneralProtection());
}
