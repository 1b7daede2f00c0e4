using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Fakes;

/// <summary>A guest's xenbus driver: speaks the wire protocol over the ring page, byte by byte as the header lays it out.</summary>
internal sealed class StoreFrontend : IDisposable
{
    private const int Requests = 0, Responses = 1024, ReqCons = 2048, ReqProd = 2052, RspCons = 2056, RspProd = 2060, Connection = 2068, Error = 2072;

    private readonly SemaphoreSlim _event = new(0);
    private readonly Queue<string[]> _watchEvents = [];
    private readonly byte[] _page;
    private uint _lastRequest;

    public StoreFrontend(XenStore store, FakeGuest guest)
    {
        Guest = guest;
        Mfn frame = guest.AllocateFrame();
        _page = guest.Bytes(frame);
        Port = guest.AllocatePort(() => _event.Release());
        Server = new(store, guest, frame, Port);
    }

    public FakeGuest Guest { get; }
    public EventPort Port { get; }
    public GuestStoreConnection Server { get; }

    public uint ErrorField => Get(Error);

    public uint ServerFeatures => Get(2064);

    public void SetRequestProducer(uint value) => Set(ReqProd, value);

    public uint ConnectionField
    {
        get => Get(Connection);
        set => Set(Connection, value);
    }

    /// <summary>Sends a request of NUL-separated parts and gives the answer as text, NULs as |.</summary>
    public string Ask(XsMessageType type, string payload, uint transaction = 0)
    {
        uint id = ++_lastRequest;
        Send(type, id, transaction, Encoding.Latin1.GetBytes(payload.Replace('|', '\0')));
        while (true)
        {
            (XsHeader header, byte[] body) = Receive();
            if (header.Type == XsMessageType.WatchEvent)
            {
                _watchEvents.Enqueue(Encoding.Latin1.GetString(body).TrimEnd('\0').Split('\0'));
                continue;
            }
            header.RequestId.ShouldBe(id);
            header.TransactionId.ShouldBe(transaction);
            string text = Encoding.Latin1.GetString(body).Replace('\0', '|');
            header.Type.ShouldBeOneOf(type, XsMessageType.Error);
            return header.Type == XsMessageType.Error ? "!" + text.TrimEnd('|') : text;
        }
    }

    /// <summary>The next watch event as "path token".</summary>
    public string NextEvent()
    {
        if (!_watchEvents.TryDequeue(out string[]? next))
        {
            (XsHeader header, byte[] body) = Receive();
            header.Type.ShouldBe(XsMessageType.WatchEvent);
            next = Encoding.Latin1.GetString(body).TrimEnd('\0').Split('\0');
        }
        return string.Join(' ', next);
    }

    /// <summary>All events that came with or before an answer to a request sent now.</summary>
    public string[] EventsSoFar()
    {
        Ask(XsMessageType.GetDomainPath, "0|");
        Ask(XsMessageType.GetDomainPath, "0|");
        string[] events = [.. _watchEvents.Select(e => string.Join(' ', e))];
        _watchEvents.Clear();
        return events;
    }

    public void Send(XsMessageType type, uint id, uint transaction, ReadOnlySpan<byte> payload, uint? length = null)
    {
        byte[] header = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)type);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), id);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), transaction);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), length ?? (uint)payload.Length);
        Put(header);
        Put(payload);
    }

    // As Linux does it: header and payload one after the other, each with a notification only if dom0 had taken all that was there before.
    private void Put(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            uint producer = Get(ReqProd), room = 1024 - (producer - Get(ReqCons));
            if (room == 0)
            {
                WaitForEvent();
                continue;
            }
            int chunk = (int)Math.Min(room, (uint)bytes.Length);
            for (int i = 0; i < chunk; i++)
                _page[Requests + ((producer + i) % 1024)] = bytes[i];
            Set(ReqProd, producer + (uint)chunk);
            Interlocked.MemoryBarrier();
            if (Get(ReqCons) == producer)
                Guest.Notify(Port);
            bytes = bytes[chunk..];
        }
    }

    /// <summary>Waits until dom0 notifies; fails the test where it never does.</summary>
    public void WaitForEvent() => _event.Wait(TimeSpan.FromSeconds(20)).ShouldBeTrue("dom0 did not notify the guest");

    public void Dispose()
    {
        Server.Dispose();
        _event.Dispose();
    }

    private (XsHeader Header, byte[] Body) Receive()
    {
        byte[] header = Take(16);
        var parsed = new XsHeader
        {
            Type = (XsMessageType)BinaryPrimitives.ReadUInt32LittleEndian(header),
            RequestId = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)),
            TransactionId = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)),
            Length = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12)),
        };
        return (parsed, Take((int)parsed.Length));
    }

    private byte[] Take(int length)
    {
        byte[] taken = new byte[length];
        for (int i = 0; i < length; i++)
        {
            while (Get(RspProd) == Get(RspCons))
                WaitForEvent();
            taken[i] = _page[Responses + Get(RspCons) % 1024];
            Set(RspCons, Get(RspCons) + 1);
            if (Get(RspCons) % 512 == 0)
                Guest.Notify(Port);
        }
        return taken;
    }

    private uint Get(int offset) => Volatile.Read(ref Field(offset));

    private void Set(int offset, uint value) => Volatile.Write(ref Field(offset), value);

    private ref uint Field(int offset) => ref Unsafe.As<byte, uint>(ref _page[offset]);
}
