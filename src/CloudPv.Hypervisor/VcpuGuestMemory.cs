using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Guest memory at linear addresses, read and written with the guest's own rights (copy_from_guest, copy_to_guest). False is the caller's -EFAULT.</summary>
internal sealed partial class Vcpu
{
    public bool TryRead<T>(GuestVirtual address, out T value) where T : unmanaged
    {
        Unsafe.SkipInit(out value);
        return Cpu.TryRead(address.Value, MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref value, 1)), out _);
    }

    public bool TryWrite<T>(GuestVirtual address, in T value) where T : unmanaged =>
        Cpu.TryWrite(address.Value, MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(in value, 1)), out _);

    public bool TryRead<T>(GuestVirtual address, Span<T> values) where T : unmanaged =>
        Cpu.TryRead(address.Value, MemoryMarshal.AsBytes(values), out _);

    public bool TryWrite<T>(GuestVirtual address, ReadOnlySpan<T> values) where T : unmanaged =>
        Cpu.TryWrite(address.Value, MemoryMarshal.AsBytes(values), out _);
}
