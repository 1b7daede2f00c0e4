using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Which of Iced's instruction codes the oracle can judge: everything of 64-bit mode at CPL 3 that is deterministic, up to AVX2.</summary>
internal static class TestedCodes
{
    private static readonly HashSet<CpuidFeature> Features =
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL8086_ONLY, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486,
        CpuidFeature.X64, CpuidFeature.CMOV, CpuidFeature.CX8, CpuidFeature.CMPXCHG16B, CpuidFeature.MOVBE, CpuidFeature.POPCNT, CpuidFeature.LZCNT,
        CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.ADX, CpuidFeature.MULTIBYTENOP,
        CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387, CpuidFeature.MMX, CpuidFeature.FXSR,
        CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2, CpuidFeature.SSE4A,
        CpuidFeature.AES, CpuidFeature.PCLMULQDQ, CpuidFeature.SHA, CpuidFeature.GFNI,
        CpuidFeature.AVX, CpuidFeature.AVX2, CpuidFeature.FMA, CpuidFeature.F16C, CpuidFeature.VAES, CpuidFeature.VPCLMULQDQ, CpuidFeature.AVX_VNNI, CpuidFeature.XSAVE,
        CpuidFeature.PREFETCHW, CpuidFeature.PREFETCHWT1, CpuidFeature.CLFSH, CpuidFeature.CLFLUSHOPT, CpuidFeature.CLWB, CpuidFeature.PAUSE,
        CpuidFeature.FSGSBASE, CpuidFeature.CET_IBT, CpuidFeature.CET_SS, CpuidFeature.CLDEMOTE, CpuidFeature.PREFETCHITI,
    ];

    /// <summary>Traps and queries of the environment, with tests of their own or none: Linux answers them, or the host's own state shows.</summary>
    private static readonly HashSet<Mnemonic> Excluded =
    [
        Mnemonic.Int, Mnemonic.Int3, Mnemonic.Int1, Mnemonic.Syscall, Mnemonic.Sysenter, Mnemonic.Rdpmc, Mnemonic.Rsm,
        Mnemonic.Sgdt, Mnemonic.Sidt, Mnemonic.Sldt, Mnemonic.Str, Mnemonic.Smsw,
        Mnemonic.Rdrand, Mnemonic.Rdseed, Mnemonic.Rdtsc, Mnemonic.Cpuid,

        // They need a header, or vectors of indices: ExtendedStateTests, GatherTests.
        Mnemonic.Xsave, Mnemonic.Xsave64, Mnemonic.Xrstor, Mnemonic.Xrstor64, Mnemonic.Xgetbv, Mnemonic.Xsetbv,
        Mnemonic.Vgatherdps, Mnemonic.Vgatherdpd, Mnemonic.Vgatherqps, Mnemonic.Vgatherqpd,
        Mnemonic.Vpgatherdd, Mnemonic.Vpgatherdq, Mnemonic.Vpgatherqd, Mnemonic.Vpgatherqq,

        // They need selectors: SegmentTests.
        Mnemonic.Lar, Mnemonic.Lsl, Mnemonic.Verr, Mnemonic.Verw,
        Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq, Mnemonic.Retf,

        // Obsolete or odd, and not the same on every host.
        Mnemonic.Ud0, Mnemonic.Ud1, Mnemonic.Fstpnce, Mnemonic.Ffreep, Mnemonic.Reservednop,
    ];

    public static Code[] All { get; } = [.. Enum.GetValues<Code>().Where(IsTested)];

    private static bool IsTested(Code code)
    {
        var opCode = code.ToOpCode();
        return opCode.IsInstruction
            && opCode.Mode64
            && opCode.IntelDecoder64
            && opCode.AmdDecoder64
            && !opCode.Fwait
            && opCode.Encoding is EncodingKind.Legacy or EncodingKind.VEX
            && code.CpuidFeatures().ToArray().All(Features.Contains)
            && !code.IsPrivileged()
            && code != Code.Movsxd_r16_rm16
            && !Excluded.Contains(code.Mnemonic())
            && !UsesFarPointersOrSegments(opCode);
    }

    private static bool UsesFarPointersOrSegments(OpCodeInfo opCode)
    {
        if (opCode.Mnemonic is Mnemonic.Lss or Mnemonic.Lfs or Mnemonic.Lgs || opCode.Code.IsCallFarIndirect() || opCode.Code.IsJmpFarIndirect())
            return true;
        for (var operand = 0; operand < opCode.OpCount; operand++)
        {
            if (opCode.GetOpKind(operand) is OpCodeOperandKind.seg_reg or OpCodeOperandKind.fs or OpCodeOperandKind.gs)
                return opCode.Mnemonic != Mnemonic.Push;
        }

        return false;
    }
}
