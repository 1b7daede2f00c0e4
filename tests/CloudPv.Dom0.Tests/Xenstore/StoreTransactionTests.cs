using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Xenstore;

public sealed class StoreTransactionTests : IDisposable
{
    private readonly XenStore _store = new();
    private readonly LocalStore _dom0;
    private readonly StoreFrontend _guest;

    public StoreTransactionTests()
    {
        _dom0 = new(_store);
        _dom0.Write("/local/domain/1", "", StorePermissions.OwnedReadableBy(DomainId.Zero, new(1)));
        _dom0.Write("/local/domain/1/data", "", StorePermissions.Of(new(1), StoreAccess.None));
        _dom0.Write("/local/domain/1/data/a", "1");
        _dom0.Write("/local/domain/1/data/b", "1");
        _guest = new(_store, new FakeGuest());
    }

    private uint Start() => uint.Parse(_guest.Ask(XsMessageType.TransactionStart, "|").TrimEnd('|'), null);

    private string Commit(uint id) => _guest.Ask(XsMessageType.TransactionEnd, "T|", id);

    private void ElsewhereWrite(string name, string value) => _dom0.Write($"/local/domain/1/data/{name}", value);

    public void Dispose()
    {
        _guest.Dispose();
        _dom0.Dispose();
    }

    [Fact]
    public void Changes_are_seen_inside_at_once_and_outside_after_the_commit()
    {
        uint id = Start();
        _guest.Ask(XsMessageType.Write, "data/a|2", id);
        _guest.Ask(XsMessageType.Read, "data/a|", id).ShouldBe("2");
        _guest.Ask(XsMessageType.Read, "data/a|").ShouldBe("1");
        Commit(id).ShouldBe("OK|");
        _guest.Ask(XsMessageType.Read, "data/a|").ShouldBe("2");
    }

    [Fact]
    public void An_abandoned_transaction_changes_nothing()
    {
        uint id = Start();
        _guest.Ask(XsMessageType.Write, "data/a|2", id);
        _guest.Ask(XsMessageType.TransactionEnd, "F|", id).ShouldBe("OK|");
        _guest.Ask(XsMessageType.Read, "data/a|").ShouldBe("1");
    }

    [Fact]
    public void It_conflicts_when_something_that_it_read_has_changed()
    {
        uint id = Start();
        _guest.Ask(XsMessageType.Read, "data/a|", id);
        _guest.Ask(XsMessageType.Write, "data/b|2", id);
        ElsewhereWrite("a", "9");
        Commit(id).ShouldBe("!EAGAIN");
        _guest.Ask(XsMessageType.Read, "data/b|").ShouldBe("1");
    }

    [Fact]
    public void It_does_not_conflict_with_changes_elsewhere()
    {
        uint id = Start();
        _guest.Ask(XsMessageType.Read, "data/a|", id);
        _guest.Ask(XsMessageType.Write, "data/a|2", id);
        ElsewhereWrite("b", "9");
        ElsewhereWrite("new", "9");
        Commit(id).ShouldBe("OK|");
        _guest.Ask(XsMessageType.Read, "data/b|").ShouldBe("9");
    }

    [Fact]
    public void It_does_not_conflict_when_it_wrote_blindly()
    {
        uint id = Start();
        _guest.Ask(XsMessageType.Write, "data/a|2", id);
        ElsewhereWrite("a", "9");
        Commit(id).ShouldBe("OK|");
        _guest.Ask(XsMessageType.Read, "data/a|").ShouldBe("2");
    }

    [Fact]
    public void It_conflicts_when_a_listing_or_an_absence_that_it_saw_is_no_longer_so()
    {
        uint listing = Start(), absence = Start();
        _guest.Ask(XsMessageType.Directory, "data|", listing);
        _guest.Ask(XsMessageType.Read, "data/new|", absence).ShouldBe("!ENOENT");
        _guest.Ask(XsMessageType.Write, "data/x|1", listing);
        _guest.Ask(XsMessageType.Write, "data/y|1", absence);
        ElsewhereWrite("new", "9");
        Commit(listing).ShouldBe("!EAGAIN");
        Commit(absence).ShouldBe("!EAGAIN");
    }

    [Fact]
    public void One_that_only_read_never_conflicts()
    {
        uint id = Start();
        _guest.Ask(XsMessageType.Read, "data/a|", id);
        ElsewhereWrite("a", "9");
        _guest.Ask(XsMessageType.Read, "data/a|", id).ShouldBe("1");
        Commit(id).ShouldBe("OK|");
    }

    [Fact]
    public void Watches_fire_at_the_commit()
    {
        _guest.Ask(XsMessageType.Watch, "data|t|");
        _guest.EventsSoFar();
        uint id = Start();
        _guest.Ask(XsMessageType.Write, "data/a|2", id);
        _guest.Ask(XsMessageType.Write, "data/a|3", id);
        _guest.EventsSoFar().ShouldBeEmpty();
        Commit(id);
        _guest.EventsSoFar().ShouldBe(["data/a t"]);
    }

    [Fact]
    public void An_unknown_transaction_is_ENOENT_and_a_nested_one_EBUSY()
    {
        _guest.Ask(XsMessageType.Read, "data/a|", 77).ShouldBe("!ENOENT");
        Commit(77).ShouldBe("!ENOENT");
        _guest.Ask(XsMessageType.TransactionStart, "|", Start()).ShouldBe("!EBUSY");
    }
}
