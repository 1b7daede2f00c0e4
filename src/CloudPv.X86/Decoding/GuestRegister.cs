using Iced.Intel;

namespace CloudPv.X86;

/// <summary>Iced's general registers as the numbers in their encoding.</summary>
internal static class GuestRegister
{
    /// <summary>0–15 for a general register of any size (AH counts as RAX, and so on), -1 for anything else.</summary>
    public static int Number(Register register) => register switch
    {
        >= Register.AL and <= Register.BL => register - Register.AL,
        >= Register.AH and <= Register.BH => register - Register.AH,
        >= Register.SPL and <= Register.R15L => register - Register.SPL + 4,
        >= Register.AX and <= Register.R15W => register - Register.AX,
        >= Register.EAX and <= Register.R15D => register - Register.EAX,
        >= Register.RAX and <= Register.R15 => register - Register.RAX,
        _ => HostRegister.None,
    };

    /// <summary>Whether a register operand (not one in an address) is this register, in any size.</summary>
    public static bool IsOperand(in Instruction instruction, int number)
    {
        for (var operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.Register && Number(instruction.GetOpRegister(operand)) == number)
                return true;
        }

        return false;
    }

    public static bool HasSpilledOperand(in Instruction instruction)
    {
        for (var operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.Register && HostRegister.IsSpilled(Number(instruction.GetOpRegister(operand))))
                return true;
        }

        return false;
    }

    public static bool HasMemoryOperand(in Instruction instruction)
    {
        for (var operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.Memory)
                return true;
        }

        return false;
    }
}
