namespace CloudPv.X86;

/// <summary>
/// Enters translated code by a CPU's own stub, and has the context say meanwhile that it runs (<see cref="ContextLayout.InCode"/>). It stands apart from the stubs, so that
/// these and all translations are the same with a profile and without.
/// </summary>
internal static unsafe class MarkedEntry
{
    /// <summary>(context, host address, <see cref="Stubs.Enter"/>) → why it left.</summary>
    public static delegate* unmanaged<CpuContext*, byte*, void*, LeaveReason> Enter { get; } = Emit();

    private static delegate* unmanaged<CpuContext*, byte*, void*, LeaveReason> Emit()
    {
        var start = HostSystem.MapAnonymousPages(MachineMemory.FrameSize, HostSystem.ProtRead | HostSystem.ProtWrite | HostSystem.ProtExecute);
        var code = new HostAssembler { Cursor = start };
        Mark(code, 1);
        code.Byte(0x57); // push rdi, which aligns the stack too
        code.Bytes([0xff, 0xd2]); // call rdx
        code.Byte(0x5f); // pop rdi
        Mark(code, 0);
        code.Return();
        return (delegate* unmanaged<CpuContext*, byte*, void*, LeaveReason>)start;
    }

    /// <summary>MOV dword [rdi + InCode], value.</summary>
    private static void Mark(HostAssembler code, int value)
    {
        code.Bytes([0xc7, 0x87]);
        code.Int32(ContextLayout.InCode);
        code.Int32(value);
    }
}
