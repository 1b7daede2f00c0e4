using System.Security.Claims;
using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudPv.Web;

internal static class ImagesApi
{
    public static void MapImages(this IEndpointRouteBuilder api)
    {
        var images = api.MapGroup("/images").WithTags("Images");
        images.MapGet("", ListAsync).WithName("ListImages").WithSummary("Lists images, newest first");
        images.MapGet("/{id}", GetAsync).WithName("GetImage").WithSummary("One image").ProducesProblem(StatusCodes.Status404NotFound);
        images.MapPost("", RegisterAsync).WithName("RegisterImage")
            .WithSummary("Uploads and registers an image")
            .WithDescription("The body is the file itself: a Xen PV kernel, a ramdisk, or a machine image's raw root disk (empty: a machine image without a disk). With uploadId it is what was uploaded by /uploads, and the body is empty.")
            .Accepts<Stream>("application/octet-stream")
            .WithMetadata(new DisableRequestSizeLimitAttribute())
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status422UnprocessableEntity);
        images.MapDelete("/{id}", DeregisterAsync).WithName("DeregisterImage").WithSummary("Takes an image out of the catalogue")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
    }

    private static async Task<Ok<Page<ImageResource>>> ListAsync(
        ClaimsPrincipal caller, ImageCatalogue images, string? kind, string? name, int? limit, string? cursor, CancellationToken cancel)
    {
        var filter = new ImageFilter(kind is null ? null : Words.Parse<ImageKind>("kind", kind), name);
        var page = await images.ListAsync(caller.AccountId(), filter, new PageRequest(limit, cursor), cancel);
        return TypedResults.Ok(page.ConvertAll(ImageResource.From));
    }

    private static async Task<Ok<ImageResource>> GetAsync(string id, ClaimsPrincipal caller, ImageCatalogue images, CancellationToken cancel) =>
        TypedResults.Ok(ImageResource.From(await images.GetAsync(caller.AccountId(), id, cancel)));

    private static async Task<Created<ImageResource>> RegisterAsync(
        string kind,
        string name,
        string? kernelId,
        string? ramdiskId,
        string? rootDevice,
        string? commandLine,
        string? uploadId,
        [FromHeader(Name = "X-Content-SHA256")] string? sha256,
        [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey,
        HttpRequest request,
        ClaimsPrincipal caller,
        ImageCatalogue images,
        CancellationToken cancel)
    {
        var asked = new NewImage(Words.Parse<ImageKind>("kind", kind), name, kernelId, ramdiskId, rootDevice, commandLine, sha256);
        var token = idempotencyKey is null ? null : new ClientToken(idempotencyKey);
        var image = uploadId is null
            ? await images.RegisterAsync(caller.AccountId(), asked, token, request.Body, cancel)
            : await images.RegisterAsync(caller.AccountId(), asked, token, uploadId, cancel);
        return TypedResults.Created($"/api/v1/images/{image.Id}", ImageResource.From(image));
    }

    private static async Task<NoContent> DeregisterAsync(string id, ClaimsPrincipal caller, ImageCatalogue images, CancellationToken cancel)
    {
        await images.DeregisterAsync(caller.AccountId(), id, cancel);
        return TypedResults.NoContent();
    }
}

/// <param name="SizeBytes">Of the file; 0 for a machine image without a disk.</param>
internal sealed record ImageResource(
    string Id,
    ImageKind Kind,
    string Name,
    ImageState State,
    string Architecture,
    string Description,
    long SizeBytes,
    string? Sha256,
    string? KernelId,
    string? RamdiskId,
    string? RootDevice,
    string? CommandLine,
    DateTimeOffset CreatedAt)
{
    public static ImageResource From(Image image) => new(
        image.Id, image.Kind, image.Name, image.State, image.Architecture, image.Description, image.File?.Size ?? 0, image.FileSha256,
        image.KernelId, image.RamdiskId, image.RootDevice, image.CommandLine, image.CreatedAt);
}
