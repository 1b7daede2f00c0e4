using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// What a hypervisor's CPUID may offer beyond the base of x86-64, where the host has it too. Not among it: everything encoded with EVEX (AVX-512), XSAVEOPT, XSAVEC and XSAVES,
/// FSGSBASE, RDTSCP and RDPID, TSX, protection keys, and whatever reads the state of the system.
/// </summary>
public static class CpuFeatures
{
    /// <summary>Whether the translator runs instructions that need these features as the host does. All others are <see cref="Emulator"/>'s, or #UD.</summary>
    public static bool AreTranslated(ReadOnlySpan<CpuidFeature> features)
    {
        foreach (var feature in features)
        {
            switch (feature)
            {
                case CpuidFeature.INTEL8086 or CpuidFeature.INTEL186 or CpuidFeature.INTEL286 or CpuidFeature.INTEL386 or CpuidFeature.INTEL486 or CpuidFeature.X64:
                case CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.CMOV or CpuidFeature.MMX or CpuidFeature.FXSR:
                case CpuidFeature.SSE or CpuidFeature.SSE2 or CpuidFeature.SSE3 or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1 or CpuidFeature.SSE4_2 or CpuidFeature.SSE4A:
                case CpuidFeature.AES or CpuidFeature.PCLMULQDQ or CpuidFeature.SHA or CpuidFeature.GFNI:
                case CpuidFeature.POPCNT or CpuidFeature.LZCNT or CpuidFeature.BMI1 or CpuidFeature.BMI2 or CpuidFeature.MOVBE or CpuidFeature.ADX or CpuidFeature.CX8 or CpuidFeature.CMPXCHG16B:
                case CpuidFeature.CLFSH or CpuidFeature.CLFLUSHOPT or CpuidFeature.CLWB or CpuidFeature.PREFETCHW or CpuidFeature.PREFETCHWT1:
                case CpuidFeature.RDRAND or CpuidFeature.RDSEED or CpuidFeature.TSC or CpuidFeature.CET_IBT or CpuidFeature.PAUSE or CpuidFeature.MULTIBYTENOP:
                case CpuidFeature.AVX or CpuidFeature.AVX2 or CpuidFeature.FMA or CpuidFeature.F16C or CpuidFeature.VAES or CpuidFeature.VPCLMULQDQ or CpuidFeature.AVX_VNNI:
                    continue;
                default:
                    return false;
            }
        }

        return true;
    }

    /// <summary>XCR0 as far as guests may set it: x87, SSE and AVX state.</summary>
    public const ulong ExtendedStates = X87State | SseState | AvxState;

    /// <summary>What XSAVE stores of <see cref="ExtendedStates"/>, in bytes.</summary>
    public const int ExtendedStateSize = ExtendedStateImage.YmmRegisters + ExtendedStateImage.YmmSize;

    internal const ulong X87State = 1;
    internal const ulong SseState = 2;
    internal const ulong AvxState = 4;
}
