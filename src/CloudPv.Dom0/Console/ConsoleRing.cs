using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CloudPv.Hypervisor;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Console;

/// <summary>Dom0's side of the two byte rings in a guest's console page. Each of the guest's indexes is read once and checked.</summary>
internal sealed class ConsoleRing(GuestPage page)
{
    private ref XenconsInterface Shared => ref MemoryMarshal.AsRef<XenconsInterface>(page.Bytes[..Unsafe.SizeOf<XenconsInterface>()]);

    /// <summary>Takes what the guest printed, as much as fits; 0 where there is nothing. An impossible index makes the output so far lost, as in xenconsoled.</summary>
    public int Read(Span<byte> destination)
    {
        ref XenconsInterface shared = ref Shared;
        uint consumer = shared.OutCons, producer = Volatile.Read(ref shared.OutProd);
        uint available = producer - consumer;
        if (available > XenconsOut.Size)
        {
            Volatile.Write(ref shared.OutCons, producer);
            return 0;
        }
        int length = (int)Math.Min(available, (uint)destination.Length);
        Span<byte> ring = shared.Out;
        int start = (int)(consumer % XenconsOut.Size), first = Math.Min(length, XenconsOut.Size - start);
        ring.Slice(start, first).CopyTo(destination);
        ring[..(length - first)].CopyTo(destination[first..]);
        Volatile.Write(ref shared.OutCons, consumer + (uint)length);
        return length;
    }

    /// <summary>Gives the guest as much input as there is room for; how much that was.</summary>
    public int Write(ReadOnlySpan<byte> source)
    {
        ref XenconsInterface shared = ref Shared;
        uint producer = shared.InProd, used = producer - Volatile.Read(ref shared.InCons);
        if (used > XenconsIn.Size)
            return 0;
        int length = (int)Math.Min(XenconsIn.Size - used, (uint)source.Length);
        Span<byte> ring = shared.In;
        int start = (int)(producer % XenconsIn.Size), first = Math.Min(length, XenconsIn.Size - start);
        source[..first].CopyTo(ring[start..]);
        source[first..length].CopyTo(ring);
        Volatile.Write(ref shared.InProd, producer + (uint)length);
        return length;
    }
}
