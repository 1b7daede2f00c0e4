namespace CloudPv.Hypervisor;

/// <summary>Xen's forced emulation: UD2 and the letters "xen" before CPUID (XEN_CPUID of xen/include/public/arch-x86/xen.h).</summary>
internal static class ForcedCpuid
{
    private static ReadOnlySpan<byte> Sequence => [0x0f, 0x0b, (byte)'x', (byte)'e', (byte)'n', 0x0f, 0xa2];

    /// <summary>Carries it out where it stands at RIP.</summary>
    public static bool TryEmulate(Vcpu vcpu)
    {
        vcpu.Instruction.Fetch(vcpu);
        if (!vcpu.Instruction.Bytes.StartsWith(Sequence))
            return false;
        CpuidPolicy.Answer(vcpu, isForced: true);
        vcpu.Cpu.State.Rip += (ulong)Sequence.Length;
        TrapDelivery.EndInstruction(vcpu);
        return true;
    }
}
