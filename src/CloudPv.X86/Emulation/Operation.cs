using System.Buffers.Binary;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// One instruction being emulated: its operands, the stack, and the fault that ended it. Every method that can fail returns false with <see cref="Fault"/> set;
/// a family changes the state only after everything that can fail has passed.
/// </summary>
internal ref struct Operation(ref CpuState state, ref readonly Instruction instruction, IEmulatorMemory memory, ISegmentDescriptors descriptors)
{
    private const int PageSize = 4096;
    private const byte InvalidOpcode = 6;
    private const byte SegmentNotPresent = 11;
    private const byte StackFault = 12;
    private const byte GeneralProtection = 13;

    public readonly ref CpuState State = ref state;
    public readonly ref readonly Instruction Instruction = ref instruction;
    public readonly IEmulatorMemory Memory = memory;
    public readonly ISegmentDescriptors Descriptors = descriptors;

    /// <summary>Where execution goes on; the next instruction unless a family says otherwise.</summary>
    public ulong NextRip = instruction.NextIP;

    public CpuExit Fault = default;

    public bool RaiseInvalidOpcode() => Raise(InvalidOpcode, 0);

    public bool RaiseGeneralProtection(uint errorCode = 0) => Raise(GeneralProtection, errorCode);

    public bool RaiseNotPresent(uint errorCode) => Raise(SegmentNotPresent, errorCode);

    public bool RaiseStackFault(uint errorCode = 0) => Raise(StackFault, errorCode);

    /// <summary>Bytes of an explicit operand: a general register's or the memory operand's.</summary>
    public readonly int Size(int operand) =>
        IsMemory(operand) ? Instruction.MemorySize.GetSize() : Instruction.GetOpRegister(operand).GetSize();

    public readonly bool IsMemory(int operand) => Instruction.GetOpKind(operand) == OpKind.Memory;

    public readonly ulong ReadRegister(Register register) => RegisterOperand.Read(ref State, register);

    public readonly void WriteRegister(Register register, ulong value) => RegisterOperand.Write(ref State, register, value);

    /// <summary>A register, memory or immediate operand; an immediate is sign-extended to 64 bits.</summary>
    public bool Read(int operand, out ulong value)
    {
        switch (Instruction.GetOpKind(operand))
        {
            case OpKind.Register:
                value = ReadRegister(Instruction.GetOpRegister(operand));
                return true;
            case OpKind.Memory:
                value = 0;
                var size = Size(operand);
                return TryAddress(size, out var address) && ReadMemory(address, size, out value);
            default:
                value = Instruction.GetImmediate(operand);
                return true;
        }
    }

    /// <summary>A register or memory operand.</summary>
    public bool Write(int operand, ulong value)
    {
        if (!IsMemory(operand))
        {
            WriteRegister(Instruction.GetOpRegister(operand), value);
            return true;
        }

        var size = Size(operand);
        return TryAddress(size, out var address) && WriteMemory(address, value, size);
    }

    /// <summary>1 to 8 bytes at a linear address that has been checked.</summary>
    public bool ReadMemory(ulong address, int size, out ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        var read = Memory.TryRead(address, bytes[..size], out Fault);
        value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return read;
    }

    public bool WriteMemory(ulong address, ulong value, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Memory.TryWrite(address, bytes[..size], out Fault);
    }

    /// <summary>The linear address of the memory operand; #GP(0) or #SS(0) if not all its bytes are at canonical addresses.</summary>
    public bool TryAddress(int size, out ulong address) => TryAddress(EffectiveAddress(), size, out address);

    /// <summary>The linear address of another offset in the memory operand's segment.</summary>
    public bool TryAddress(ulong offset, int size, out ulong address)
    {
        var stack = Instruction.MemoryBase is Register.RSP or Register.ESP or Register.RBP or Register.EBP;
        switch (Instruction.SegmentPrefix)
        {
            case Register.FS:
                return TryLinear(State.FsBase + offset, size, stack: false, out address);
            case Register.GS:
                return TryLinear(State.GsBase + offset, size, stack: false, out address);
            default:
                return TryLinear(offset, size, stack, out address);
        }
    }

    /// <summary>Checks that a linear address and the last byte behind it are canonical.</summary>
    public bool TryLinear(ulong linear, int size, bool stack, out ulong address)
    {
        address = linear;
        if (IsCanonical(linear) && IsCanonical(linear + (uint)size - 1))
            return true;
        return stack ? RaiseStackFault() : RaiseGeneralProtection();
    }

    /// <summary>What stands at a linear address, faulting as a write would.</summary>
    public bool ReadForWrite(ulong address, int size, out UInt128 value) => CompareExchange(address, size, 0, 0, out value);

    /// <summary>Faults as a write of all these bytes would, on the first page that refuses it.</summary>
    public bool Reserve(ulong address, int size)
    {
        var here = PageSize - (int)(address % PageSize);
        return ReadForWrite(address, 1, out _) && (here >= size || ReadForWrite(address + (uint)here, 1, out _));
    }

    public bool CompareExchange(ulong address, int size, UInt128 expected, UInt128 desired, out UInt128 actual) =>
        Memory.TryCompareExchange(address, size, expected, desired, out actual, out Fault);

    public static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;

    /// <summary>The memory operand's offset in its segment, moved by some bytes and cut to the address size.</summary>
    public readonly ulong EffectiveAddress(ulong displacement = 0)
    {
        var offset = Instruction.MemoryDisplacement64 + displacement;
        if (Instruction.MemoryBase != Register.None && !Instruction.IsIPRelativeMemoryOperand)
            offset += ReadRegister(Instruction.MemoryBase);
        if (Instruction.MemoryIndex != Register.None)
            offset += ReadRegister(Instruction.MemoryIndex) * (uint)Instruction.MemoryIndexScale;
        return UsesShortAddresses() ? (uint)offset : offset;
    }

    /// <summary>Writes one stack slot below <paramref name="rsp"/> and moves it down.</summary>
    public bool Push(ref ulong rsp, ulong value, int size)
    {
        var top = rsp - (uint)size;
        if (!TryLinear(top, size, stack: true, out _) || !WriteMemory(top, value, size))
            return false;
        rsp = top;
        return true;
    }

    /// <summary>Reads one stack slot at <paramref name="rsp"/> and moves it up.</summary>
    public bool Pop(ref ulong rsp, int size, out ulong value)
    {
        value = 0;
        if (!TryLinear(rsp, size, stack: true, out _) || !ReadMemory(rsp, size, out value))
            return false;
        rsp += (uint)size;
        return true;
    }

    private readonly bool UsesShortAddresses()
    {
        var register = Instruction.MemoryBase != Register.None ? Instruction.MemoryBase : Instruction.MemoryIndex;
        return register == Register.None ? Instruction.MemoryDisplSize == 4 : register.GetSize() == 4;
    }

    private bool Raise(byte vector, uint errorCode)
    {
        Fault = new CpuExit(CpuExitKind.Exception, vector, errorCode);
        return false;
    }
}
