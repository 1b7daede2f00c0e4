using CloudPv.WorkerProtocol;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;

namespace CloudPv.Cloud;

/// <summary>
/// Brings the cloud up before the first request is taken: the database and its schema, the first account, and an image
/// store with no leftovers. Keeps the embedded database running from then on.
/// </summary>
public sealed class CloudStart(
    DataFolder folder, IDbContextFactory<CloudContext> database, AccessKeys keys, ImageStore store, Uploads uploads, ImageGarbage garbage, EmbeddedPostgres? postgres = null)
    : BackgroundService
{
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (postgres is not null)
            await postgres.StartAsync(cancellationToken);
        await using (var db = await database.CreateDbContextAsync(cancellationToken))
            await db.Database.MigrateAsync(cancellationToken);
        await keys.EnsureFirstAccountAsync(WriteAdminKeyAsync, cancellationToken);
        store.SweepUploads(uploads.DropExpired());
        await garbage.CollectAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (postgres is not null)
            await postgres.StopAsync();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => postgres?.SuperviseAsync(stoppingToken) ?? Task.CompletedTask;

    private async Task WriteAdminKeyAsync(string key)
    {
        File.Delete(folder.AdminKey);
        await using var file = new FileStream(folder.AdminKey, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        await using var text = new StreamWriter(file);
        await text.WriteLineAsync(key);
    }
}
