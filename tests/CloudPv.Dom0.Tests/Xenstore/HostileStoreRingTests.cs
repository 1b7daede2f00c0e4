using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Xenstore;

/// <summary>A guest that breaks the ring's rules loses its own connection, until it reconnects.</summary>
public sealed class HostileStoreRingTests : IDisposable
{
    private readonly XenStore _store = new();
    private readonly LocalStore _dom0;
    private readonly StoreFrontend _guest;

    public HostileStoreRingTests()
    {
        _dom0 = new(_store);
        _dom0.Write("/local/domain/1/data", "", StorePermissions.Of(new(1), StoreAccess.None));
        _guest = new(_store, new FakeGuest());
    }

    public void Dispose()
    {
        _guest.Dispose();
        _dom0.Dispose();
    }

    [Fact]
    public void The_server_offers_reconnection_and_the_error_field() => _guest.ServerFeatures.ShouldBe(3u);

    [Fact]
    public async Task An_impossible_producer_index_ends_the_connection()
    {
        _guest.SetRequestProducer(5000);
        _guest.Guest.Notify(_guest.Port);
        await Eventually.Is(() => _guest.ErrorField == (uint)XenstoreRingError.RingIndex);
        _guest.Server.IsBroken.ShouldBeTrue();
    }

    [Fact]
    public async Task A_message_longer_than_the_protocol_allows_ends_the_connection()
    {
        _guest.Send(XsMessageType.Read, 1, 0, [], length: 4097);
        await Eventually.Is(() => _guest.ErrorField == (uint)XenstoreRingError.Protocol);
    }

    [Fact]
    public async Task After_a_reconnection_the_ring_works_again_without_the_old_watches()
    {
        _guest.Ask(XsMessageType.Watch, "data|t|");
        _guest.EventsSoFar();
        _guest.SetRequestProducer(5000);
        _guest.Guest.Notify(_guest.Port);
        await Eventually.Is(() => _guest.Server.IsBroken);

        _guest.ConnectionField = (uint)XenstoreConnectionState.Reconnect;
        _guest.Guest.Notify(_guest.Port);
        await Eventually.Is(() => _guest.ConnectionField == (uint)XenstoreConnectionState.Connected);
        _dom0.Write("/local/domain/1/data/a", "1");
        _guest.Ask(XsMessageType.Read, "data/a|").ShouldBe("1");
        _guest.EventsSoFar().ShouldBeEmpty();
    }

    [Fact]
    public void Random_messages_are_answered_or_end_the_connection_but_never_throw()
    {
        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var session = new StoreSession(_store, new(1));
        byte[] payload = new byte[200];
        const string alphabet = "\0\0/@ab0123T-x\u00ff";
        for (int i = 0; i < 20_000; i++)
        {
            Span<byte> part = payload.AsSpan(0, random.Next(payload.Length));
            foreach (ref byte one in part)
                one = (byte)alphabet[random.Next(alphabet.Length)];
            var header = new XsHeader { Type = (XsMessageType)random.Next(25), TransactionId = (uint)random.Next(3), Length = (uint)part.Length };
            XsRequests.Handle(session, header, part, static (_, _) => { });
        }
    }
}
