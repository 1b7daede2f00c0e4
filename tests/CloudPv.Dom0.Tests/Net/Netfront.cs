using System.Buffers.Binary;
using CloudPv.Dom0.Net;
using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;

namespace CloudPv.Dom0.Tests.Net;

/// <summary>A guest's netfront: both rings, byte by byte as netif.h and ring.h lay them out.</summary>
internal sealed class Netfront : IDisposable
{
    private const int Slots = 256, TxSlot = 12, RxSlot = 8, FirstSlot = 64;
    private const int ReqProd = 0, ReqEvent = 4, RspProd = 8, RspEvent = 12;

    private readonly XenStore _store = new();
    private readonly byte[] _tx;
    private readonly byte[] _rx;
    private readonly Dictionary<ushort, Mfn> _offered = [];
    private readonly SemaphoreSlim _txEvents = new(0);
    private readonly SemaphoreSlim _rxEvents = new(0);
    private readonly EventPort _txPort;
    private readonly EventPort _rxPort;
    private IDisposable? _connection;
    private uint _txProduced;
    private uint _txConsumed;
    private uint _rxConsumed;

    public Netfront()
    {
        Store = new LocalStore(_store);
        Nodes = new DeviceNodes(Store, Guest.Id, "vif", "0");
        Device = new NetDevice(0, Packet.A, Link, Log.Add);
        Mfn tx = Guest.AllocateFrame(), rx = Guest.AllocateFrame();
        (_tx, _rx) = (Guest.Bytes(tx), Guest.Bytes(rx));
        Set(_tx, RspEvent, 1);
        Set(_rx, RspEvent, 1);
        _txPort = Guest.AllocatePort(() => _txEvents.Release());
        _rxPort = Guest.AllocatePort(() => _rxEvents.Release());
        Write("tx-ring-ref", Guest.Grant(tx).Value);
        Write("rx-ring-ref", Guest.Grant(rx).Value);
        Write("event-channel-tx", _txPort.Value);
        Write("event-channel-rx", _rxPort.Value);
        Write("request-rx-copy", 1);
        Write("feature-rx-notify", 1);
    }

    public FakeGuest Guest { get; } = new();
    public LocalStore Store { get; }
    public DeviceNodes Nodes { get; }
    public NetDevice Device { get; }
    public RecordingLink Link { get; } = new();
    public List<string> Log { get; } = [];

    public void Write(string key, uint value) => Store.Write($"{Nodes.FrontendPath}/{key}", value);

    public string? TryConnect()
    {
        _connection = Device.Connect(Guest, Nodes, out var refusal);
        return refusal;
    }

    public Netfront Connected(params string[] features)
    {
        foreach (var feature in features)
            Write(feature, 1);
        TryConnect().ShouldBeNull();
        return this;
    }

    public void Disconnect() => _connection?.Dispose();

    /// <summary>A granted page with these bytes at an offset.</summary>
    public GrantRef Page(byte[] content, int offset = 0)
    {
        var frame = Guest.AllocateFrame();
        content.CopyTo(Guest.Frame(frame)[offset..]);
        return Guest.Grant(frame, readOnly: true);
    }

    public void PutTx(GrantRef page, int offset, ushort flags, ushort id, int size)
    {
        var slot = TxSlotAt(_txProduced++);
        BinaryPrimitives.WriteUInt32LittleEndian(slot, page.Value);
        BinaryPrimitives.WriteUInt16LittleEndian(slot[4..], (ushort)offset);
        BinaryPrimitives.WriteUInt16LittleEndian(slot[6..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(slot[8..], id);
        BinaryPrimitives.WriteUInt16LittleEndian(slot[10..], (ushort)size);
    }

    public void PutTxExtra(params byte[] extra)
    {
        extra.CopyTo(TxSlotAt(_txProduced++));
    }

    public void ClaimTx(uint producer) => _txProduced = producer;

    /// <summary>Shows the backend all slots put so far, at once, and notifies it.</summary>
    public void KickTx(EventPort? port = null)
    {
        Set(_tx, ReqProd, _txProduced);
        Guest.Notify(port ?? _txPort);
    }

    public void KickRx() => Guest.Notify(_rxPort);

    /// <summary>The next response: its id and status.</summary>
    public (ushort Id, short Status) TakeTx()
    {
        WaitFor(_tx, _txConsumed + 1, _txEvents);
        var slot = TxSlotAt(_txConsumed++);
        Set(_tx, RspEvent, _txConsumed + 1);
        return (BinaryPrimitives.ReadUInt16LittleEndian(slot), BinaryPrimitives.ReadInt16LittleEndian(slot[2..]));
    }

    public void Offer(int pages, bool kick = true)
    {
        for (var i = 0; i < pages; i++)
        {
            var producer = Get(_rx, ReqProd);
            var frame = Guest.AllocateFrame();
            OfferGrant(Guest.Grant(frame), (ushort)(1000 + producer));
            _offered[(ushort)(1000 + producer)] = frame;
        }

        if (kick)
            KickRx();
    }

    public void OfferGrant(GrantRef grant, ushort id)
    {
        var slot = RxSlotAt(Get(_rx, ReqProd));
        BinaryPrimitives.WriteUInt16LittleEndian(slot, id);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[4..], grant.Value);
        Set(_rx, ReqProd, Get(_rx, ReqProd) + 1);
    }

    /// <summary>The next response's slot as it is.</summary>
    public byte[] TakeRxSlot()
    {
        WaitFor(_rx, _rxConsumed + 1, _rxEvents);
        var slot = RxSlotAt(_rxConsumed++).ToArray();
        Set(_rx, RspEvent, _rxConsumed + 1);
        return slot;
    }

    /// <summary>The next packet, of as many pages as it says, with the first one's flags and the extra info.</summary>
    public (byte[] Bytes, ushort Flags, byte[]? Extra) TakeRx()
    {
        var bytes = new List<byte>();
        ushort? first = null;
        byte[]? extra = null;
        ushort flags;
        do
        {
            var slot = TakeRxSlot();
            flags = BinaryPrimitives.ReadUInt16LittleEndian(slot.AsSpan(4));
            var status = BinaryPrimitives.ReadInt16LittleEndian(slot.AsSpan(6));
            status.ShouldBeGreaterThan((short)0);
            var offset = BinaryPrimitives.ReadUInt16LittleEndian(slot.AsSpan(2));
            bytes.AddRange(Guest.Frame(_offered[BinaryPrimitives.ReadUInt16LittleEndian(slot)]).Slice(offset, status));
            if (first is null && (flags & 8) != 0)
                extra = TakeRxSlot();
            first ??= flags;
        }
        while ((flags & 4) != 0);
        return ([.. bytes], first.Value, extra);
    }

    public uint RxResponses => Get(_rx, RspProd);

    public void Dispose()
    {
        Disconnect();
        Device.Dispose();
        Store.Dispose();
        _txEvents.Dispose();
        _rxEvents.Dispose();
    }

    private static void WaitFor(byte[] ring, uint producer, SemaphoreSlim events)
    {
        while ((int)(Get(ring, RspProd) - producer) < 0)
            events.Wait(TimeSpan.FromSeconds(20)).ShouldBeTrue("the backend did not notify");
    }

    private Span<byte> TxSlotAt(uint index) => _tx.AsSpan(FirstSlot + ((int)(index % Slots) * TxSlot), TxSlot);

    private Span<byte> RxSlotAt(uint index) => _rx.AsSpan(FirstSlot + ((int)(index % Slots) * RxSlot), RxSlot);

    private static uint Get(byte[] ring, int field) => Volatile.Read(ref System.Runtime.CompilerServices.Unsafe.As<byte, uint>(ref ring[field]));

    private static void Set(byte[] ring, int field, uint value)
    {
        Volatile.Write(ref System.Runtime.CompilerServices.Unsafe.As<byte, uint>(ref ring[field]), value);
        Interlocked.MemoryBarrier();
    }
}
