using System.Buffers.Binary;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>VMASKMOV, VPMASKMOV and the gathers of AVX2: what the mask leaves out is not accessed.</summary>
internal static class MaskedVectors
{
    private const int XmmRegisters = 160;
    private const int HalfSize = 16;
    private const int RegisterSize = 2 * HalfSize;

    public static bool Move(ref Operation operation)
    {
        ref readonly var instruction = ref operation.Instruction;
        var stores = instruction.Op0Kind == OpKind.Memory;
        var element = instruction.Mnemonic is Mnemonic.Vmaskmovps or Mnemonic.Vpmaskmovd ? 4 : 8;
        var size = instruction.MemorySize.GetSize();
        Span<byte> mask = stackalloc byte[RegisterSize];
        Span<byte> value = stackalloc byte[RegisterSize];
        Read(ref operation.State, instruction.Op1Register, mask);
        value.Clear();
        if (stores)
            Read(ref operation.State, instruction.Op2Register, value);
        var offset = operation.EffectiveAddress();
        for (var at = 0; at < size; at += element)
        {
            if (mask[at + element - 1] < 0x80)
                continue;
            if (!operation.TryAddress(offset + (uint)at, element, out var address))
                return false;
            if (stores ? !operation.ReadForWrite(address, element, out _) : !operation.Memory.TryRead(address, value.Slice(at, element), out operation.Fault))
                return false;
        }

        if (!stores)
        {
            Write(ref operation.State, instruction.Op0Register, value);
            return true;
        }

        for (var at = 0; at < size; at += element)
        {
            if (mask[at + element - 1] < 0x80)
                continue;
            if (!operation.TryAddress(offset + (uint)at, element, out var address) || !operation.Memory.TryWrite(address, value.Slice(at, element), out operation.Fault))
                return false;
        }

        return true;
    }

    /// <summary>Elements are gathered from the lowest on; those before a fault stay gathered, and their masks are 0 (SDM vol. 2, VGATHERDPS).</summary>
    public static bool Gather(ref Operation operation)
    {
        ref readonly var instruction = ref operation.Instruction;
        var (destination, index, masks) = (instruction.Op0Register, instruction.MemoryIndex, instruction.Op2Register);
        if (Number(destination) == Number(index) || Number(destination) == Number(masks) || Number(index) == Number(masks))
            return operation.RaiseInvalidOpcode();
        var element = instruction.Mnemonic is Mnemonic.Vgatherdps or Mnemonic.Vgatherqps or Mnemonic.Vpgatherdd or Mnemonic.Vpgatherqd ? 4 : 8;
        var indexSize = instruction.Mnemonic is Mnemonic.Vgatherdps or Mnemonic.Vgatherdpd or Mnemonic.Vpgatherdd or Mnemonic.Vpgatherdq ? 4 : 8;
        var count = Math.Min(destination.GetSize() / element, index.GetSize() / indexSize);
        Span<byte> mask = stackalloc byte[RegisterSize];
        Span<byte> value = stackalloc byte[RegisterSize];
        Span<byte> indices = stackalloc byte[RegisterSize];
        Read(ref operation.State, masks, mask);
        Read(ref operation.State, destination, value);
        Read(ref operation.State, index, indices);
        var done = true;
        for (var at = 0; at < count && done; at++)
        {
            var here = mask.Slice(at * element, element);
            if (here[^1] >= 0x80)
            {
                var distance = indexSize == 4 ? BinaryPrimitives.ReadInt32LittleEndian(indices[(4 * at)..]) : BinaryPrimitives.ReadInt64LittleEndian(indices[(8 * at)..]);
                done = operation.TryAddress(Offset(ref operation, distance), element, out var address)
                    && operation.Memory.TryRead(address, value.Slice(at * element, element), out operation.Fault);
            }

            if (done)
                here.Clear();
        }

        if (done)
        {
            value[(count * element)..].Clear();
            mask[(count * element)..].Clear();
        }

        Write(ref operation.State, destination, value);
        Write(ref operation.State, masks, mask);
        return done;
    }

    private static ulong Offset(ref Operation operation, long index)
    {
        ref readonly var instruction = ref operation.Instruction;
        var offset = instruction.MemoryDisplacement64 + ((ulong)index * (uint)instruction.MemoryIndexScale);
        if (instruction.MemoryBase != Register.None)
            offset += operation.ReadRegister(instruction.MemoryBase);
        var isShort = instruction.MemoryBase != Register.None ? instruction.MemoryBase.GetSize() == 4 : instruction.MemoryDisplSize == 4;
        return isShort ? (uint)offset : offset;
    }

    private static int Number(Register register) => register.IsYMM() ? register - Register.YMM0 : register - Register.XMM0;

    /// <summary>Reads the whole YMM register.</summary>
    private static void Read(ref CpuState state, Register register, Span<byte> value)
    {
        var number = Number(register);
        ((ReadOnlySpan<byte>)state.Fx).Slice(XmmRegisters + (HalfSize * number), HalfSize).CopyTo(value);
        var upper = value[HalfSize..];
        if (state.YmmInUse != 0)
            ((ReadOnlySpan<byte>)state.Ymm).Slice(HalfSize * number, HalfSize).CopyTo(upper);
        else
            upper.Clear();
    }

    /// <summary>Writes the whole register: what goes beyond an XMM register is 0.</summary>
    private static void Write(ref CpuState state, Register register, ReadOnlySpan<byte> value)
    {
        var number = Number(register);
        value[..HalfSize].CopyTo(((Span<byte>)state.Fx).Slice(XmmRegisters + (HalfSize * number), HalfSize));
        if (state.YmmInUse == 0)
            ((Span<byte>)state.Ymm).Clear();
        value[HalfSize..].CopyTo(((Span<byte>)state.Ymm).Slice(HalfSize * number, HalfSize));
        state.YmmInUse = 1;
    }
}
