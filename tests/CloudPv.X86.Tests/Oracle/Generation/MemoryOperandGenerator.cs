using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>
/// Memory operands of every form: any base and index, scales, displacements, RIP-relative, absolute, FS and GS, 32-bit address size.
/// <see cref="Shape"/> chooses the form, <see cref="Place"/> then sets the registers so that it shows a place in the arena.
/// </summary>
internal sealed class MemoryOperandGenerator(SeededRandom random) : IMemoryShape
{
    private const int UnknownSize = 64;
    private const ulong UserSpace = 1ul << 47;

    public void Shape(ref Instruction instruction, bool moffs)
    {
        if (random.OneIn(6))
            instruction.SegmentPrefix = random.OneIn(2) ? Register.FS : Register.GS;
        instruction.MemoryIndexScale = 1;
        var wide = !random.OneIn(6);
        var first = wide ? Register.RAX : Register.EAX;
        if (moffs)
        {
            instruction.MemoryDisplSize = wide ? 8 : 4;
            return;
        }

        switch (random.Next(12))
        {
            case 0:
                instruction.MemoryBase = wide ? Register.RIP : Register.EIP;
                instruction.MemoryDisplSize = wide ? 8 : 4;
                break;
            case 1:
                instruction.MemoryDisplSize = wide ? 8 : 4;
                break;
            case 2:
                instruction.MemoryIndex = first + PickIndex();
                instruction.MemoryIndexScale = 1 << random.Next(4);
                instruction.MemoryDisplSize = wide ? 8 : 4;
                break;
            case <= 6:
                instruction.MemoryBase = first + PickBase();
                instruction.MemoryIndex = first + PickIndex();
                instruction.MemoryIndexScale = 1 << random.Next(4);
                instruction.MemoryDisplSize = random.OneIn(2) ? 1 : 0;
                break;
            default:
                instruction.MemoryBase = first + PickBase();
                instruction.MemoryDisplSize = random.OneIn(2) ? 1 : 0;
                break;
        }
    }

    /// <summary>Whether general register <paramref name="number"/> takes part in the address.</summary>
    public bool Uses(in Instruction instruction, int number) =>
        (instruction.MemoryBase != Register.None && instruction.MemoryBase.GetNumber() == number)
        || (instruction.MemoryIndex != Register.None && instruction.MemoryIndex.GetNumber() == number);

    public bool Place(TestCase test, ref Instruction instruction)
    {
        if (!HasMemory(in instruction) || instruction.MemoryIndex == Register.AL)
            return true;
        var size = instruction.MemorySize.GetSize();
        if (size == 0)
            size = instruction.Mnemonic is Mnemonic.Fxsave or Mnemonic.Fxrstor or Mnemonic.Fxsave64 or Mnemonic.Fxrstor64 ? 512 : UnknownSize;
        var alignment = random.OneIn(6) ? 1 : size >= 16 ? 16 : random.OneIn(2) ? 1 : size;
        if (int.PopCount(alignment) != 1)
            alignment = 1;
        var offset = ArenaAddress.Pick(random, size, alignment);
        if (random.OneIn(2) && offset + size <= Arena.Size)
            RandomState.FillVector(test.Memory.AsSpan(offset, Math.Max(size, 8) & -8), random);
        return Aim(test, ref instruction, (uint)offset);
    }

    public static ulong LinearAddress(ref CpuState state, in Instruction instruction)
    {
        var copy = state;
        return instruction.GetVirtualAddress(0, 0, (register, _, _) => register switch
        {
            Register.FS => copy.FsBase,
            Register.GS => copy.GsBase,
            >= Register.ES and <= Register.DS => 0,
            _ => copy.Registers[register.GetNumber()],
        });
    }

    private static bool HasMemory(in Instruction instruction)
    {
        for (var operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.Memory)
                return true;
        }

        return false;
    }

    /// <summary>Sets base, index, displacement and segment base so that together they show the arena's <paramref name="target"/>.</summary>
    private bool Aim(TestCase test, ref Instruction instruction, uint target)
    {
        ref var state = ref test.Start;
        var register = instruction.MemoryBase != Register.None ? instruction.MemoryBase : instruction.MemoryIndex;
        var relative = instruction.IsIPRelativeMemoryOperand;
        var shortAddress = register == Register.None ? instruction.MemoryDisplSize == 4 : register.GetSize() == 4;
        var moffs = register == Register.None && instruction.Code.ToOpCode().GetOpKind(instruction.Op0Kind == OpKind.Memory ? 0 : 1) == OpCodeOperandKind.mem_offs;
        var near = shortAddress || (!moffs && !relative && instruction.MemoryBase == Register.None);
        var segment = instruction.SegmentPrefix != Register.None;

        ulong offset;
        if (segment)
        {
            var linear = (random.OneIn(2) ? Arena.Low : Arena.High) + target;
            offset = near ? (shortAddress ? (uint)random.Next() : (ulong)(int)random.Next()) : relative ? instruction.IP + (ulong)((int)random.Next() / 2) : linear - (random.Next() & (UserSpace - 1));
            var segmentBase = linear - offset;
            if (segmentBase >= UserSpace)
                return false;
            (instruction.SegmentPrefix == Register.FS ? ref state.FsBase : ref state.GsBase) = segmentBase;
        }
        else
        {
            var low = near || (relative ? instruction.IP < Arena.High : random.OneIn(2));
            offset = (low ? Arena.Low : Arena.High) + target;
        }

        if (relative)
        {
            instruction.MemoryDisplacement64 = offset;
            return !shortAddress || instruction.IP < Arena.High;
        }

        return AimRegisters(ref state, ref instruction, offset, shortAddress);
    }

    private bool AimRegisters(ref CpuState state, ref Instruction instruction, ulong offset, bool shortAddress)
    {
        var hasBase = instruction.MemoryBase != Register.None;
        if (hasBase && instruction.MemoryIndex != Register.None && instruction.MemoryBase == instruction.MemoryIndex)
            return false;
        var displacement = hasBase && instruction.MemoryDisplSize != 0 ? (random.OneIn(2) ? (sbyte)random.Next() : (long)(int)random.Next()) : 0;
        if (instruction.MemoryIndex != Register.None)
        {
            ref var index = ref state.Registers[instruction.MemoryIndex.GetNumber()];
            if (random.OneIn(2) || !hasBase)
                index = (index & 0xff) | (shortAddress ? random.Next() << 32 : 0);
            offset -= (shortAddress ? (uint)index : index) * (uint)instruction.MemoryIndexScale;
        }

        if (hasBase)
        {
            var value = offset - (ulong)displacement;
            state.Registers[instruction.MemoryBase.GetNumber()] = shortAddress ? (uint)value | (random.Next() << 32) : value;
            instruction.MemoryDisplacement64 = shortAddress ? (uint)displacement : (ulong)displacement;
        }
        else
        {
            instruction.MemoryDisplacement64 = shortAddress ? (uint)offset : offset;
        }

        return true;
    }

    private int PickBase() => random.OneIn(3) ? random.Pick<int>([4, 5, 9, 10, 11, 12, 13]) : random.Next(16);

    private int PickIndex()
    {
        var number = random.OneIn(3) ? random.Pick<int>([9, 10, 11]) : random.Next(16);
        return number == 4 ? 5 : number;
    }
}
