using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace CloudPv.Web.Tests;

public sealed class ConsoleTests(FakeCloud service)
{
    [Fact]
    public async Task What_one_types_every_watcher_sees_after_the_scrollback()
    {
        var id = await service.LaunchAsync();
        using var first = await service.OpenConsoleAsync(id);
        using var second = await service.OpenConsoleAsync(id);
        await first.TypeAsync("hello\n");
        (await first.ReadUntilAsync("hello\n")).ShouldBe("fake guest is up\nhello\n");
        (await second.ReadUntilAsync("hello\n")).ShouldBe("fake guest is up\nhello\n");
    }

    [Fact]
    public async Task The_socket_closes_when_the_instance_stops()
    {
        var id = await service.LaunchAsync();
        using var console = await service.OpenConsoleAsync(id);
        await console.TypeAsync("poweroff\n");
        WebSocketReceiveResult read;
        do
            read = await console.ReceiveAsync(new byte[4096], TestContext.Current.CancellationToken);
        while (read.MessageType != WebSocketMessageType.Close);
        console.CloseStatus.ShouldBe(WebSocketCloseStatus.NormalClosure);
        (await service.InStateAsync(id, "stopped")).GetProperty("stateReason").GetProperty("code").GetString().ShouldBe("poweroff");
    }

    [Fact]
    public async Task A_browser_that_is_signed_in_may_watch()
    {
        var id = await service.LaunchAsync();
        var cookies = new CookieContainer();
        cookies.Add(service.Address, new Cookie("cloudpv_key", service.Key));
        using var console = await service.OpenConsoleAsync(id, options => options.Cookies = cookies);
        await console.ReadUntilAsync("fake guest is up\n");
    }

    [Fact]
    public async Task A_key_in_the_address_opens_a_console_and_nothing_else()
    {
        var id = await service.LaunchAsync();
        using var console = await service.OpenConsoleAsync(id, _ => { }, $"access_token={service.Key}");
        await console.ReadUntilAsync("fake guest is up\n");
        using var client = service.NewClient(key: null);
        await client.GetAsync($"/api/v1/instances?access_token={service.Key}").ShouldBeProblemAsync(HttpStatusCode.Unauthorized, "MissingAccessKey");
    }

    [Fact]
    public async Task A_stopped_instances_console_can_still_be_read()
    {
        var id = await service.LaunchAsync();
        await service.Client.PostAsync($"/api/v1/instances/{id}/stop", null, TestContext.Current.CancellationToken);
        await service.InStateAsync(id, "stopped");

        (await service.Client.GetStringAsync($"/api/v1/instances/{id}/console-output", TestContext.Current.CancellationToken)).ShouldBe("fake guest is up\n");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/instances/{id}/console-output") { Headers = { Accept = { new("application/json") } } };
        using var answer = await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var output = (await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("output").GetBytesFromBase64();
        Encoding.UTF8.GetString(output).ShouldBe("fake guest is up\n");
        await service.Client.GetAsync($"/api/v1/instances/{id}/console").ShouldBeProblemAsync(HttpStatusCode.UpgradeRequired, "MalformedRequest");
    }
}
