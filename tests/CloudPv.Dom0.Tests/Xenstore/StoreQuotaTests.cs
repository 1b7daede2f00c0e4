using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Xenstore;

public sealed class StoreQuotaTests : IDisposable
{
    private readonly XenStore _store = new(new() { Nodes = 10, Watches = 3, Transactions = 2, TransactionNodes = 8 });
    private readonly LocalStore _dom0;
    private readonly StoreFrontend _guest;

    public StoreQuotaTests()
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
    public void Nodes_beyond_the_quota_are_ENOSPC_until_some_are_removed()
    {
        for (int i = 0; i < 9; i++)
            _guest.Ask(XsMessageType.Write, $"data/{i}|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Write, "data/9|").ShouldBe("!ENOSPC");
        _guest.Ask(XsMessageType.Write, "data/0|rewritten").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Rm, "data/0|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Write, "data/9|").ShouldBe("OK|");
    }

    [Fact]
    public void Transactions_together_cannot_pass_the_quota_of_nodes()
    {
        uint[] ids = [.. Enumerable.Range(0, 2).Select(_ => uint.Parse(_guest.Ask(XsMessageType.TransactionStart, "|").TrimEnd('|'), null))];
        foreach (uint id in ids)
        {
            for (int i = 0; i < 6; i++)
                _guest.Ask(XsMessageType.Write, $"data/{id}-{i}|", id).ShouldBe("OK|");
        }
        _guest.Ask(XsMessageType.TransactionEnd, "T|", ids[0]).ShouldBe("OK|");
        _guest.Ask(XsMessageType.TransactionEnd, "T|", ids[1]).ShouldBe("!ENOSPC");
    }

    [Fact]
    public void A_value_that_is_too_large_is_ENOSPC() => _guest.Ask(XsMessageType.Write, $"data/a|{new string('x', 2049)}").ShouldBe("!ENOSPC");

    [Fact]
    public void Too_many_watches_are_E2BIG()
    {
        for (int i = 0; i < 3; i++)
            _guest.Ask(XsMessageType.Watch, $"data|{i}|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Watch, "data|3|").ShouldBe("!E2BIG");
    }

    [Fact]
    public void Too_many_open_transactions_are_ENOSPC()
    {
        _guest.Ask(XsMessageType.TransactionStart, "|").ShouldNotStartWith("!");
        _guest.Ask(XsMessageType.TransactionStart, "|").ShouldNotStartWith("!");
        _guest.Ask(XsMessageType.TransactionStart, "|").ShouldBe("!ENOSPC");
    }

    [Fact]
    public void A_transaction_that_looks_at_too_many_nodes_is_ENOSPC()
    {
        uint id = uint.Parse(_guest.Ask(XsMessageType.TransactionStart, "|").TrimEnd('|'), null);
        string[] answers = [.. Enumerable.Range(0, 12).Select(i => _guest.Ask(XsMessageType.Read, $"data/{i}|", id))];
        answers[0].ShouldBe("!ENOENT");
        answers[^1].ShouldBe("!ENOSPC");
    }

    [Fact]
    public void Too_many_permission_entries_are_ENOSPC() => _guest.Ask(XsMessageType.SetPerms, "data|n1|r2|r3|r4|r5|r6|").ShouldBe("!ENOSPC");
}
