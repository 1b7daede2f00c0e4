using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// Neighbouring memory accesses of a block through one base register that nothing between them changes but pushes, pops and constants added to RSP. One check
/// covers them all; T0 then holds the host address of the lowest until the last is done.
/// </summary>
/// <param name="Last">The index of the last access.</param>
/// <param name="Base">The guest's base register.</param>
/// <param name="Lowest">The lowest byte accessed, from the base's value at the first access.</param>
/// <param name="Size">From there to the highest.</param>
internal readonly record struct AccessGroup(int Last, int Base, int Lowest, int Size, bool Write)
{
    private const int Widest = 512;

    /// <summary>So that displacements can be added without a thought for overflow.</summary>
    private const long FarthestDisplacement = 1 << 30;

    /// <summary>Farther accesses through a base are more likely to cross a page than to be worth one check.</summary>
    private const int WidestShared = 256;

    /// <summary>Whether all accesses of another group or access through the same base may be covered by this one's check.</summary>
    public bool Covers(in AccessGroup other) =>
        other.Base == Base && other.Lowest >= Lowest && other.Lowest + other.Size <= Lowest + Size && (Write || !other.Write);

    /// <summary>Looks for a single access through a base register at <paramref name="index"/>, as a group of one.</summary>
    public static bool TryFindSingle(GuestBlock block, int index, out AccessGroup group)
    {
        group = default;
        if (!TryGetAccess(block, index, out var @base, out var offset, out var size, out var writes) || @base == HostRegister.Rsp)
            return false;
        group = new AccessGroup(index, @base, offset, size, writes);
        return true;
    }

    /// <summary>
    /// Widens this group, which begins at <paramref name="first"/>, by the accesses behind it through the same base as long as that keeps its value, whatever other accesses
    /// stand between: the host address is put aside for them. Beyond a conditional jump only reads count, for a page must not be marked dirty that isn't written.
    /// False: there are none. <see cref="Last"/> stays.
    /// </summary>
    public bool TryWiden(GuestBlock block, int first, out AccessGroup wide)
    {
        int lowest = Lowest, highest = Lowest + Size;
        var write = Write;
        var conditional = false;
        var shared = false;
        for (var index = first; index < block.Count; index++)
        {
            ref readonly var instruction = ref block[index];
            var form = block.Form(index);
            if (form.Treatment == Treatment.JumpConditional)
            {
                conditional = true;
                continue;
            }

            if (form.Treatment is not (Treatment.Rewrite or Treatment.Lea or Treatment.Nothing or Treatment.Push or Treatment.Pop))
                break;
            if (index > Last && TryGetAccess(block, index, out var @base, out var offset, out var size, out var writes) && @base == Base && (!conditional || write || !writes))
            {
                var newLowest = Math.Min(lowest, offset);
                var newHighest = Math.Max(highest, offset + size);
                if (newHighest - newLowest <= WidestShared)
                {
                    lowest = newLowest;
                    highest = newHighest;
                    write |= writes;
                    shared = true;
                }
            }

            if (form.MayWrite(in instruction, Base))
                break;
        }

        wide = this with { Lowest = lowest, Size = highest - lowest, Write = write };
        return shared;
    }

    /// <summary>Looks for a group whose first access is the instruction at <paramref name="first"/>.</summary>
    public static bool TryFind(GuestBlock block, int first, out AccessGroup group)
    {
        var @base = HostRegister.None;
        int last = first, accesses = 0, moved = 0;
        int lowest = int.MaxValue, highest = int.MinValue;
        var write = false;
        group = default;
        for (var index = first; index < block.Count; index++)
        {
            ref readonly var instruction = ref block[index];
            var form = block.Form(index);
            int offset, size;
            bool writes;
            var ends = false;
            if (IsStackAccess(in instruction, form, out var pushes))
            {
                if (@base != HostRegister.None && @base != HostRegister.Rsp)
                    break;
                @base = HostRegister.Rsp;
                size = 8;
                writes = pushes;
                offset = pushes ? moved - 8 : moved;
                moved += pushes ? -8 : 8;
                ends = form.Treatment is Treatment.Call or Treatment.Return;
            }
            else if (form.Treatment == Treatment.Rewrite && GuestRegister.HasMemoryOperand(in instruction))
            {
                if (!TryGetAccess(block, index, out var itsBase, out offset, out size, out writes) || (@base != HostRegister.None && @base != itsBase))
                    break;
                @base = itsBase;
                offset += moved;
                ends = form.MayWrite(in instruction, @base);
            }
            else
            {
                if (accesses == 0 || !MayStandBetween(in instruction, form, @base, ref moved))
                    break;
                continue;
            }

            var newLowest = Math.Min(lowest, offset);
            var newHighest = Math.Max(highest, offset + size);
            if ((long)newHighest - newLowest > Widest)
                break;
            lowest = newLowest;
            highest = newHighest;
            write |= writes;
            last = index;
            accesses++;
            if (ends)
                break;
        }

        if (accesses < 2)
            return false;
        group = new AccessGroup(last, @base, lowest, highest - lowest, write);
        return true;
    }

    /// <summary>Whether it is one of the stack accesses that a group may hold.</summary>
    public static bool IsStackAccess(in Instruction instruction, InstructionForm form, out bool pushes)
    {
        pushes = form.Treatment is Treatment.Push or Treatment.Call;
        switch (form.Treatment)
        {
            case Treatment.Push or Treatment.Pop:
                var register = instruction.Op0Kind == OpKind.Register ? GuestRegister.Number(instruction.Op0Register) : HostRegister.None;
                return register is not (HostRegister.None or HostRegister.Rsp) && !HostRegister.IsSpilled(register);
            case Treatment.Call:
                return (long)instruction.NextIP == (int)instruction.NextIP;
            case Treatment.Return:
                return instruction.OpCount == 0;
            default:
                return false;
        }
    }

    /// <summary>ADD or SUB of a constant to RSP; <paramref name="amount"/> is what is added.</summary>
    public static bool IsStackPointerMove(in Instruction instruction, out int amount)
    {
        amount = 0;
        if (instruction.Mnemonic is not (Mnemonic.Add or Mnemonic.Sub) || instruction.Op0Kind != OpKind.Register || instruction.Op0Register != Register.RSP
            || instruction.Op1Kind is OpKind.Register or OpKind.Memory)
            return false;
        amount = (int)(long)instruction.GetImmediate(1) * (instruction.Mnemonic == Mnemonic.Sub ? -1 : 1);
        return true;
    }

    private static bool MayStandBetween(in Instruction instruction, InstructionForm form, int @base, ref int moved)
    {
        if (form.Treatment == Treatment.Nothing)
            return true;
        if (form.Treatment is not (Treatment.Rewrite or Treatment.Lea))
            return false;
        if (@base == HostRegister.Rsp && IsStackPointerMove(in instruction, out var amount))
        {
            moved += amount;
            return Math.Abs(moved) <= Widest;
        }

        // A spilled register may need T0.
        return !GuestRegister.HasSpilledOperand(in instruction)
            && !HostRegister.IsSpilled(GuestRegister.Number(instruction.MemoryBase))
            && !HostRegister.IsSpilled(GuestRegister.Number(instruction.MemoryIndex))
            && !form.MayWrite(in instruction, @base)
            && !(form.Treatment == Treatment.Lea && GuestRegister.IsOperand(in instruction, @base));
    }

    private static bool TryGetAccess(GuestBlock block, int index, out int @base, out int offset, out int size, out bool writes)
    {
        ref readonly var instruction = ref block[index];
        var form = block.Form(index);
        offset = (int)(long)instruction.MemoryDisplacement64;
        size = instruction.MemorySize.GetSize();
        writes = form.WritesMemory;
        @base = HostRegister.None;
        return form.Treatment == Treatment.Rewrite && GuestRegister.HasMemoryOperand(in instruction) && size > 0 && TryGetBase(in instruction, out @base);
    }

    private static bool TryGetBase(in Instruction instruction, out int @base)
    {
        @base = HostRegister.None;
        if (instruction.MemoryIndex != Register.None || instruction.SegmentPrefix is Register.FS or Register.GS
            || instruction.MemoryBase is < Register.RAX or > Register.R15 || Math.Abs((long)instruction.MemoryDisplacement64) > FarthestDisplacement)
            return false;
        @base = GuestRegister.Number(instruction.MemoryBase);
        return !HostRegister.IsSpilled(@base);
    }
}
