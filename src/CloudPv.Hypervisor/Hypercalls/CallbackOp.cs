using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>HYPERVISOR_callback_op and the older HYPERVISOR_set_callbacks: xen/include/public/callback.h.</summary>
internal static class CallbackOp
{
    public static long Handle(Vcpu vcpu, in HypercallArguments arguments)
    {
        var address = new GuestVirtual(arguments.Arg2);
        switch ((CallbackOpCommand)arguments.Arg1)
        {
            case CallbackOpCommand.Register:
                return vcpu.TryRead(address, out CallbackRegister register) ? Register(vcpu, register) : XenErrno.EFAULT;
            case CallbackOpCommand.Unregister:
                return vcpu.TryRead(address, out CallbackUnregister unregister) ? Unregister(vcpu, unregister) : XenErrno.EFAULT;
            default:
                return XenErrno.ENOSYS;
        }
    }

    /// <summary>set_callbacks(event, failsafe, syscall).</summary>
    public static long HandleSetCallbacks(Vcpu vcpu, in HypercallArguments arguments)
    {
        Register(vcpu, new CallbackRegister { Type = CallbackType.Event, Address = arguments.Arg1 });
        Register(vcpu, new CallbackRegister { Type = CallbackType.Failsafe, Address = arguments.Arg2 });
        Register(vcpu, new CallbackRegister { Type = CallbackType.Syscall, Address = arguments.Arg3 });
        return 0;
    }

    private static long Register(Vcpu vcpu, in CallbackRegister register)
    {
        if (!ModelSpecificRegisters.IsCanonical(register.Address))
            return XenErrno.EINVAL;
        var callback = new Callback(register.Address, (register.Flags & CallbackRegister.MaskEvents) != 0);
        switch (register.Type)
        {
            case CallbackType.Event:
                vcpu.EventCallback = callback with { MasksUpcalls = true };
                return 0;
            case CallbackType.Failsafe:
                vcpu.FailsafeCallback = callback;
                return 0;
            case CallbackType.Syscall:
                vcpu.SyscallCallback = callback;
                return 0;
            case CallbackType.Syscall32:
                vcpu.Syscall32Callback = callback;
                return 0;
            case CallbackType.Sysenter:
                vcpu.SysenterCallback = callback;
                return 0;
            case CallbackType.Nmi:
                const byte MasksUpcalls = 4;
                vcpu.Traps[ExceptionVector.Nmi] =
                    new TrapInfo { Vector = ExceptionVector.Nmi, Flags = MasksUpcalls, Cs = FlatSelectors.Code64, Address = register.Address };
                return 0;
            default:
                return XenErrno.ENOSYS;
        }
    }

    private static long Unregister(Vcpu vcpu, in CallbackUnregister unregister)
    {
        switch (unregister.Type)
        {
            case CallbackType.Event or CallbackType.Failsafe or CallbackType.Syscall or CallbackType.Syscall32 or CallbackType.Sysenter:
                return XenErrno.EINVAL;
            case CallbackType.Nmi:
                vcpu.Traps[ExceptionVector.Nmi] = default;
                return 0;
            default:
                return XenErrno.ENOSYS;
        }
    }
}
