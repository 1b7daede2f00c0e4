using System.Runtime.InteropServices;

namespace CloudPv.Xen;

/// <summary>CALLBACKOP_*: xen/include/public/callback.h.</summary>
public enum CallbackOpCommand : uint
{
    Register = 0,
    Unregister = 1,
}

/// <summary>CALLBACKTYPE_*: xen/include/public/callback.h.</summary>
public enum CallbackType : ushort
{
    Event = 0,
    Failsafe = 1,
    Syscall = 2,
    Nmi = 4,
    Sysenter = 5,
    Syscall32 = 7,
}

/// <summary>struct callback_register of a 64-bit guest: xen/include/public/callback.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct CallbackRegister
{
    /// <summary>CALLBACKF_mask_events: the callback is entered with upcalls masked.</summary>
    public const ushort MaskEvents = 1 << 0;

    [FieldOffset(0)] public CallbackType Type;
    [FieldOffset(2)] public ushort Flags;
    [FieldOffset(8)] public ulong Address;
}

/// <summary>struct callback_unregister: xen/include/public/callback.h.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4)]
public struct CallbackUnregister
{
    [FieldOffset(0)] public CallbackType Type;
}
