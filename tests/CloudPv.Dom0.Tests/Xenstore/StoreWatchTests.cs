using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Xenstore;

public sealed class StoreWatchTests : IDisposable
{
    private readonly XenStore _store = new();
    private readonly LocalStore _dom0;
    private readonly StoreFrontend _guest;

    public StoreWatchTests()
    {
        _dom0 = new(_store);
        _dom0.Write("/local/domain/1", "", StorePermissions.OwnedReadableBy(DomainId.Zero, new(1)));
        _dom0.Write("/local/domain/1/data", "", StorePermissions.Of(new(1), StoreAccess.None));
        _guest = new(_store, new FakeGuest());
    }

    public void Dispose()
    {
        _guest.Dispose();
        _dom0.Dispose();
    }

    [Fact]
    public void A_watch_fires_once_when_it_is_set()
    {
        _guest.Ask(XsMessageType.Watch, "control/shutdown|token|").ShouldBe("OK|");
        _guest.NextEvent().ShouldBe("control/shutdown token");
        _guest.EventsSoFar().ShouldBeEmpty();
    }

    [Fact]
    public void It_fires_for_changes_at_and_below_its_path_in_the_form_it_was_named()
    {
        _guest.Ask(XsMessageType.Watch, "data|relative|");
        _guest.Ask(XsMessageType.Watch, "/local/domain/1/data|absolute|");
        _guest.EventsSoFar();
        _dom0.Write("/local/domain/1/data/a/b", "1");
        _guest.EventsSoFar().ShouldBe(["data/a/b relative", "/local/domain/1/data/a/b absolute"]);
    }

    [Fact]
    public void It_does_not_fire_for_what_lies_beside_its_path()
    {
        _guest.Ask(XsMessageType.Watch, "data/a|t|");
        _guest.EventsSoFar();
        _dom0.Write("/local/domain/1/data/ab", "1");
        _dom0.Write("/local/domain/1/data", "1");
        _guest.EventsSoFar().ShouldBeEmpty();
    }

    [Fact]
    public void It_fires_when_something_above_is_removed_with_it()
    {
        _dom0.Write("/local/domain/1/data/a/b", "1");
        _guest.Ask(XsMessageType.Watch, "data/a/b|t|");
        _guest.Ask(XsMessageType.Watch, "data/a/other|t|");
        _guest.EventsSoFar();
        _dom0.Remove("/local/domain/1/data/a");
        _guest.EventsSoFar().ShouldBe(["data/a/b t"]);
    }

    [Fact]
    public void It_is_silent_about_what_the_guest_may_not_read()
    {
        _guest.Ask(XsMessageType.Watch, "/|t|");
        _guest.EventsSoFar();
        _dom0.Write("/local/domain/2/secret", "1", StorePermissions.Dom0Only);
        _guest.EventsSoFar().ShouldBeEmpty();
    }

    [Fact]
    public void The_same_watch_twice_is_EEXIST_and_one_that_is_not_set_ENOENT()
    {
        _guest.Ask(XsMessageType.Watch, "data|t|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Watch, "/local/domain/1/data|t|").ShouldBe("!EEXIST");
        _guest.Ask(XsMessageType.Watch, "data|other|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Unwatch, "data|none|").ShouldBe("!ENOENT");
        _guest.Ask(XsMessageType.Unwatch, "data|t|").ShouldBe("OK|");
    }

    [Fact]
    public void Resetting_drops_all_watches()
    {
        _guest.Ask(XsMessageType.Watch, "data|t|");
        _guest.EventsSoFar();
        _guest.Ask(XsMessageType.ResetWatches, "|").ShouldBe("OK|");
        _dom0.Write("/local/domain/1/data/a", "1");
        _guest.EventsSoFar().ShouldBeEmpty();
    }

    [Fact]
    public async Task Dom0_hears_of_domains_that_come_and_go()
    {
        using var called = new SemaphoreSlim(0);
        using IDisposable watch = _dom0.Watch(StorePath.IntroduceDomain, () => called.Release());
        (await called.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)).ShouldBeTrue();
        _store.Introduce(new DomainId(9));
        (await called.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)).ShouldBeTrue();
    }

    [Fact]
    public void The_same_event_waits_only_once_for_a_guest_that_does_not_read()
    {
        _guest.Ask(XsMessageType.Watch, "data|t|");
        _guest.EventsSoFar();
        for (int i = 0; i < 100_000; i++)
            _dom0.Write("/local/domain/1/data/a", i);
        _guest.Server.IsBroken.ShouldBeFalse();
        _guest.NextEvent().ShouldBe("data/a t");
    }
}
