using Iced.Intel;

namespace CloudPv.X86;

/// <summary>What CPL 3 with IOPL 0 may not do. The CPU has UMIP, so the table registers are secret too.</summary>
internal static class PrivilegedInstructions
{
    public static bool IsOne(ref readonly Instruction instruction) =>
        instruction.IsPrivileged
        || instruction.Mnemonic is Mnemonic.Sgdt or Mnemonic.Sidt or Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Smsw or Mnemonic.Rdpmc or Mnemonic.Sysenter;

    /// <summary>#GP(0), or #UD for those of features that this CPU doesn't have (monitor, XSAVE, virtualisation).</summary>
    public static bool Execute(ref Operation operation)
    {
        switch (operation.Instruction.Mnemonic)
        {
            case Mnemonic.Xsetbv when operation.State.Xcr0 != 0:
            case Mnemonic.Hlt or Mnemonic.Cli or Mnemonic.Sti or Mnemonic.In or Mnemonic.Out:
            case Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd or Mnemonic.Outsb or Mnemonic.Outsw or Mnemonic.Outsd:
            case Mnemonic.Lgdt or Mnemonic.Lidt or Mnemonic.Lldt or Mnemonic.Ltr:
            case Mnemonic.Sgdt or Mnemonic.Sidt or Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Smsw:
            case Mnemonic.Mov or Mnemonic.Lmsw or Mnemonic.Clts:
            case Mnemonic.Invd or Mnemonic.Wbinvd or Mnemonic.Invlpg:
            case Mnemonic.Rdmsr or Mnemonic.Wrmsr or Mnemonic.Rdpmc:
            case Mnemonic.Swapgs or Mnemonic.Sysret or Mnemonic.Sysretq or Mnemonic.Sysexit or Mnemonic.Sysexitq or Mnemonic.Sysenter:
                return operation.RaiseGeneralProtection();
            default:
                return operation.RaiseInvalidOpcode();
        }
    }
}
