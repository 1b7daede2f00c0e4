using System.Globalization;
using System.Security.Claims;
using System.Text;
using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudPv.Web;

/// <summary>
/// Resumable uploads by the tus protocol 1.0 (https://tus.io/protocols/resumable-upload): core, creation, checksum,
/// expiration and termination. A complete one becomes an image by <c>POST /images?uploadId=…</c>.
/// </summary>
internal static class UploadsApi
{
    private const string Version = "1.0.0";
    private const string Part = "application/offset+octet-stream";

    public static void MapUploads(this IEndpointRouteBuilder api)
    {
        var uploads = api.MapGroup("/uploads").WithTags("Uploads").AddEndpointFilter(SpeakTusAsync);
        uploads.MapMethods("", [HttpMethods.Options], Offer).ExcludeFromDescription();
        uploads.MapPost("", Create).WithName("CreateUpload").WithSummary("Begins a resumable upload (tus 1.0)")
            .WithDescription("Any tus client will do. POST /images?uploadId=… makes an image of it when it is complete.")
            .Produces(StatusCodes.Status201Created).ProducesProblem(400).ProducesProblem(412);
        uploads.MapMethods("/{id}", [HttpMethods.Options], Offer).ExcludeFromDescription();
        uploads.MapMethods("/{id}", [HttpMethods.Head], Tell).WithName("GetUpload").WithSummary("How much of an upload has arrived")
            .Produces(StatusCodes.Status200OK).ProducesProblem(404);
        uploads.MapPatch("/{id}", AppendAsync).WithName("ContinueUpload").WithSummary("Adds the next part to an upload")
            .Accepts<Stream>(Part).WithMetadata(new DisableRequestSizeLimitAttribute())
            .Produces(StatusCodes.Status204NoContent).ProducesProblem(404).ProducesProblem(409).ProducesProblem(413).ProducesProblem(460);
        uploads.MapDelete("/{id}", Delete).WithName("DeleteUpload").WithSummary("Gives an upload up").ProducesProblem(404);
    }

    /// <summary>The protocol lets a client that can't send PATCH or DELETE send POST and name the method in a header.</summary>
    public static void UseTusMethods(this WebApplication app) =>
        app.UseWhen(context => context.Request.Path.StartsWithSegments("/api/v1/uploads", StringComparison.Ordinal), uploads => uploads.UseHttpMethodOverride());

    private static async ValueTask<object?> SpeakTusAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var (request, response) = (context.HttpContext.Request, context.HttpContext.Response);
        // Also on a refusal, for which the headers set until then are dropped.
        response.OnStarting(() =>
        {
            response.Headers["Tus-Resumable"] = Version;
            return Task.CompletedTask;
        });
        if (HttpMethods.IsOptions(request.Method) || request.Headers["Tus-Resumable"] == Version)
            return await next(context);
        response.Headers["Tus-Version"] = Version;
        return Problem(StatusCodes.Status412PreconditionFailed, "UnsupportedTusVersion", $"Send 'Tus-Resumable: {Version}': it is the version of the protocol that is spoken here.");
    }

    private static NoContent Offer(HttpResponse response)
    {
        response.Headers["Tus-Version"] = Version;
        response.Headers["Tus-Extension"] = "creation,checksum,expiration,termination";
        response.Headers["Tus-Checksum-Algorithm"] = string.Join(',', UploadChecksum.Algorithms);
        return TypedResults.NoContent();
    }

    private static Created Create(
        [FromHeader(Name = "Upload-Length")] long? length, [FromHeader(Name = "Upload-Metadata")] string? metadata,
        ClaimsPrincipal caller, Uploads uploads, HttpResponse response)
    {
        if (length is null)
            throw CloudException.Invalid("Upload-Length", "is missing: the length must be known from the start.");
        if (metadata is not null && !IsMetadata(metadata))
            throw CloudException.Invalid("Upload-Metadata", "needs pairs of a name and its value in base64, with commas between them.");
        var upload = uploads.Create(caller.AccountId(), length.Value, metadata);
        Describe(upload, response);
        return TypedResults.Created($"/api/v1/uploads/{upload.Id}");
    }

    private static Ok Tell(string id, ClaimsPrincipal caller, Uploads uploads, HttpResponse response)
    {
        var upload = uploads.Get(caller.AccountId(), id);
        Describe(upload, response);
        response.Headers["Upload-Length"] = upload.Length.ToString(CultureInfo.InvariantCulture);
        if (upload.Metadata is not null)
            response.Headers["Upload-Metadata"] = upload.Metadata;
        response.Headers.CacheControl = "no-store";
        return TypedResults.Ok();
    }

    private static async Task<Results<NoContent, JsonHttpResult<ProblemDetails>>> AppendAsync(
        string id, [FromHeader(Name = "Upload-Offset")] long? offset, [FromHeader(Name = "Upload-Checksum")] string? checksum,
        ClaimsPrincipal caller, Uploads uploads, HttpRequest request, CancellationToken cancel)
    {
        if (request.ContentType != Part)
            return Problem(StatusCodes.Status415UnsupportedMediaType, "UnsupportedMediaType", $"Send {Part}.");
        if (offset is null)
            throw CloudException.Invalid("Upload-Offset", "is missing.");
        var expected = checksum is null ? null : UploadChecksum.Parse(checksum);
        Describe(await uploads.AppendAsync(caller.AccountId(), id, offset.Value, expected, request.Body, cancel), request.HttpContext.Response);
        return TypedResults.NoContent();
    }

    private static NoContent Delete(string id, ClaimsPrincipal caller, Uploads uploads)
    {
        uploads.Delete(caller.AccountId(), id);
        return TypedResults.NoContent();
    }

    private static void Describe(ResumableUpload upload, HttpResponse response)
    {
        response.Headers["Upload-Offset"] = upload.Offset.ToString(CultureInfo.InvariantCulture);
        response.Headers["Upload-Expires"] = upload.ExpiresAt.ToString("R", CultureInfo.InvariantCulture);
    }

    private static bool IsMetadata(string metadata) => metadata.Split(',').All(pair =>
        pair.Split(' ') is [{ Length: > 0 } name, .. var value]
        && Ascii.IsValid(name)
        && (value is [] || (value is [var base64] && Convert.TryFromBase64String(base64, new byte[base64.Length], out _))));

    private static JsonHttpResult<ProblemDetails> Problem(int status, string code, string detail) =>
        TypedResults.Json(Problems.Of(status, code, detail), statusCode: status, contentType: "application/problem+json");
}
