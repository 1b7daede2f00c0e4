using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace CloudPv.Web.Tests;

public sealed class ApiTests(FakeCloud service)
{
    [Theory]
    [InlineData("""{"imageId":"ami-00000000000000000","instanceType":"t1.nano"}""", HttpStatusCode.NotFound, "InvalidImageId.NotFound")]
    [InlineData("""{"imageId":"IMAGE","instanceType":"x9.huge"}""", HttpStatusCode.BadRequest, "InvalidParameterValue")]
    [InlineData("""{"imageId":"IMAGE","instanceType":"t1.nano","vcpus":0}""", HttpStatusCode.BadRequest, "InvalidParameterValue")]
    [InlineData("""{"imageId":"IMAGE","instanceType":"t1.nano","vcpus":1000}""", HttpStatusCode.BadRequest, "InvalidParameterValue")]
    [InlineData("""{"imageId":"IMAGE","instanceType":"t1.nano","memoryMiB":100000000}""", HttpStatusCode.Conflict, "InsufficientHostMemory")]
    [InlineData("""{"imageId":"KERNEL","instanceType":"t1.nano"}""", HttpStatusCode.BadRequest, "InvalidParameterValue")]
    public async Task A_launch_that_can_not_be_is_refused_with_its_own_code_and_leaves_nothing(string body, HttpStatusCode status, string code)
    {
        var before = await CountAsync();
        body = body.Replace("IMAGE", service.ImageId, StringComparison.Ordinal).Replace("KERNEL", service.KernelId, StringComparison.Ordinal);
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        await service.Client.PostAsync("/api/v1/instances", content).ShouldBeProblemAsync(status, code);
        (await CountAsync()).ShouldBe(before);
    }

    [Theory]
    [InlineData("""{"instanceType":"t1.nano"}""", "This request needs the field 'imageId'.")]
    [InlineData("""{"imageId":"ami-0","instanceType":"t1.nano","vcpu":1}""", "There is no field 'vcpu' in this request.")]
    [InlineData("""{"imageId":"ami-0","instanceType":"t1.nano","vcpus":"two"}""", "vcpus: this field can't have that value.")]
    [InlineData("""{"imageId":"ami-0","instanceType":"t1.nano","vcpus":99999999999}""", "vcpus: this field can't have that value.")]
    [InlineData("""{"imageId":null,"instanceType":"t1.nano"}""", "imageId: this field can't have that value.")]
    [InlineData("""{"imageId":""", "The body is no JSON object: see line 1, byte 12.")]
    [InlineData("[]", "The body is no JSON object: see line 1, byte 2.")]
    [InlineData("", "This request needs a JSON object as its body.")]
    public async Task A_request_that_can_not_be_read_says_where(string body, string words)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        (await service.Client.PostAsync("/api/v1/instances", content).ShouldBeProblemAsync(HttpStatusCode.BadRequest, "MalformedRequest")).ShouldBe(words);
    }

    [Theory]
    [InlineData("/api/v1/instances?limit=many", "limit: 'many' is no value for it.")]
    [InlineData("/api/v1/events?cursor=x", "cursor: 'x' is no value for it.")]
    public async Task A_parameter_that_can_not_be_read_says_which(string path, string words) =>
        (await service.Client.GetAsync(path).ShouldBeProblemAsync(HttpStatusCode.BadRequest, "MalformedRequest")).ShouldBe(words);

    [Fact]
    public async Task A_client_token_that_stands_for_another_launch_is_refused_and_leaves_nothing()
    {
        using var first = await service.Client.PostAsJsonAsync(
            "/api/v1/instances", new { imageId = service.ImageId, instanceType = "t1.nano", clientToken = "mine" }, TestContext.Current.CancellationToken);
        first.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        var before = await CountAsync();

        await service.Client.PostAsJsonAsync("/api/v1/instances", new { imageId = service.ImageId, instanceType = "t1.nano", vcpus = 2, clientToken = "mine" })
            .ShouldBeProblemAsync(HttpStatusCode.Conflict, "IdempotentParameterMismatch");

        (await CountAsync()).ShouldBe(before);
    }

    [Theory]
    [InlineData("kernel", "hello", "InvalidKernel")]
    [InlineData("kernel", "disk", "InvalidKernel")]
    [InlineData("kernel", "kernel broken", "InvalidKernel")]
    [InlineData("ramdisk", "ramdisk broken", "InvalidRamdisk")]
    [InlineData("kernel", "", "InvalidKernel")]
    public async Task A_bad_upload_is_refused_and_leaves_nothing(string kind, string body, string code)
    {
        var before = Directory.GetFiles(Path.Combine(service.DataFolder, "images"), "*", SearchOption.AllDirectories);
        using var content = new StringContent(body, new MediaTypeHeaderValue("application/octet-stream"));
        await service.Client.PostAsync($"/api/v1/images?kind={kind}&name=bad", content).ShouldBeProblemAsync(HttpStatusCode.UnprocessableEntity, code);
        Directory.GetFiles(Path.Combine(service.DataFolder, "images"), "*", SearchOption.AllDirectories).ShouldBe(before, ignoreOrder: true);
    }

    [Fact]
    public async Task An_upload_that_breaks_off_leaves_nothing()
    {
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(service.Address.Host, service.Address.Port, TestContext.Current.CancellationToken);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /api/v1/images?kind=kernel&name=half HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.Key}\r\nContent-Length: 1000000\r\n\r\nkernel"),
            TestContext.Current.CancellationToken);
        var incoming = Path.Combine(service.DataFolder, "images", "incoming");
        await FakeCloud.UntilAsync(() => Task.FromResult(Directory.GetFiles(incoming).Length == 1));

        socket.Close();

        await FakeCloud.UntilAsync(() => Task.FromResult(Directory.GetFiles(incoming).Length == 0));
    }

    [Fact]
    public async Task A_read_has_a_tag_that_spares_reading_it_again()
    {
        using var first = await service.Client.GetAsync("/api/v1/instance-types", TestContext.Current.CancellationToken);
        using var again = new HttpRequestMessage(HttpMethod.Get, "/api/v1/instance-types") { Headers = { IfNoneMatch = { first.Headers.ETag! } } };
        (await service.Client.SendAsync(again, TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.NotModified);
    }

    [Fact]
    public async Task A_launch_with_the_same_idempotency_key_is_one_launch()
    {
        var ids = new HashSet<string>();
        for (var attempt = 0; attempt < 2; attempt++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/instances")
            {
                Headers = { { "Idempotency-Key", "once" } },
                Content = JsonContent.Create(new { imageId = service.ImageId, instanceType = "t1.nano" }),
            };
            using var answer = await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
            answer.StatusCode.ShouldBe(HttpStatusCode.Accepted);
            ids.Add((await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("id").GetString()!);
        }
        ids.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_list_is_filtered_by_state()
    {
        var id = await service.LaunchAsync();
        (await IdsAsync("state=running")).ShouldContain(id);
        (await IdsAsync("state=stopped&state=shutting-down")).ShouldNotContain(id);
        await service.Client.GetAsync("/api/v1/instances?state=asleep").ShouldBeProblemAsync(HttpStatusCode.BadRequest, "InvalidParameterValue");
    }

    [Fact]
    public async Task What_happens_is_streamed()
    {
        using var stream = await service.Client.GetAsync("/api/v1/events/stream", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        stream.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        var id = await service.LaunchAsync();
        using var events = new StreamReader(await stream.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        string? line;
        do
            line = await events.ReadLineAsync(TestContext.Current.CancellationToken);
        while (line is not null && !(line.Contains(id, StringComparison.Ordinal) && line.Contains("is running.", StringComparison.Ordinal)));
        line.ShouldNotBeNull();
    }

    private async Task<int> CountAsync() => (await IdsAsync("limit=1000")).Count();

    private async Task<IEnumerable<string?>> IdsAsync(string query) =>
        (await service.Client.GetFromJsonAsync<JsonElement>($"/api/v1/instances?{query}")).GetProperty("items").EnumerateArray().Select(i => i.GetProperty("id").GetString());
}
