using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>Drops the files that no image and no living instance needs any more.</summary>
public sealed class ImageGarbage(IDbContextFactory<CloudContext> database, ImageStore store)
{
    public async Task CollectAsync(CancellationToken cancel)
    {
        using var held = await store.LockAsync(cancel);
        await using var db = await database.CreateDbContextAsync(cancel);
        var needed = await db.Images
            .Where(i => i.FileSha256 != null)
            .Where(i => i.DeregisteredAt == null
                || db.Instances.Any(n => n.State != InstanceState.Terminated && (n.ImageId == i.Id || n.KernelId == i.Id || n.RamdiskId == i.Id)))
            .Select(i => i.FileSha256!).Distinct().ToListAsync(cancel);

        // First the rows, then the files: a file with no row is found again by the next collection.
        await db.Images.Where(i => i.FileSha256 != null && !needed.Contains(i.FileSha256))
            .ExecuteUpdateAsync(i => i.SetProperty(x => x.FileSha256, (string?)null), cancel);
        await db.ImageFiles.Where(f => !needed.Contains(f.Sha256)).ExecuteDeleteAsync(cancel);
        foreach (var file in store.List().Except(needed, StringComparer.Ordinal).ToList())
            store.Delete(file);
    }
}
