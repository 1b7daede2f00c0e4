using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Tests.Xenstore;

/// <summary>What a guest finds when it speaks to the store over its ring.</summary>
public sealed class StoreFrontendTests : IDisposable
{
    private readonly XenStore _store = new();
    private readonly LocalStore _dom0;
    private readonly StoreFrontend _guest;

    public StoreFrontendTests()
    {
        _dom0 = new(_store);
        _dom0.Write("/local/domain/1", "", StorePermissions.OwnedReadableBy(DomainId.Zero, new(1)));
        _dom0.Write("/local/domain/1/name", "domU");
        _dom0.Write("/local/domain/1/data", "", StorePermissions.Of(new(1), StoreAccess.None));
        _store.Introduce(new(1));
        _guest = new(_store, new FakeGuest());
    }

    public void Dispose()
    {
        _guest.Dispose();
        _dom0.Dispose();
    }

    [Fact]
    public void Relative_paths_belong_to_the_guests_home()
    {
        _guest.Ask(XsMessageType.Read, "name|").ShouldBe("domU");
        _guest.Ask(XsMessageType.Read, "/local/domain/1/name|").ShouldBe("domU");
    }

    [Fact]
    public void A_write_is_read_back_with_any_bytes_in_it()
    {
        _guest.Ask(XsMessageType.Write, "data/x|a|b\u00ff").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Read, "data/x|").ShouldBe("a|b\u00ff");
    }

    [Fact]
    public void A_missing_node_is_ENOENT_where_the_guest_may_look_and_EACCES_elsewhere()
    {
        _guest.Ask(XsMessageType.Read, "data/none|").ShouldBe("!ENOENT");
        _guest.Ask(XsMessageType.Read, "/vm/none|").ShouldBe("!EACCES");
    }

    [Fact]
    public void A_guest_cannot_write_what_it_may_only_read() => _guest.Ask(XsMessageType.Write, "name|mine").ShouldBe("!EACCES");

    [Fact]
    public void A_guest_owns_what_it_creates()
    {
        _guest.Ask(XsMessageType.Mkdir, "data/a/b|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.GetPerms, "data/a|").ShouldBe("n1|");
        _guest.Ask(XsMessageType.GetPerms, "data/a/b|").ShouldBe("n1|");
    }

    [Fact]
    public void Making_a_directory_that_exists_leaves_it_as_it_is()
    {
        _guest.Ask(XsMessageType.Write, "data/a|value");
        _guest.Ask(XsMessageType.Mkdir, "data/a|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Read, "data/a|").ShouldBe("value");
    }

    [Fact]
    public void Removing_takes_all_below()
    {
        _guest.Ask(XsMessageType.Write, "data/a/b/c|1");
        _guest.Ask(XsMessageType.Rm, "data/a|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Directory, "data|").ShouldBe("");
    }

    [Fact]
    public void Removing_what_is_not_there_is_no_error_if_its_parent_is()
    {
        _guest.Ask(XsMessageType.Rm, "data/none|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.Rm, "data/none/none|").ShouldBe("!ENOENT");
    }

    [Fact]
    public void A_directory_lists_its_children_by_name()
    {
        _guest.Ask(XsMessageType.Write, "data/b|1");
        _guest.Ask(XsMessageType.Write, "data/a|1");
        _guest.Ask(XsMessageType.Directory, "data|").ShouldBe("a|b|");
    }

    [Fact]
    public void A_directory_too_large_for_a_message_is_read_in_parts()
    {
        string[] names = [.. Enumerable.Range(0, 200).Select(i => $"{new string('n', 40)}{i:d3}")];
        foreach (string name in names)
            _dom0.Write($"/local/domain/1/data/{name}", "");
        _guest.Ask(XsMessageType.Directory, "data|").ShouldBe("!E2BIG");

        var listed = new List<string>();
        int offset = 0;
        string? generation = null;
        while (true)
        {
            string[] parts = _guest.Ask(XsMessageType.DirectoryPart, $"data|{offset}|").Split('|')[..^1];
            (generation ??= parts[0]).ShouldBe(parts[0]);
            listed.AddRange(parts[1..].Where(name => name.Length > 0));
            if (parts[^1].Length == 0)
                break;
            offset += parts[1..].Sum(name => name.Length + 1);
        }
        listed.ShouldBe(names);
    }

    [Theory]
    [InlineData("/local//domain|")]
    [InlineData("data/|")]
    [InlineData("da ta|")]
    [InlineData("|")]
    [InlineData("@releaseDomain|")]
    [InlineData("no-nul-at-its-end")]
    [InlineData("two|strings|")]
    public void A_malformed_path_is_EINVAL(string payload) => _guest.Ask(XsMessageType.Read, payload).ShouldBe("!EINVAL");

    [Fact]
    public void A_path_that_is_too_long_is_EINVAL() => _guest.Ask(XsMessageType.Read, new string('a', 2048) + "|").ShouldBe("!EINVAL");

    [Fact]
    public void Privileged_messages_are_EACCES_and_unknown_ones_ENOSYS()
    {
        foreach (XsMessageType type in new[] { XsMessageType.Control, XsMessageType.Introduce, XsMessageType.Release, XsMessageType.Resume, XsMessageType.SetTarget })
            _guest.Ask(type, "1|").ShouldBe("!EACCES");
        _guest.Ask((XsMessageType)20, "1|").ShouldBe("!ENOSYS");
        _guest.Ask((XsMessageType)0x7fff_ffff, "1|").ShouldBe("!ENOSYS");
    }

    [Fact]
    public void Domains_are_asked_for_by_number()
    {
        _guest.Ask(XsMessageType.GetDomainPath, "7|").ShouldBe("/local/domain/7|");
        _guest.Ask(XsMessageType.IsDomainIntroduced, "1|").ShouldBe("T|");
        _guest.Ask(XsMessageType.IsDomainIntroduced, "7|").ShouldBe("F|");
    }

    [Fact]
    public void Only_the_owner_changes_permissions_and_cannot_give_the_node_away()
    {
        _guest.Ask(XsMessageType.Write, "data/a|1");
        _guest.Ask(XsMessageType.SetPerms, "data/a|n1|r0|b5|").ShouldBe("OK|");
        _guest.Ask(XsMessageType.GetPerms, "data/a|").ShouldBe("n1|r0|b5|");
        _guest.Ask(XsMessageType.SetPerms, "data/a|n0|").ShouldBe("!EPERM");
        _guest.Ask(XsMessageType.SetPerms, "name|n1|").ShouldBe("!EACCES");
        _guest.Ask(XsMessageType.SetPerms, "data/a|x1|").ShouldBe("!EINVAL");
    }

    [Fact]
    public void A_guest_that_notifies_only_when_the_ring_was_empty_is_always_served()
    {
        for (int i = 0; i < 20_000; i++)
            _guest.Ask(XsMessageType.Read, "name|").ShouldBe("domU");
    }
}
