using System.Buffers.Binary;
using System.Globalization;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Fakes;

/// <summary>A guest's block driver: lays its requests into the ring as the header has it for its ABI.</summary>
internal sealed class BlockFrontend : IDisposable
{
    private readonly SemaphoreSlim _event = new(0);
    private readonly bool _is32;
    private readonly Mfn[] _ring;
    private readonly Mfn[] _data;
    private readonly GrantRef[] _grants;
    private readonly Mfn _indirect;
    private readonly GrantRef _indirectGrant;
    private ulong _lastId = 0x1234_5678_0000_0000;
    private uint _responses;

    public BlockFrontend(FakeGuest guest, bool is32 = false, int order = 0, int dataPages = 256)
    {
        Guest = guest;
        _is32 = is32;
        _ring = [.. Enumerable.Range(0, 1 << order).Select(_ => guest.AllocateFrame())];
        _data = [.. Enumerable.Range(0, dataPages).Select(_ => guest.AllocateFrame())];
        _grants = [.. _data.Select(frame => guest.Grant(frame))];
        _indirect = guest.AllocateFrame();
        _indirectGrant = guest.Grant(_indirect);
        RingGrants = [.. _ring.Select(frame => guest.Grant(frame))];
        Port = guest.AllocatePort(() => _event.Release());
        SlotSize = is32 ? 108 : 112;
        int fit = ((_ring.Length * 4096) - 64) / SlotSize;
        while (Slots * 2 <= fit)
            Slots *= 2;
        Set(0, 4, 1);
        Set(0, 12, 1);
    }

    public FakeGuest Guest { get; }
    public GrantRef[] RingGrants { get; }
    public EventPort Port { get; }
    public int SlotSize { get; }
    public int Slots { get; } = 1;

    public Span<byte> Page(int index) => Guest.Frame(_data[index]);

    public GrantRef Grant(int index) => _grants[index];

    /// <summary>What a frontend writes before it is Initialised.</summary>
    public void Publish(LocalStore store, string path, bool isPersistent = false)
    {
        if (RingGrants.Length == 1)
        {
            store.Write($"{path}/ring-ref", RingGrants[0].Value);
        }
        else
        {
            store.Write($"{path}/ring-page-order", int.Log2(RingGrants.Length));
            for (int i = 0; i < RingGrants.Length; i++)
                store.Write($"{path}/ring-ref{i}", RingGrants[i].Value);
        }
        store.Write($"{path}/event-channel", Port.Value);
        store.Write($"{path}/protocol", _is32 ? "x86_32-abi" : "x86_64-abi");
        store.Write($"{path}/feature-persistent", isPersistent ? "1" : "0");
        store.Write($"{path}/state", ((int)XenbusState.Initialised).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A request over whole pages, direct up to eleven and indirect above.</summary>
    public byte[] Transfer(BlkifOperation operation, ulong sector, int firstPage, int pages) =>
        Request(operation, sector, [.. Enumerable.Range(firstPage, pages).Select(i => (_grants[i], (byte)0, (byte)7))]);

    public byte[] Request(BlkifOperation operation, ulong sector, params (GrantRef Reference, byte First, byte Last)[] segments)
    {
        byte[] slot = new byte[SlotSize];
        int shift = _is32 ? -4 : 0;
        BinaryPrimitives.WriteUInt64LittleEndian(slot.AsSpan(8 + shift), ++_lastId);
        BinaryPrimitives.WriteUInt64LittleEndian(slot.AsSpan(16 + shift), sector);
        if (segments.Length <= 11)
        {
            slot[0] = (byte)operation;
            slot[1] = (byte)segments.Length;
            for (int i = 0; i < segments.Length; i++)
                WriteSegment(slot.AsSpan(24 + shift + (i * 8)), segments[i]);
            return slot;
        }
        slot[0] = (byte)BlkifOperation.Indirect;
        slot[1] = (byte)operation;
        BinaryPrimitives.WriteUInt16LittleEndian(slot.AsSpan(2), (ushort)segments.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(slot.AsSpan(28 + shift), _indirectGrant.Value);
        for (int i = 0; i < Math.Min(segments.Length, 512); i++)
            WriteSegment(Guest.Frame(_indirect)[(i * 8)..], segments[i]);
        return slot;
    }

    public byte[] Discard(ulong sector, ulong sectors)
    {
        byte[] slot = Request(BlkifOperation.Discard, sector);
        BinaryPrimitives.WriteUInt64LittleEndian(slot.AsSpan(_is32 ? 20 : 24), sectors);
        return slot;
    }

    public ulong IdOf(byte[] slot) => BinaryPrimitives.ReadUInt64LittleEndian(slot.AsSpan(_is32 ? 4 : 8));

    /// <summary>Puts requests on the ring and notifies once.</summary>
    public void Push(params byte[][] requests)
    {
        uint producer = Get(0, 0);
        foreach (byte[] request in requests)
        {
            int offset = 64 + ((int)(producer++ & (uint)(Slots - 1)) * SlotSize);
            foreach (byte one in request)
                Guest.Frame(_ring[offset / 4096])[offset++ % 4096] = one;
        }
        SetProducer(producer);
    }

    public void SetProducer(uint producer)
    {
        Set(0, 0, producer);
        Guest.Notify(Port);
    }

    /// <summary>The next response: id, operation, status.</summary>
    public (ulong Id, BlkifOperation Operation, BlkifStatus Status) NextResponse()
    {
        while (Get(0, 8) == _responses)
        {
            Set(0, 12, _responses + 1);
            if (Get(0, 8) == _responses)
                _event.Wait(TimeSpan.FromSeconds(20)).ShouldBeTrue("the backend did not respond");
        }
        int offset = 64 + ((int)(_responses++ & (uint)(Slots - 1)) * SlotSize);
        byte[] response = new byte[12];
        for (int i = 0; i < response.Length; i++, offset++)
            response[i] = Guest.Frame(_ring[offset / 4096])[offset % 4096];
        return (BinaryPrimitives.ReadUInt64LittleEndian(response), (BlkifOperation)response[8], (BlkifStatus)BinaryPrimitives.ReadInt16LittleEndian(response.AsSpan(10)));
    }

    /// <summary>One request and its status.</summary>
    public BlkifStatus Do(byte[] request)
    {
        Push(request);
        (ulong id, _, BlkifStatus status) = NextResponse();
        id.ShouldBe(IdOf(request));
        return status;
    }

    public void Dispose() => _event.Dispose();

    public uint ResponsesPublished => Get(0, 8);

    private static void WriteSegment(Span<byte> wire, (GrantRef Reference, byte First, byte Last) segment)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(wire, segment.Reference.Value);
        wire[4] = segment.First;
        wire[5] = segment.Last;
    }

    private uint Get(int page, int offset) => Volatile.Read(ref System.Runtime.CompilerServices.Unsafe.As<byte, uint>(ref Guest.Bytes(_ring[page])[offset]));

    private void Set(int page, int offset, uint value)
    {
        Volatile.Write(ref System.Runtime.CompilerServices.Unsafe.As<byte, uint>(ref Guest.Bytes(_ring[page])[offset]), value);
        Interlocked.MemoryBarrier();
    }
}
