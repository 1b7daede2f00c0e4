using System.Globalization;
using System.Text;
using CloudPv.X86;

namespace CloudPv.Hypervisor;

/// <summary>A vCPU's registers, code bytes and stack as text, for the log of a domain that crashed.</summary>
internal static class RegisterDump
{
    private const int StackWords = 16;

    private static readonly string[] Names =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    /// <summary>Of a vCPU that isn't running, or on its own thread.</summary>
    public static string Of(Vcpu vcpu)
    {
        ref CpuState state = ref vcpu.Cpu.State;
        var text = new StringBuilder();
        Line(text, $"vcpu{vcpu.Id} {(vcpu.Cpu.Mode == CpuMode.Kernel ? "kernel" : "user")} mode, upcalls {(vcpu.UpcallsMasked ? "masked" : "open")}");
        Line(text, $"rip {state.Rip:x16}  rflags {state.Rflags:x8}  cs {state.Cs:x4}  ss {state.Ss:x4}  ds {state.Ds:x4}  es {state.Es:x4}  fs {state.Fs:x4}  gs {state.Gs:x4}");
        for (int row = 0; row < Names.Length; row += 4)
        {
            for (int index = row; index < row + 4; index++)
                text.Append(CultureInfo.InvariantCulture, $"{Names[index],3} {state.Registers[index]:x16}  ");
            text.AppendLine();
        }
        Line(text, $"fs base {state.FsBase:x16}  gs base {state.GsBase:x16}  other gs base {vcpu.OtherGsBase:x16}");
        Line(text, $"cr2 {vcpu.Cr2:x16}  kernel root {vcpu.KernelRoot}  user root {vcpu.UserRoot}");
        vcpu.Instruction.Fetch(vcpu);
        Line(text, $"code {Convert.ToHexStringLower(vcpu.Instruction.Bytes)}");
        text.Append("stack");
        for (ulong offset = 0; offset < StackWords; offset++)
        {
            if (!vcpu.TryRead(new Xen.GuestVirtual(state.Rsp + offset * sizeof(ulong)), out ulong word))
                break;
            text.Append(CultureInfo.InvariantCulture, $" {word:x16}");
        }
        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) => text.AppendLine(line.ToString(CultureInfo.InvariantCulture));
}
