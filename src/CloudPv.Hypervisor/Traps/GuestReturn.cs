using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>The way back to the guest where the selectors are its own choice and may be bad.</summary>
internal static class GuestReturn
{
    /// <summary>
    /// What IRET, by which Xen goes back, checks of CS and SS (SDM vol. 2). A bad one raises the fault at the target, in the target's mode. A code segment that isn't of
    /// 64-bit mode counts as bad: this CPU has no compatibility mode.
    /// </summary>
    public static void CheckSelectors(Vcpu vcpu)
    {
        vcpu.ReturnsToUncheckedSelectors = false;
        int version = vcpu.Domain.DescriptorVersion;
        ref CpuState state = ref vcpu.Cpu.State;
        byte? fault = FaultOfCode(vcpu, state.Cs);
        ushort selector = state.Cs;
        if (fault is null)
        {
            fault = FaultOfStack(vcpu, state.Ss);
            selector = state.Ss;
        }
        if (fault is { } vector)
            TrapDelivery.InjectException(vcpu, vector, SegmentDescriptor.IsNull(selector) ? 0 : selector & ~3u);
        else if (vcpu.Cpu.Mode == CpuMode.User)
            vcpu.TrustUserSelectors(state.Cs, state.Ss, version);
    }

    /// <summary>
    /// Loads DS, ES, FS and GS of a vCPU that is to run for the first time (load_segments). One that can't be loaded becomes null, and the guest is told by its failsafe
    /// callback, wherever that is: Xen doesn't look whether one is registered.
    /// </summary>
    public static void LoadSegments(Vcpu vcpu)
    {
        vcpu.HasSegmentsToLoad = false;
        ref CpuState state = ref vcpu.Cpu.State;
        ReadOnlySpan<ulong> selectors = [state.Ds, state.Es, state.Fs, state.Gs];
        bool loaded = TryLoad(vcpu, ref state.Ds) & TryLoad(vcpu, ref state.Es) & TryLoad(vcpu, ref state.Fs) & TryLoad(vcpu, ref state.Gs);
        if (!loaded)
            TrapDelivery.EnterFailsafe(vcpu, selectors);
    }

    private static bool TryLoad(Vcpu vcpu, ref ushort selector)
    {
        if (SegmentDescriptor.IsNull(selector) || (vcpu.Descriptors.TryRead(selector, out ulong descriptor) && SegmentDescriptor.IsLoadableData(descriptor)))
            return true;
        selector = 0;
        return false;
    }

    private static byte? FaultOfCode(Vcpu vcpu, ushort selector)
    {
        if (SegmentDescriptor.IsNull(selector) || !vcpu.Descriptors.TryRead(selector, out ulong descriptor) || !SegmentDescriptor.IsLongCode(descriptor))
            return ExceptionVector.GeneralProtection;
        return SegmentDescriptor.IsPresent(descriptor) ? null : ExceptionVector.SegmentNotPresent;
    }

    private static byte? FaultOfStack(Vcpu vcpu, ushort selector)
    {
        if (SegmentDescriptor.IsNull(selector) || !vcpu.Descriptors.TryRead(selector, out ulong descriptor) || !SegmentDescriptor.IsWritableData(descriptor))
            return ExceptionVector.GeneralProtection;
        return SegmentDescriptor.IsPresent(descriptor) ? null : ExceptionVector.StackFault;
    }
}
