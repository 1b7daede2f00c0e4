using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using CloudPv.X86;

namespace CloudPv.Hypervisor;

/// <summary>
/// CPUID as every PV guest here sees it (SDM vol. 2A, CPUID; Xen's leaves: xen/include/public/arch-x86/cpuid.h). Features are those of the host that the translator and Xen's
/// PV interface carry: no AVX-512, no FSGSBASE, PCID, SMEP, SMAP, large pages, MTRR or APIC.
/// </summary>
/// <remarks>
/// The model is an in-order one (Intel family 6 model 28), which kernels know to speculate past no branch: so they patch their return thunks and retpolines to plain returns and
/// jumps, which translate well. For kernels that ask further, ARCH_CAPABILITIES says the same. Caches and features are the host's.
/// </remarks>
internal static class CpuidPolicy
{
    private static readonly ConcurrentDictionary<(uint Index, uint Subleaf), Leaf> HostLeaves = new();

    private const uint HighestBasic = 0x16;
    private const uint HighestExtended = 0x8000_0008;
    private const uint XenBase = 0x4000_0000;
    private const uint XenHighest = XenBase + 5;
    private const uint XenVersion = (4 << 16) | 17;

    /// <summary>Family 6, model 28, stepping 10.</summary>
    private const uint Signature = 0x0001_06ca;
    private const uint CacheLineQuadwords = 8;

    // Leaf 1.
    private const uint Ecx1 = Bit.Sse3 | Bit.Pclmulqdq | Bit.Ssse3 | Bit.Cmpxchg16b | Bit.Sse41 | Bit.Sse42 | Bit.Movbe | Bit.Popcnt | Bit.Aes | Bit.Rdrand;
    private const uint Ecx1Hypervisor = 1u << 31;

    // What needs XSAVE, or its like for FMA, AVX and F16C; OSXSAVE shows the guest's CR4.
    private const uint Ecx1ExtendedStates = Bit.Fma | Bit.Xsave | Bit.Avx | Bit.F16c;

    // FPU, DE, TSC, MSR, PAE, MCE, CX8, MCA, CMOV, PAT, CLFLUSH, MMX, FXSR, SSE, SSE2.
    private const uint Edx1 = 0x0789_c1f5;

    /// <summary>HTT: EBX tells the number of logical processors.</summary>
    private const uint Edx1Multithreading = 1 << 28;

    // Leaf 7: BMI1, BMI2, ERMS, RDSEED, ADX, CLFLUSHOPT, CLWB, SHA; FSRM; ARCH_CAPABILITIES.
    private const uint Ebx7 = (1 << 3) | (1 << 8) | (1 << 9) | (1 << 18) | (1 << 19) | (1 << 23) | (1 << 24) | (1 << 29);
    private const uint Ebx7Avx2 = 1 << 5;

    // VAES, VPCLMULQDQ.
    private const uint Ecx7Avx = (1 << 9) | (1 << 10);
    private const uint Edx7 = 1 << 4;

    // Subleaf 1: AVX-VNNI.
    private const uint Eax7Subleaf1 = 1 << 4;
    private const uint Edx7ArchCapabilities = 1 << 29;

    // Leaf 0x80000001: LAHF, LZCNT, PREFETCHW; SYSCALL, NX, long mode.
    private const uint EcxExtended = (1 << 0) | (1 << 5) | (1 << 8);
    private const uint EdxExtended = (1 << 11) | (1 << 20) | (1 << 29);

    private static ReadOnlySpan<byte> Vendor => "GenuineIntel"u8;
    private static ReadOnlySpan<byte> XenSignature => "XenVMMXenVMM"u8;
    private static ReadOnlySpan<byte> Brand => "CloudPv translated x86-64 CPU"u8;

    /// <summary>XSAVE and AVX are offered: together, on hosts that have both.</summary>
    public static bool OffersExtendedStates { get; } = Avx.IsSupported;

    /// <summary>XCR0 at the start of a vCPU: x87 alone.</summary>
    public const ulong InitialExtendedStates = 1;

    /// <summary>Whether XSETBV may put a value in XCR0.</summary>
    public static bool MayHoldExtendedStates(ulong value) => (value & InitialExtendedStates) != 0 && (value & ~CpuFeatures.ExtendedStates) == 0;

    /// <summary>Carries out CPUID on a vCPU: EAX and ECX in, EAX to EDX out.</summary>
    /// <param name="isForced">Xen's forced emulation, by which a kernel sees OSXSAVE before it has set it: that is how it knows that Xen lets it use XSAVE.</param>
    public static void Answer(Vcpu vcpu, bool isForced)
    {
        ref CpuState state = ref vcpu.Cpu.State;
        Leaf leaf = Get(vcpu, (uint)state.Rax, (uint)state.Rcx);
        if (isForced && (uint)state.Rax == 1 && vcpu.Cpu.Mode == CpuMode.Kernel && OffersExtendedStates)
            leaf = leaf with { Ecx = leaf.Ecx | Bit.OsXsave };
        state.Rax = leaf.Eax;
        state.Rbx = leaf.Ebx;
        state.Rcx = leaf.Ecx;
        state.Rdx = leaf.Edx;
    }

    internal static Leaf Get(Vcpu vcpu, uint index, uint subleaf) => index switch
    {
        0 => Text(Vendor, HighestBasic),
        1 => Features(vcpu),
        4 => Cache(vcpu, subleaf),
        7 => StructuredFeatures(subleaf),
        0xd when OffersExtendedStates => ExtendedStates(vcpu, subleaf),
        0x16 => Frequencies(vcpu),
        XenBase => Signed(XenSignature, XenHighest),
        >= XenBase + 1 and <= XenHighest => Xen(vcpu, index - XenBase, subleaf),
        0x8000_0000 => new Leaf(HighestExtended, 0, 0, 0),
        0x8000_0001 => ExtendedFeatures(),
        >= 0x8000_0002 and <= 0x8000_0004 => BrandPart((int)(index - 0x8000_0002)),
        0x8000_0006 => new Leaf(0, 0, Host(0x8000_0006).Ecx, 0),
        // Address widths: 46 physical bits, 48 linear.
        0x8000_0008 => new Leaf(0x302e, 0, 0, 0),
        _ => default,
    };

    /// <summary>The vCPUs are the cores of one package, their APIC ids their numbers.</summary>
    private static Leaf Features(Vcpu vcpu)
    {
        Leaf host = Host(1);
        uint cores = (uint)vcpu.Domain.Vcpus.Length;
        uint ebx = (uint)vcpu.Id << 24 | cores << 16 | CacheLineQuadwords << 8;
        uint multithreading = cores > 1 ? Edx1Multithreading : 0;
        uint extended = OffersExtendedStates ? (host.Ecx & Ecx1ExtendedStates) | (vcpu.HasExtendedStates ? Bit.OsXsave : 0) : 0;
        return new Leaf(Signature, ebx, (host.Ecx & Ecx1) | extended | Ecx1Hypervisor, (host.Edx & Edx1) | multithreading);
    }

    private static Leaf StructuredFeatures(uint subleaf)
    {
        Leaf host = Host(7);
        uint more = OffersExtendedStates && host.Eax >= 1 ? Host(7, 1).Eax & Eax7Subleaf1 : 0;
        uint avx2 = OffersExtendedStates ? Ebx7Avx2 : 0;
        uint avx = OffersExtendedStates ? Ecx7Avx : 0;
        return subleaf switch
        {
            0 => new Leaf(more == 0 ? 0u : 1, host.Ebx & (Ebx7 | avx2), host.Ecx & avx, (host.Edx & Edx7) | Edx7ArchCapabilities),
            1 => new Leaf(more, 0, 0, 0),
            _ => default,
        };
    }

    /// <summary>Sizes and places in the image of XSAVE: the standard format alone.</summary>
    private static Leaf ExtendedStates(Vcpu vcpu, uint subleaf)
    {
        const uint WithoutAvx = 576;
        const uint Avx = 2;
        const uint Size = CpuFeatures.ExtendedStateSize;
        bool enabled = vcpu.Cpu.State.Xcr0 == CpuFeatures.ExtendedStates;
        return subleaf switch
        {
            0 => new Leaf((uint)CpuFeatures.ExtendedStates, enabled ? Size : WithoutAvx, Size, 0),
            Avx => new Leaf(Size - WithoutAvx, WithoutAvx, 0, 0),
            _ => default,
        };
    }

    /// <summary>Base, maximum and bus frequency in MHz. Linux believes them, and else asks a PIT that isn't there 100,000 times.</summary>
    private static Leaf Frequencies(Vcpu vcpu)
    {
        const uint BusMegahertz = 100;
        uint megahertz = (uint)((vcpu.Domain.Host.Clock.TscFrequency + 500_000) / 1_000_000);
        return new Leaf(megahertz, megahertz, BusMegahertz, 0);
    }

    private static Leaf ExtendedFeatures()
    {
        Leaf host = Host(0x8000_0001);
        return new Leaf(0, 0, host.Ecx & EcxExtended, EdxExtended);
    }

    /// <summary>The host's caches, each as if one vCPU alone had it, and the number of cores; AMD describes caches in the same form in another leaf.</summary>
    private static Leaf Cache(Vcpu vcpu, uint subleaf)
    {
        const uint SharingMask = 0x03ff_c000;
        const uint CoresMask = 0xfc00_0000;
        const uint LastCache = 15;
        uint cores = (uint)Math.Min(vcpu.Domain.Vcpus.Length, 64) - 1;
        if (subleaf > LastCache)
            return default;
        Leaf host = Host(4, subleaf);
        if ((host.Eax & 0x1f) == 0)
            host = Host(0x8000_001d, subleaf);
        return (host.Eax & 0x1f) == 0 ? default : host with { Eax = (host.Eax & ~(SharingMask | CoresMask)) | cores << 26 };
    }

    private static Leaf Xen(Vcpu vcpu, uint leaf, uint subleaf)
    {
        const uint HostTscIsSafe = 1 << 1;
        const uint PreserveAccessedDirty = 1 << 0;
        uint kilohertz = (uint)(vcpu.Domain.Host.Clock.TscFrequency / 1000);
        return (leaf, subleaf) switch
        {
            (1, _) => new Leaf(XenVersion, 0, 0, 0),
            // One hypercall page, by MSR 0x40000000.
            (2, _) => new Leaf(1, XenBase, PreserveAccessedDirty, 0),
            (3, 0) => new Leaf(HostTscIsSafe, 0, kilohertz, 0),
            (3, 1) => TimeScale(vcpu),
            (3, 2) => new Leaf(kilohertz, 0, 0, 0),
            (5, _) => new Leaf(0, (uint)BitOperations.Log2(Hypervisor.Host.MachineFrames) + MachineMemory.FrameShift, 0, 0),
            _ => default,
        };
    }

    private static Leaf TimeScale(Vcpu vcpu)
    {
        CloudPv.Xen.VcpuTimeInfo time = vcpu.Domain.Host.Clock.TimeInfo;
        ulong offset = unchecked(0 - time.TscTimestamp);
        return new Leaf((uint)offset, (uint)(offset >> 32), time.TscToSystemMul, (uint)time.TscShift);
    }

    private static Leaf BrandPart(int part)
    {
        Span<byte> text = stackalloc byte[48];
        text.Clear();
        Brand.CopyTo(text);
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(text.Slice(part * 16, 16));
        return new Leaf(words[0], words[1], words[2], words[3]);
    }

    /// <summary>A vendor's name goes to EBX, EDX, ECX.</summary>
    private static Leaf Text(ReadOnlySpan<byte> text, uint eax)
    {
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(text);
        return new Leaf(eax, words[0], words[2], words[1]);
    }

    /// <summary>A hypervisor's name goes to EBX, ECX, EDX.</summary>
    private static Leaf Signed(ReadOnlySpan<byte> text, uint eax)
    {
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(text);
        return new Leaf(eax, words[0], words[1], words[2]);
    }

    /// <summary>What the host's CPUID says, asked once: where the host is a virtual machine itself, each takes its hypervisor microseconds.</summary>
    private static Leaf Host(uint index, uint subleaf = 0) => HostLeaves.GetOrAdd((index, subleaf), static key => Ask(key.Index, key.Subleaf));

    private static Leaf Ask(uint index, uint subleaf)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(unchecked((int)index), (int)subleaf);
        return new Leaf((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }

    /// <summary>What CPUID leaves in the four registers.</summary>
    internal readonly record struct Leaf(uint Eax, uint Ebx, uint Ecx, uint Edx);

    /// <summary>Feature bits of leaf 1 ECX.</summary>
    private static class Bit
    {
        public const uint Sse3 = 1 << 0;
        public const uint Pclmulqdq = 1 << 1;
        public const uint Ssse3 = 1 << 9;
        public const uint Fma = 1 << 12;
        public const uint Cmpxchg16b = 1 << 13;
        public const uint Sse41 = 1 << 19;
        public const uint Sse42 = 1 << 20;
        public const uint Movbe = 1 << 22;
        public const uint Popcnt = 1 << 23;
        public const uint Aes = 1 << 25;
        public const uint Xsave = 1 << 26;
        public const uint OsXsave = 1 << 27;
        public const uint Avx = 1 << 28;
        public const uint F16c = 1 << 29;
        public const uint Rdrand = 1 << 30;
    }
}
