using CloudPv.WorkerProtocol;
using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>What a new image is to be. What its file is, is found out from the file.</summary>
/// <param name="Sha256">The checksum that the content must have; null: not checked.</param>
public sealed record NewImage(
    ImageKind Kind, string Name, string? KernelId, string? RamdiskId, string? RootDevice, string? CommandLine, string? Sha256);

/// <summary>Which images a list shows.</summary>
public sealed record ImageFilter(ImageKind? Kind = null, string? Name = null, bool Deregistered = false);

/// <summary>The images of an account: registers, lists and deregisters them.</summary>
public sealed class ImageCatalogue(
    IDbContextFactory<CloudContext> database, ImageStore store, Uploads uploads, ImageGarbage garbage, HostSessions hosts, EventLog events, TimeProvider clock)
{
    private const string DefaultRootDevice = "xvda";

    public async Task<Page<Image>> ListAsync(string accountId, ImageFilter filter, PageRequest page, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        return await page.OfAsync(
            db.Images.AsNoTracking().Include(i => i.File)
                .Where(i => i.AccountId == accountId)
                .Where(i => filter.Kind == null || i.Kind == filter.Kind)
                .Where(i => filter.Name == null || i.Name == filter.Name)
                .Where(i => filter.Deregistered || i.DeregisteredAt == null),
            cancel);
    }

    public async Task<Image> GetAsync(string accountId, string id, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        return await FindAsync(db.Images.AsNoTracking().Include(i => i.File), accountId, id, cancel);
    }

    /// <summary>
    /// Takes in an image: receives its content, finds out what it is, and catalogues it. A refusal leaves nothing behind.
    /// </summary>
    /// <exception cref="CloudException">What is wrong with the request or with the content.</exception>
    public async Task<Image> RegisterAsync(string accountId, NewImage image, ClientToken? token, Stream content, CancellationToken cancel)
    {
        await CheckAsync(accountId, image, cancel);
        using var upload = await store.ReceiveAsync(content, cancel);
        return await TakeInAsync(accountId, image, token, $"image {image with { Sha256 = upload.Sha256 }}", upload, cancel);
    }

    /// <summary>Takes in an image whose content was uploaded before. The upload is gone then, also where the content is refused.</summary>
    /// <inheritdoc cref="RegisterAsync(string, NewImage, ClientToken?, Stream, CancellationToken)" path="/exception"/>
    public async Task<Image> RegisterAsync(string accountId, NewImage image, ClientToken? token, string uploadId, CancellationToken cancel)
    {
        await CheckAsync(accountId, image, cancel);
        var request = $"image {image} of {uploadId}";
        if (token is not null && await FindEarlierAsync(accountId, token, request, cancel) is { } earlier)
            return earlier;
        using var upload = await store.ReadAsync(uploads.ContentOfComplete(accountId, uploadId), cancel);
        try
        {
            var registered = await TakeInAsync(accountId, image, token, request, upload, cancel);
            uploads.Remove(uploadId);
            return registered;
        }
        catch (CloudException refused) when (refused.Refusal == Refusal.Unprocessable)
        {
            uploads.Remove(uploadId);
            throw;
        }
    }

    /// <param name="request">What the client token stands for.</param>
    private async Task<Image> TakeInAsync(
        string accountId, NewImage image, ClientToken? token, string request, ImageStore.Upload upload, CancellationToken cancel)
    {
        if (image.Sha256 is not null && !string.Equals(image.Sha256, upload.Sha256, StringComparison.OrdinalIgnoreCase))
        {
            throw new CloudException(Refusal.Unprocessable, "ChecksumMismatch",
                $"The content that arrived ({upload.Size} bytes) has SHA-256 {upload.Sha256}, not {image.Sha256}. It was not kept.");
        }
        var file = await InspectAsync(image.Kind, upload, cancel);
        using (await store.LockAsync(cancel))
            return await SaveAsync(accountId, image, token, request, upload, file, cancel);
    }

    /// <summary>Takes an image out of the catalogue. Instances launched from it go on, and keep its file while they are there.</summary>
    public async Task DeregisterAsync(string accountId, string id, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        var image = await FindAsync(db.Images, accountId, id, cancel);
        var user = await db.Images.FirstOrDefaultAsync(i => i.DeregisteredAt == null && (i.KernelId == id || i.RamdiskId == id), cancel);
        if (user is not null)
            throw new CloudException(Refusal.Conflict, "InvalidImage.InUse", $"{id} is used by {user.Id} ({user.Name}): deregister that first.");
        image.DeregisteredAt = clock.Now();
        var gone = events.Add(db, accountId, id, "image-deregistered", $"{image.Name} was deregistered.");
        await db.SaveChangesAsync(cancel);
        events.Publish(gone);
        await garbage.CollectAsync(cancel);
    }

    private static async Task<Image> FindAsync(IQueryable<Image> images, string accountId, string id, CancellationToken cancel) =>
        await images.FirstOrDefaultAsync(i => i.AccountId == accountId && i.Id == id && i.DeregisteredAt == null, cancel)
        ?? throw CloudException.NotFound("InvalidImageId.NotFound", $"image {id}");

    private async Task CheckAsync(string accountId, NewImage image, CancellationToken cancel)
    {
        if (image.Name.Length is 0 or > 128)
            throw CloudException.Invalid("name", "needs 1 to 128 characters.");
        if (image.Sha256 is not null && (image.Sha256.Length != 64 || !image.Sha256.All(char.IsAsciiHexDigit)))
            throw CloudException.Invalid("X-Content-SHA256", "needs the 64 hex digits of a SHA-256.");
        if (image.Kind != ImageKind.Machine)
        {
            if ((image.KernelId ?? image.RamdiskId ?? image.RootDevice ?? image.CommandLine) is not null)
                throw CloudException.Invalid("kind", "only a machine image has a kernel, a ramdisk, a root device and a command line.");
            return;
        }
        if (image.RootDevice is not null && !InstanceRules.IsDiskName(image.RootDevice))
            throw CloudException.Invalid("rootDevice", $"'{image.RootDevice}' isn't a Xen virtual disk's name, such as xvda.");
        InstanceRules.CheckCommandLine(image.CommandLine);
        if (image.KernelId is null)
            throw CloudException.Invalid("kernelId", "a machine image needs its kernel's image (aki-…).");
        await CheckReferenceAsync(accountId, image.KernelId, ImageKind.Kernel, "kernelId", cancel);
        if (image.RamdiskId is not null)
            await CheckReferenceAsync(accountId, image.RamdiskId, ImageKind.Ramdisk, "ramdiskId", cancel);
    }

    private async Task CheckReferenceAsync(string accountId, string id, ImageKind kind, string parameter, CancellationToken cancel)
    {
        var image = await GetAsync(accountId, id, cancel);
        if (image.Kind != kind)
            throw CloudException.Invalid(parameter, $"{id} is a {image.Kind} image, not a {kind} image.".ToLowerInvariant());
    }

    /// <summary>What the content is; null for a machine image that has none.</summary>
    private async Task<ImageInspection?> InspectAsync(ImageKind kind, ImageStore.Upload upload, CancellationToken cancel)
    {
        if (upload.Size == 0 && kind == ImageKind.Machine)
            return null;
        var wanted = kind switch { ImageKind.Machine => "disk", ImageKind.Kernel => "kernel", _ => "ramdisk" };
        if (upload.Size == 0)
            throw NotUsable(wanted, "This file is empty.");
        var found = (await hosts.SendToAnyAsync(new InspectImage(upload.FileName), cancel)).Image!;
        if (found.Kind != wanted)
        {
            throw NotUsable(wanted, found.Kind == "unknown"
                ? $"This is {found.Description}, not a {wanted}. {found.Problem}".TrimEnd()
                : $"This is a {found.Kind} ({found.Description}), not a {wanted}.");
        }
        return found.Problem is null ? found : throw NotUsable(wanted, $"This {found.Kind} ({found.Description}) can't be used. {found.Problem}");
    }

    private static CloudException NotUsable(string wanted, string why) =>
        new(Refusal.Unprocessable, $"Invalid{char.ToUpperInvariant(wanted[0])}{wanted[1..]}", why);

    private async Task<Image> SaveAsync(
        string accountId, NewImage request, ClientToken? token, string asked, ImageStore.Upload upload, ImageInspection? found, CancellationToken cancel)
    {
        if (token is not null && await FindEarlierAsync(accountId, token, asked, cancel) is { } earlier)
            return earlier;
        await using var db = await database.CreateDbContextAsync(cancel);
        var image = new Image
        {
            Id = ResourceId.New(Image.Prefix(request.Kind)),
            AccountId = accountId,
            Kind = request.Kind,
            Name = request.Name,
            Architecture = "x86_64",
            Description = found?.Description ?? "no disk",
            KernelId = request.KernelId,
            RamdiskId = request.RamdiskId,
            RootDevice = found is null || request.Kind != ImageKind.Machine ? null : request.RootDevice ?? DefaultRootDevice,
            CommandLine = request.Kind == ImageKind.Machine ? request.CommandLine ?? DefaultCommandLine(request, found) : null,
            FileSha256 = found is null ? null : upload.Sha256,
            File = found is null ? null : await db.ImageFiles.FindAsync([upload.Sha256], cancel) ?? new ImageFile
            {
                Sha256 = upload.Sha256,
                Size = upload.Size,
                Kind = found.Kind,
                Description = found.Description,
                CreatedAt = clock.Now(),
            },
            CreatedAt = clock.Now(),
        };
        db.Images.Add(image);
        token?.Add(db, accountId, asked, image.Id);
        var registered = events.Add(db, accountId, image.Id, "image-registered", $"{image.Name} was registered: {image.Description}.");
        // First the file, then the row: a row always has its file, and a file with no row is collected.
        if (found is not null)
            upload.Keep();
        await db.SaveChangesAsync(cancel);
        events.Publish(registered);
        return image;
    }

    private static string DefaultCommandLine(NewImage request, ImageInspection? disk) =>
        disk is null ? "console=hvc0" : $"root=/dev/{request.RootDevice ?? DefaultRootDevice} ro console=hvc0";

    private async Task<Image?> FindEarlierAsync(string accountId, ClientToken token, string request, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        return await token.FindAsync(db, accountId, request, cancel) is { } earlier ? await GetAsync(accountId, earlier, cancel) : null;
    }
}
