using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud.Tests;

public sealed class AccessKeyTests(PostgresFixture postgres)
{
    [Fact]
    public async Task The_first_start_makes_an_account_whose_key_only_its_owner_can_read()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        cloud.Key.ShouldStartWith(AccessKeys.Prefix);
        File.GetUnixFileMode(cloud.Folder.AdminKey).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public async Task A_key_is_kept_as_its_hash_alone()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        await using var db = await cloud.Get<IDbContextFactory<CloudContext>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        var row = await db.AccessKeys.SingleAsync(TestContext.Current.CancellationToken);
        row.KeyHash.Length.ShouldBe(32);
        row.KeyHash.ShouldNotBe(System.Text.Encoding.UTF8.GetBytes(cloud.Key));
    }

    [Fact]
    public async Task A_key_expires_when_it_says()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var keys = cloud.Get<AccessKeys>();
        var (row, key) = await keys.CreateAsync(cloud.AccountId, "short", DateTimeOffset.UtcNow.AddMilliseconds(300), CancellationToken.None);
        keys.IsExpired(row).ShouldBeFalse();
        await Task.Delay(400, TestContext.Current.CancellationToken);
        keys.IsExpired((await keys.FindAsync(key, CancellationToken.None))!).ShouldBeTrue();
    }

    [Fact]
    public async Task A_revoked_key_is_unknown()
    {
        await using var cloud = await TestCloud.StartAsync(postgres);
        var keys = cloud.Get<AccessKeys>();
        var (row, key) = await keys.CreateAsync(cloud.AccountId, "gone", expiresAt: null, CancellationToken.None);
        await keys.RevokeAsync(cloud.AccountId, row.Id, CancellationToken.None);
        (await keys.FindAsync(key, CancellationToken.None)).ShouldBeNull();
    }
}
