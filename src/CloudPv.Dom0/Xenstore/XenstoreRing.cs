using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CloudPv.Hypervisor;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Xenstore;

/// <summary>Dom0's side of the two byte rings in a guest's xenstore page. Each of the guest's indexes is read once and checked.</summary>
internal sealed class XenstoreRing(GuestPage page)
{
    private const uint Size = XenstoreRingBytes.Size, Mask = Size - 1;

    private ref XenstoreInterface Shared => ref MemoryMarshal.AsRef<XenstoreInterface>(page.Bytes[..Unsafe.SizeOf<XenstoreInterface>()]);

    public void OfferFeatures() => Shared.ServerFeatures = XenstoreServerFeatures.Reconnection | XenstoreServerFeatures.Error;

    public bool WantsReconnect => Volatile.Read(ref Unsafe.As<XenstoreConnectionState, uint>(ref Shared.Connection)) == (uint)XenstoreConnectionState.Reconnect;

    /// <summary>Empties both rings and tells the guest that it may begin anew.</summary>
    public void Reset()
    {
        ref XenstoreInterface shared = ref Shared;
        shared.ReqCons = shared.ReqProd = shared.RspCons = shared.RspProd = 0;
        shared.Error = XenstoreRingError.None;
        Volatile.Write(ref Unsafe.As<XenstoreConnectionState, uint>(ref shared.Connection), (uint)XenstoreConnectionState.Connected);
    }

    public void SetError(XenstoreRingError error) => Shared.Error = error;

    /// <summary>Takes request bytes; their number, or -1 where the guest's index is impossible.</summary>
    public int Read(Span<byte> destination)
    {
        ref XenstoreInterface shared = ref Shared;
        uint consumer = shared.ReqCons;
        uint available = Volatile.Read(ref shared.ReqProd) - consumer;
        if (available > Size)
            return -1;
        int length = (int)Math.Min(available, (uint)destination.Length);
        Span<byte> ring = shared.Requests;
        int first = Math.Min(length, (int)(Size - (consumer & Mask)));
        ring.Slice((int)(consumer & Mask), first).CopyTo(destination);
        ring[..(length - first)].CopyTo(destination[first..]);
        Volatile.Write(ref shared.ReqCons, consumer + (uint)length);
        return length;
    }

    /// <summary>Puts as many response bytes as there is room for; their number, or -1 where the guest's index is impossible.</summary>
    public int Write(ReadOnlySpan<byte> source)
    {
        ref XenstoreInterface shared = ref Shared;
        uint producer = shared.RspProd;
        uint used = producer - Volatile.Read(ref shared.RspCons);
        if (used > Size)
            return -1;
        int length = (int)Math.Min(Size - used, (uint)source.Length);
        Span<byte> ring = shared.Responses;
        int first = Math.Min(length, (int)(Size - (producer & Mask)));
        source[..first].CopyTo(ring[(int)(producer & Mask)..]);
        source[first..length].CopyTo(ring);
        Volatile.Write(ref shared.RspProd, producer + (uint)length);
        return length;
    }
}
