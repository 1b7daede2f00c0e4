using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>RDMSR and WRMSR of a PV guest, by Xen 4.17's policy for a domU. What isn't named here is #GP. Numbers: SDM vol. 4.</summary>
internal static class ModelSpecificRegisters
{
    private const uint Tsc = 0x10;
    private const uint PlatformId = 0x17;
    private const uint ApicBase = 0x1b;
    private const uint MicrocodeRevision = 0x8b;
    private const uint PlatformInfo = 0xce;
    private const uint ArchCapabilities = 0x10a;
    private const uint MiscFeaturesEnables = 0x140;
    private const uint McgCap = 0x179;
    private const uint McgStatus = 0x17a;
    private const uint MiscEnable = 0x1a0;
    private const uint Pat = 0x277;
    private const uint PerfCapabilities = 0x345;
    private const uint FirstMcBank = 0x400;
    private const uint LastMcBank = FirstMcBank + 4 * McBanks - 1;
    private const uint McBanks = 2;
    private const uint Efer = 0xc000_0080;
    private const uint FsBase = 0xc000_0100;
    private const uint GsBase = 0xc000_0101;
    private const uint ShadowGsBase = 0xc000_0102;

    /// <summary>Enabled, at its reset address.</summary>
    private const ulong ApicBaseValue = 0xfee0_0800;
    private const ulong ApicBaseBootstrap = 1 << 8;

    /// <summary>SCE, LME, LMA, NXE.</summary>
    private const ulong EferValue = 0xd01;

    /// <summary>Xen's PAT: WB, WT, UC-, UC, WC, WP, UC, UC.</summary>
    private const ulong PatValue = 0x0000_0501_0007_0406;

    /// <summary>Fast strings on; no branch trace store, no PEBS.</summary>
    private const ulong MiscEnableValue = 1 | (1 << 11) | (1 << 12) | (1 << 23);

    /// <summary>RDCL_NO, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO, PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO, FBSDP_NO, PSDP_NO, BHI_NO, PBRSB_NO, GDS_NO, RFDS_NO: see <see cref="CpuidPolicy"/>.</summary>
    internal const ulong ArchCapabilitiesValue =
        (1 << 0) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 8) | (1 << 13) | (1 << 14) | (1 << 15) | (1 << 20) | (1 << 24) | (1 << 26) | (1 << 27);

    /// <summary>MSRs that hypervisors define for themselves.</summary>
    public static bool IsHypervisorRange(uint index) => index >> 16 == 0x4000;

    public static bool TryRead(Vcpu vcpu, uint index, out ulong value)
    {
        value = 0;
        switch (index)
        {
            case Tsc:
                value = TimeStampCounter.Read();
                return true;
            case ApicBase:
                value = ApicBaseValue | (vcpu.Id == 0 ? ApicBaseBootstrap : 0);
                return true;
            case ArchCapabilities:
                value = ArchCapabilitiesValue;
                return true;
            case McgCap:
                value = McBanks;
                return true;
            case MiscEnable:
                value = MiscEnableValue;
                return true;
            case Pat:
                value = PatValue;
                return true;
            case Efer:
                value = EferValue;
                return true;
            case FsBase:
                value = vcpu.Cpu.State.FsBase;
                return true;
            case GsBase:
                value = vcpu.Cpu.State.GsBase;
                return true;
            case ShadowGsBase:
                value = vcpu.OtherGsBase;
                return true;
            case PlatformId or MicrocodeRevision or PlatformInfo or MiscFeaturesEnables or PerfCapabilities or McgStatus:
            case >= FirstMcBank and <= LastMcBank:
                return true;
            default:
                return false;
        }
    }

    public static bool TryWrite(Vcpu vcpu, uint index, ulong value)
    {
        switch (index)
        {
            case Efer:
                return value == EferValue;
            case FsBase when IsCanonical(value):
                vcpu.Cpu.State.FsBase = value;
                return true;
            case GsBase when IsCanonical(value):
                vcpu.Cpu.State.GsBase = value;
                return true;
            case ShadowGsBase when IsCanonical(value):
                vcpu.OtherGsBase = value;
                return true;
            case MicrocodeRevision:
            case MiscFeaturesEnables:
                return value == 0;
            // Refused silently where it would change something: Xen logs it and goes on.
            case MiscEnable:
            case McgStatus:
            case >= FirstMcBank and <= LastMcBank:
                return true;
            default:
                return false;
        }
    }

    internal static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;
}
