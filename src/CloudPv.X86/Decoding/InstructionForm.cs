using Iced.Intel;

namespace CloudPv.X86;

/// <summary>How the translator goes about an instruction.</summary>
internal enum Treatment
{
    /// <summary>Its own bytes, with registers renamed and the memory operand replaced.</summary>
    Rewrite,

    /// <summary>The same, if its whole memory operand can be had at once, of which it may use only some; else it is left to <see cref="Emulator"/>.</summary>
    Tentative,

    /// <summary>XSAVE or XRSTOR: as <see cref="Tentative"/> in kernel mode, where tasks are switched with them.</summary>
    ExtendedState,
    Nothing,
    Lea,
    BitString,
    Push,
    Pop,
    Leave,
    Jump,
    JumpConditional,
    JumpOnCount,
    JumpIndirect,
    Call,
    CallIndirect,
    Return,
    ClearDirection,
    SetDirection,
    PushFlags,
    ReadSelector,
    MoveString,
    Syscall,
    Cpuid,
    SoftwareInterrupt,
    InterruptReturn,
    InvalidOpcode,

    /// <summary>Left to <see cref="Emulator"/>, which also knows what is privileged.</summary>
    Emulate,
}

/// <summary>A general register among an instruction's operands.</summary>
/// <param name="Size">Bytes; 0: there is none.</param>
/// <param name="Overwritten">Written, and nothing of its old value matters.</param>
internal readonly record struct RegisterSlot(byte Size, bool Written, bool Overwritten)
{
    public bool Exists => Size != 0;
}

/// <summary>What the translator knows about all instructions of one <see cref="Code"/>. Made once, on first sight.</summary>
/// <param name="IsVex">Whether it is encoded with VEX, else as of old.</param>
/// <param name="Reg">The general register in ModRM.reg.</param>
/// <param name="Rm">The general register in ModRM.rm, where that is no memory operand.</param>
/// <param name="Vvvv">The general register in VEX.vvvv.</param>
/// <param name="InOpcode">The general register in the opcode's low bits.</param>
/// <param name="ImplicitWrites">A bit for each general register that it writes although its encoding doesn't name it.</param>
/// <param name="MayTrap">Whether the host may trap at it although its memory is accessible.</param>
/// <param name="UsesFpu">Whether it raises #NM while CR0.TS is set: x87 (<paramref name="UsesX87"/>), MMX, SSE and AVX (<paramref name="UsesAvx"/>).</param>
/// <param name="UsesAvx">Whether it raises #UD while XCR0 lacks the state of AVX.</param>
internal sealed record InstructionForm(
    Treatment Treatment,
    bool HasModRm,
    bool IsVex,
    RegisterSlot Reg,
    RegisterSlot Rm,
    RegisterSlot Vvvv,
    RegisterSlot InOpcode,
    ushort ImplicitWrites,
    bool WritesMemory,
    bool MayTrap,
    bool UsesX87,
    bool UsesFpu,
    bool UsesAvx,
    uint FlagsRead,
    uint FlagsKilled,
    ShiftKind Shift)
{
    private static readonly InstructionForm?[] Known = new InstructionForm?[Enum.GetValues<Code>().Length];

    /// <summary>OF, SF, ZF, AF, CF and PF as Iced's <see cref="RflagsBits"/>.</summary>
    public const uint ArithmeticFlags =
        (uint)(RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF);

    /// <summary>Of an instruction whose prefixes make it one for <see cref="Emulator"/>, though others of its code are not.</summary>
    public static InstructionForm Emulated { get; } = new(
        Treatment.Emulate, HasModRm: false, IsVex: false, default, default, default, default, ImplicitWrites: 0, WritesMemory: false, MayTrap: false, UsesX87: false, UsesFpu: false, UsesAvx: false, FlagsRead: 0, FlagsKilled: 0, ShiftKind.None);

    public static InstructionForm Of(in Instruction instruction)
    {
        ref var known = ref Known[(int)instruction.Code];
        return known ?? (known = InstructionForms.Create(in instruction));
    }

    /// <summary>Whether the instruction may write a general register. May say so of one that it only reads.</summary>
    public bool MayWrite(in Instruction instruction, int register) =>
        (ImplicitWrites >> register & 1) != 0 || ((Reg.Written || Rm.Written || Vvvv.Written || InOpcode.Written) && GuestRegister.IsOperand(in instruction, register));

    /// <summary>The flags that this instruction surely overwrites: a shift by 0 leaves them all.</summary>
    public uint Kills(in Instruction instruction) => Shift switch
    {
        ShiftKind.None => FlagsKilled,
        ShiftKind.Immediate32 when (instruction.Immediate8 & 31) != 0 => FlagsKilled,
        ShiftKind.Immediate64 when (instruction.Immediate8 & 63) != 0 => FlagsKilled,
        _ => 0,
    };
}

/// <summary>How a shift or rotation is told its count.</summary>
internal enum ShiftKind : byte
{
    None,
    Immediate32,
    Immediate64,
    Register,
}
