using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CloudPv.Web.Tests;

/// <summary>What the tus protocol 1.0 asks of a server (https://tus.io/protocols/resumable-upload), and what becomes of an upload here.</summary>
public sealed class ResumableUploadTests(FakeCloud service)
{
    private const string Uploads = "/api/v1/uploads";
    private const HttpStatusCode ChecksumMismatch = (HttpStatusCode)460;

    private static readonly byte[] Kernel = Encoding.ASCII.GetBytes("kernel that comes in parts");

    [Fact]
    public async Task The_service_says_what_it_offers()
    {
        using var offer = await SendAsync(HttpMethod.Options, Uploads, version: null);

        offer.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        Header(offer, "Tus-Version").ShouldBe("1.0.0");
        Header(offer, "Tus-Extension").ShouldBe("creation,checksum,expiration,termination");
        Header(offer, "Tus-Checksum-Algorithm").Split(',').ShouldContain("sha1");
    }

    [Fact]
    public async Task An_upload_in_parts_becomes_an_image_and_is_gone()
    {
        var upload = await CreateAsync(Kernel.Length, "filename a2VybmVs,empty");

        using (var first = await PatchAsync(upload, 0, Kernel[..10]))
        {
            first.StatusCode.ShouldBe(HttpStatusCode.NoContent);
            Header(first, "Upload-Offset").ShouldBe("10");
            DateTimeOffset.Parse(Header(first, "Upload-Expires"), CultureInfo.InvariantCulture).ShouldBeGreaterThan(DateTimeOffset.UtcNow.AddHours(23));
        }
        using (var between = await SendAsync(HttpMethod.Head, upload))
        {
            (Header(between, "Upload-Offset"), Header(between, "Upload-Length")).ShouldBe(("10", $"{Kernel.Length}"));
            Header(between, "Upload-Metadata").ShouldBe("filename a2VybmVs,empty");
            between.Headers.CacheControl!.NoStore.ShouldBeTrue();
        }
        (await PatchAsync(upload, 10, Kernel[10..])).Dispose();

        var image = await RegisterAsync(upload);
        image.GetProperty("sha256").GetString().ShouldBe(Convert.ToHexStringLower(SHA256.HashData(Kernel)));
        (await SendAsync(HttpMethod.Head, upload)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        Files(upload).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_arrived_before_the_connection_broke_is_kept()
    {
        var upload = await CreateAsync(Kernel.Length);
        using (var socket = new TcpClient(service.Address.Host, service.Address.Port))
        {
            var head = $"PATCH {upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.Key}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n" +
                $"Content-Type: application/offset+octet-stream\r\nContent-Length: {Kernel.Length}\r\n\r\n";
            await socket.GetStream().WriteAsync((byte[])[.. Encoding.ASCII.GetBytes(head), .. Kernel.AsSpan(0, 7)], TestContext.Current.CancellationToken);
            await FakeCloud.UntilAsync(async () => await OffsetAsync(upload) == 7);
        }

        await FakeCloud.UntilAsync(async () => (await PatchAsync(upload, 7, Kernel[7..])).IsSuccessStatusCode);

        await RegisterAsync(upload);
    }

    [Fact]
    public async Task An_upload_goes_on_after_the_web_program_was_killed()
    {
        var upload = await CreateAsync(Kernel.Length);
        (await PatchAsync(upload, 0, Kernel[..10])).Dispose();

        await service.KillAsync("cloudpv-web");
        service.Start("cloudpv-web");
        await service.UntilHostIsAvailableAsync();

        (await OffsetAsync(upload)).ShouldBe(10);
        (await PatchAsync(upload, 10, Kernel[10..])).Dispose();
        await RegisterAsync(upload);
    }

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    [InlineData("md5")]
    public async Task A_part_that_is_not_what_was_sent_is_not_kept(string algorithm)
    {
        var upload = await CreateAsync(Kernel.Length);
        var right = Convert.ToBase64String(CryptographicOperations.HashData(new HashAlgorithmName(algorithm.ToUpperInvariant()), Kernel));

        await PatchAsync(upload, 0, Encoding.ASCII.GetBytes("kernel that comes in farts"), $"{algorithm} {right}").ShouldBeProblemAsync(ChecksumMismatch, "ChecksumMismatch");
        (await OffsetAsync(upload)).ShouldBe(0);

        (await PatchAsync(upload, 0, Kernel, $"{algorithm} {right}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await GiveUpAsync(upload);
    }

    [Fact]
    public async Task A_checksum_of_an_unknown_kind_is_refused()
    {
        var upload = await CreateAsync(Kernel.Length);
        (await PatchAsync(upload, 0, Kernel, "crc32 AAAAAA==").ShouldBeProblemAsync(HttpStatusCode.BadRequest, "InvalidParameterValue")).ShouldStartWith("Upload-Checksum: needs one of sha1, ");
        await GiveUpAsync(upload);
    }

    [Fact]
    public async Task A_part_belongs_where_the_upload_ends()
    {
        var upload = await CreateAsync(Kernel.Length);
        await PatchAsync(upload, 5, Kernel[5..]).ShouldBeProblemAsync(HttpStatusCode.Conflict, "UploadOffsetMismatch");
        (await OffsetAsync(upload)).ShouldBe(0);
        await GiveUpAsync(upload);
    }

    [Fact]
    public async Task A_part_beyond_the_announced_length_is_not_kept()
    {
        var upload = await CreateAsync(Kernel.Length - 1);
        await PatchAsync(upload, 0, Kernel).ShouldBeProblemAsync(HttpStatusCode.RequestEntityTooLarge, "UploadTooLarge");
        (await OffsetAsync(upload)).ShouldBe(0);
        await GiveUpAsync(upload);
    }

    [Fact]
    public async Task Another_version_of_the_protocol_is_told_which_one_is_spoken()
    {
        using var answer = await SendAsync(HttpMethod.Post, Uploads, version: "0.2.2", ("Upload-Length", "1"));
        answer.StatusCode.ShouldBe(HttpStatusCode.PreconditionFailed);
        (Header(answer, "Tus-Version"), Header(answer, "Tus-Resumable")).ShouldBe(("1.0.0", "1.0.0"));
    }

    [Theory]
    [InlineData("Upload-Metadata", "name n0t base64", "InvalidParameterValue")]
    [InlineData("Upload-Length", "-1", "InvalidParameterValue")]
    [InlineData("Upload-Length", "many", "MalformedRequest")]
    public async Task An_upload_that_can_not_be_begun_says_why(string header, string value, string code)
    {
        (string, string)[] headers = header == "Upload-Length" ? [(header, value)] : [("Upload-Length", "1"), (header, value)];
        await SendAsync(HttpMethod.Post, Uploads, "1.0.0", headers).ShouldBeProblemAsync(HttpStatusCode.BadRequest, code);
    }

    [Fact]
    public async Task A_part_of_another_content_type_is_refused()
    {
        var upload = await CreateAsync(Kernel.Length);
        using var request = new HttpRequestMessage(HttpMethod.Patch, upload)
        {
            Headers = { { "Tus-Resumable", "1.0.0" }, { "Upload-Offset", "0" } },
            Content = new StringContent("kernel"),
        };
        await service.Client.SendAsync(request).ShouldBeProblemAsync(HttpStatusCode.UnsupportedMediaType, "UnsupportedMediaType");
        await GiveUpAsync(upload);
    }

    [Fact]
    public async Task A_client_that_can_only_post_names_the_method_in_a_header()
    {
        var upload = await CreateAsync(Kernel.Length);
        using (var answer = await SendAsync(HttpMethod.Post, upload, "1.0.0", ("X-HTTP-Method-Override", "DELETE")))
            answer.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        Files(upload).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_incomplete_upload_is_no_image_yet()
    {
        var upload = await CreateAsync(Kernel.Length);
        await PostImageAsync(upload).ShouldBeProblemAsync(HttpStatusCode.Conflict, "UploadIncomplete");
        (await OffsetAsync(upload)).ShouldBe(0);
        await GiveUpAsync(upload);
    }

    [Fact]
    public async Task A_refused_upload_leaves_nothing()
    {
        var upload = await CreateAsync(4);
        (await PatchAsync(upload, 0, "milk"u8.ToArray())).Dispose();
        await PostImageAsync(upload).ShouldBeProblemAsync(HttpStatusCode.UnprocessableEntity, "InvalidKernel");
        Files(upload).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_unknown_upload_is_told()
    {
        await PatchAsync($"{Uploads}/up-00000000000000000", 0, Kernel).ShouldBeProblemAsync(HttpStatusCode.NotFound, "InvalidUploadId.NotFound");
        await PatchAsync($"{Uploads}/..%2F..%2Fadmin.key", 0, Kernel).ShouldBeProblemAsync(HttpStatusCode.NotFound, "InvalidUploadId.NotFound");
    }

    [Fact]
    public async Task A_registration_sent_twice_with_the_same_key_is_one_image()
    {
        var upload = await CreateAsync(Kernel.Length);
        (await PatchAsync(upload, 0, Kernel)).Dispose();
        var ids = new HashSet<string>();
        for (var attempt = 0; attempt < 2; attempt++)
        {
            using var answer = await PostImageAsync(upload, "the-same");
            answer.StatusCode.ShouldBe(HttpStatusCode.Created);
            ids.Add((await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("id").GetString()!);
        }
        ids.Count.ShouldBe(1);
    }

    private static string Header(HttpResponseMessage answer, string name) => string.Join(',', answer.Headers.TryGetValues(name, out var values) ? values : []);

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? version = "1.0.0", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (version is not null)
            request.Headers.Add("Tus-Resumable", version);
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>Begins an upload; its address.</summary>
    private async Task<string> CreateAsync(int length, string? metadata = null)
    {
        (string, string)[] headers = [("Upload-Length", $"{length}"), .. metadata is null ? [] : new[] { ("Upload-Metadata", metadata) }];
        using var answer = await SendAsync(HttpMethod.Post, Uploads, "1.0.0", headers);
        answer.StatusCode.ShouldBe(HttpStatusCode.Created);
        return answer.Headers.Location!.OriginalString;
    }

    private async Task<HttpResponseMessage> PatchAsync(string upload, long offset, byte[] part, string? checksum = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, upload)
        {
            Headers = { { "Tus-Resumable", "1.0.0" }, { "Upload-Offset", $"{offset}" } },
            Content = new ByteArrayContent(part) { Headers = { ContentType = new MediaTypeHeaderValue("application/offset+octet-stream") } },
        };
        if (checksum is not null)
            request.Headers.Add("Upload-Checksum", checksum);
        return await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private async Task<long> OffsetAsync(string upload)
    {
        using var answer = await SendAsync(HttpMethod.Head, upload);
        return long.Parse(Header(answer, "Upload-Offset"), CultureInfo.InvariantCulture);
    }

    private async Task<HttpResponseMessage> PostImageAsync(string upload, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/images?kind=kernel&name=resumed&uploadId={Path.GetFileName(upload)}");
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        return await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private async Task<JsonElement> RegisterAsync(string upload)
    {
        using var answer = await PostImageAsync(upload);
        answer.StatusCode.ShouldBe(HttpStatusCode.Created, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
    }

    private async Task GiveUpAsync(string upload)
    {
        using var answer = await SendAsync(HttpMethod.Delete, upload);
        answer.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        Files(upload).ShouldBeEmpty();
    }

    private string[] Files(string upload) => Directory.GetFiles(Path.Combine(service.DataFolder, "images", "incoming"), $"{Path.GetFileName(upload)}*");
}
