using System.Runtime.Intrinsics.X86;
using CloudPv.X86;

namespace CloudPv.SelfCheck.Process;

/// <summary>CPUID for a process: of the host's features all that the translator carries.</summary>
internal static class Cpuid
{
    // SSE3, PCLMULQDQ, SSSE3, FMA, CX16, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE, OSXSAVE, AVX, F16C.
    private const uint Ecx1 = 1 << 12 | 1 << 26 | 1 << 27 | 1 << 28 | 1 << 29 | 1 << 0 | 1 << 1 | 1 << 9 | 1 << 13 | 1 << 19 | 1 << 20 | 1 << 22 | 1 << 23 | 1 << 25;

    // FPU, TSC, CX8, CMOV, CLFLUSH, MMX, FXSR, SSE, SSE2.
    private const uint Edx1 = 1 << 0 | 1 << 4 | 1 << 8 | 1 << 15 | 1 << 19 | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26;

    // BMI1, AVX2, BMI2, ERMS, ADX, SHA; VAES, VPCLMULQDQ; FSRM.
    private const uint Ebx7 = 1 << 3 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 19 | 1 << 29;
    private const uint Ecx7 = 1 << 9 | 1 << 10;
    private const uint Edx7 = 1 << 4;

    /// <summary>Bytes of an XSAVE image of x87 and SSE state.</summary>
    private const uint WithoutAvx = 576;

    private const uint ImageSize = CpuFeatures.ExtendedStateSize;

    // LAHF, LZCNT; SYSCALL, NX, long mode.
    private const uint EcxExtended = 1 << 0 | 1 << 5;
    private const uint EdxExtended = 1 << 11 | 1 << 20 | 1 << 29;

    /// <summary>Carries the instruction out: EAX and ECX in, EAX to EDX out.</summary>
    public static void Answer(ref CpuState state)
    {
        var (leaf, subleaf) = ((uint)state.Rax, (uint)state.Rcx);
        (state.Rax, state.Rbx, state.Rcx, state.Rdx) = leaf switch
        {
            0 => (0xdu, 0x756e_6547u, 0x6c65_746eu, 0x4965_6e69u), // GenuineIntel
            1 => (0x0001_06cau, 0x0001_0800u, Host(1).Ecx & Ecx1, Host(1).Edx & Edx1),
            7 when subleaf == 0 => (0u, Host(7).Ebx & Ebx7, Host(7).Ecx & Ecx7, Host(7).Edx & Edx7),
            0xd when subleaf == 0 => ((uint)CpuFeatures.ExtendedStates, ImageSize, ImageSize, 0u),
            0xd when subleaf == 2 => (ImageSize - WithoutAvx, WithoutAvx, 0u, 0u),
            0x8000_0000 => (0x8000_0008u, 0u, 0u, 0u),
            0x8000_0001 => (0u, 0u, Host(0x8000_0001).Ecx & EcxExtended, EdxExtended),
            0x8000_0008 => (0x302eu, 0u, 0u, 0u),
            _ => (0u, 0u, 0u, 0u),
        };
        state.Rip += 2;
    }

    private static (uint Eax, uint Ebx, uint Ecx, uint Edx) Host(uint leaf)
    {
        var (eax, ebx, ecx, edx) = X86Base.CpuId((int)leaf, 0);
        return ((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }
}
