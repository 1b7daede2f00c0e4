using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>MOVS and CMPS have two operands in memory. If neither can be had, the SDM doesn't say which one the fault names, and CPUs differ.</summary>
internal static class StringFault
{
    private const byte PageFault = 14;

    public static bool AreOfOneInstruction(CpuExit expected, CpuExit actual, in Instruction instruction) =>
        IsPageFault(expected) && IsPageFault(actual) && instruction.IsStringInstruction && instruction.OpCount == 2 && instruction.Op0Kind != OpKind.Register;

    private static bool IsPageFault(CpuExit exit) => exit is { Kind: CpuExitKind.Exception, Vector: PageFault };
}
