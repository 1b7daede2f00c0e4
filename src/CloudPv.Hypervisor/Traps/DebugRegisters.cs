using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>DR0 to DR7 as a PV guest sees them (HYPERVISOR_set_debugreg, MOV DR). I/O breakpoints are kept for the guest; they don't fire.</summary>
internal sealed class DebugRegisters(Cpu cpu)
{
    private const ulong Dr6Ones = 0xffff_0ff0;
    private const ulong Dr6Zeros = 1 << 12;
    private const ulong Dr7Ones = 1 << 10;
    private const ulong Dr7Zeros = 0xd800;
    private const ulong Dr7GeneralDetect = 1 << 13;
    private const ulong Cr4DebugExtensions = 1 << 3;

    private readonly ulong[] _registers = [0, 0, 0, 0, 0, 0, Dr6Ones, Dr7Ones];

    /// <summary>False: no such register, which is #UD for MOV DR and -ENODEV for the hypercall.</summary>
    public bool TryGet(int register, ulong cr4, out ulong value)
    {
        value = 0;
        if (!TryResolve(ref register, cr4))
            return false;
        value = _registers[register];
        return true;
    }

    /// <summary>0, or -ENODEV (#UD), -EINVAL or -EPERM (#GP).</summary>
    public long Set(int register, ulong value, ulong cr4)
    {
        if (!TryResolve(ref register, cr4))
            return XenErrno.ENODEV;
        switch (register)
        {
            case 6:
                if (value > uint.MaxValue)
                    return XenErrno.EINVAL;
                value = (value & ~Dr6Zeros) | Dr6Ones;
                break;
            case 7:
                if (value > uint.MaxValue)
                    return XenErrno.EINVAL;
                value = (value & ~Dr7Zeros) | Dr7Ones;
                if ((value & Dr7GeneralDetect) != 0 || (HasIoBreakpoint(value) && (cr4 & Cr4DebugExtensions) == 0))
                    return XenErrno.EPERM;
                break;
            default:
                if (HypervisorRange.Contains(value))
                    return XenErrno.EPERM;
                break;
        }
        _registers[register] = value;
        if (register != 6)
            SetBreakpoints();
        return 0;
    }

    /// <summary>DR6.BS.</summary>
    public const uint SingleStep = 1 << 14;

    /// <summary>Adds causes to DR6, as the CPU does when it raises #DB.</summary>
    public void Raise(ulong dr6) => _registers[6] |= dr6;

    /// <summary>Tells the CPU of the breakpoints that DR7 enables, for the task (L) or for all (G).</summary>
    private void SetBreakpoints()
    {
        const int FirstControl = 16, ControlBits = 4;
        Span<Breakpoint> breakpoints = stackalloc Breakpoint[4];
        int count = 0;
        ulong dr7 = _registers[7];
        for (int index = 0; index < 4; index++)
        {
            ulong control = dr7 >> (FirstControl + index * ControlBits);
            var kind = (BreakpointKind)(control & 3);
            if ((dr7 >> (index * 2) & 3) == 0 || !Enum.IsDefined(kind))
                continue;
            int length = (control >> 2 & 3) switch { 0 => 1, 1 => 2, 2 => 8, _ => 4 };
            ulong address = kind == BreakpointKind.Execute ? _registers[index] : _registers[index] & ~(ulong)(length - 1);
            breakpoints[count++] = new Breakpoint(index, kind, address, length);
        }
        cpu.SetBreakpoints(breakpoints[..count]);
    }

    /// <summary>Whether one of the four is for I/O, where any is enabled at all.</summary>
    private static bool HasIoBreakpoint(ulong dr7)
    {
        const ulong EnableBits = 0xff;
        const int FirstControl = 16, ControlBits = 4, Io = 2;
        for (int index = 0; index < 4 && (dr7 & EnableBits) != 0; index++)
        {
            if ((dr7 >> (FirstControl + index * ControlBits) & 3) == Io)
                return true;
        }
        return false;
    }

    /// <summary>DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE takes them away.</summary>
    private static bool TryResolve(ref int register, ulong cr4)
    {
        if (register is < 0 or > 7)
            return false;
        if (register is not (4 or 5))
            return true;
        register += 2;
        return (cr4 & Cr4DebugExtensions) == 0;
    }
}
