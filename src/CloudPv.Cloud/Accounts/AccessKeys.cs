using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>The keys of accounts: makes, lists, revokes and checks them.</summary>
public sealed class AccessKeys(IDbContextFactory<CloudContext> database, EventLog events, TimeProvider clock)
{
    /// <summary>What every key starts with, so that one is known where it should not be (a log, a repository).</summary>
    public const string Prefix = "cpv_";

    /// <summary>The row of a key, expired or not; null where there is none.</summary>
    public async Task<AccessKey?> FindAsync(string key, CancellationToken cancel)
    {
        if (!key.StartsWith(Prefix, StringComparison.Ordinal))
            return null;
        await using var db = await database.CreateDbContextAsync(cancel);
        var hash = Hash(key);
        return await db.AccessKeys.AsNoTracking().FirstOrDefaultAsync(k => k.KeyHash == hash, cancel);
    }

    public bool IsExpired(AccessKey key) => key.ExpiresAt <= clock.Now();

    public async Task<Page<AccessKey>> ListAsync(string accountId, PageRequest page, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        return await page.OfAsync(db.AccessKeys.AsNoTracking().Where(k => k.AccountId == accountId), cancel);
    }

    /// <summary>Makes a key. The second value is the key itself, which is told now or never.</summary>
    public async Task<(AccessKey Row, string Key)> CreateAsync(string accountId, string name, DateTimeOffset? expiresAt, CancellationToken cancel)
    {
        if (name.Length is 0 or > 100)
            throw CloudException.Invalid("name", "needs 1 to 100 characters.");
        if (expiresAt <= clock.Now())
            throw CloudException.Invalid("expiresAt", "is in the past.");
        var key = NewKey();
        var row = NewRow(accountId, name, key, expiresAt?.ToUniversalTime());
        await using var db = await database.CreateDbContextAsync(cancel);
        db.AccessKeys.Add(row);
        var made = events.Add(db, accountId, row.Id, "access-key-created", $"Access key {name} was made.");
        await db.SaveChangesAsync(cancel);
        events.Publish(made);
        return (row, key);
    }

    public async Task RevokeAsync(string accountId, string id, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        var key = await db.AccessKeys.FirstOrDefaultAsync(k => k.AccountId == accountId && k.Id == id, cancel)
            ?? throw CloudException.NotFound("InvalidAccessKeyId.NotFound", $"access key {id}");
        db.AccessKeys.Remove(key);
        var revoked = events.Add(db, accountId, id, "access-key-revoked", $"Access key {key.Name} was revoked.");
        await db.SaveChangesAsync(cancel);
        events.Publish(revoked);
    }

    /// <summary>Makes the first account with a key, where there is no account yet.</summary>
    /// <param name="hand">Stores the key before the account is there, so that no account is ever without one.</param>
    public async Task EnsureFirstAccountAsync(Func<string, Task> hand, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        if (await db.Accounts.AnyAsync(cancel))
            return;
        var account = new Account { Id = $"{RandomNumberGenerator.GetInt32(1_000_000):d6}{RandomNumberGenerator.GetInt32(1_000_000):d6}", Name = "admin", CreatedAt = clock.Now() };
        var key = NewKey();
        await hand(key);
        db.Accounts.Add(account);
        db.AccessKeys.Add(NewRow(account.Id, "admin", key, expiresAt: null));
        await db.SaveChangesAsync(cancel);
    }

    private static string NewKey() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    private AccessKey NewRow(string accountId, string name, string key, DateTimeOffset? expiresAt) => new()
    {
        Id = ResourceId.New("ak"),
        AccountId = accountId,
        Name = name,
        KeyHash = Hash(key),
        CreatedAt = clock.Now(),
        ExpiresAt = expiresAt,
    };
}
