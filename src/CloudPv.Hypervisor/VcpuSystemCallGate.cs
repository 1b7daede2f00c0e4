using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>
/// When the CPU may take the guest's system calls, and HYPERVISOR_iret, without coming back here: each that does come back opens the gate if nothing speaks against it,
/// and what does closes it.
/// </summary>
internal sealed unsafe partial class Vcpu
{
    /// <summary>On this vCPU's own thread.</summary>
    public void OpenSystemCallGate()
    {
        if (SyscallCallback.Address == 0 || UserRoot.Value == 0 || NmiMasked)
            return;
        ref CloudPv.X86.SystemCallGate gate = ref Cpu.Gate;
        gate.Handler = SyscallCallback.Address;
        gate.EntryMask = SyscallCallback.MasksUpcalls ? 1u : 0;
        gate.UpcallFlags = &_info->EvtchnUpcallPending;
        gate.Open = 1;

        // Whoever asks for frames with an IOPL closes the gate then, which may have been before this.
        Interlocked.MemoryBarrier();
        if (Domain.HasAssist(VmAssistType.ArchitecturalIopl))
            CloseSystemCallGate();
    }

    /// <summary>From any thread; a system call that is under way passes.</summary>
    public void CloseSystemCallGate() => Volatile.Write(ref Cpu.Gate.Open, 0);

    /// <summary>Lets user code with these selectors, just found good, return without a look until a descriptor changes.</summary>
    /// <param name="version"><see cref="Domain.DescriptorVersion"/> before they were looked at.</param>
    public void TrustUserSelectors(ushort code, ushort stack, int version)
    {
        const int LocalTable = 1 << 2;
        if (((code | stack) & LocalTable) != 0 || (code & 3) != 3)
            return;
        Cpu.Gate.UserSelectors = code | ((uint)stack << 16);
        Interlocked.MemoryBarrier();
        if (version != Domain.DescriptorVersion)
            DistrustUserSelectors();
    }

    /// <summary>From any thread.</summary>
    public void DistrustUserSelectors() => Volatile.Write(ref Cpu.Gate.UserSelectors, 0);
}
