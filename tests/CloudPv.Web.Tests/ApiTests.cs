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
    [InlineData("""{"imageId":"IMAGE"}""", HttpStatusCode.BadRequest, "MalformedRequest")]
    [InlineData("""{"imageId":"IMAGE","instanceType":"t1.nano","vcpu":1}""", HttpStatusCode.BadRequest, "MalformedRequest")]
    [InlineData("""{"imageId":""", HttpStatusCode.BadRequest, "MalformedRequest")]
    public async Task A_launch_that_can_not_be_is_refused_with_its_own_code(string body, HttpStatusCode status, string code)
    {
        using var content = new StringContent(body.Replace("IMAGE", service.ImageId, StringComparison.Ordinal), Encoding.UTF8, "application/json");
        await service.Client.PostAsync("/api/v1/instances", content).ShouldBeProblemAsync(status, code);
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

    private async Task<IEnumerable<string?>> IdsAsync(string query) =>
        (await service.Client.GetFromJsonAsync<JsonElement>($"/api/v1/instances?{query}")).GetProperty("items").EnumerateArray().Select(i => i.GetProperty("id").GetString());
}
