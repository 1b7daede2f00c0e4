using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace CloudPv.EndToEnd.Tests;

/// <summary>An instance of the starter image, launched by REST and terminated at the end.</summary>
public sealed class TestInstance : IAsyncDisposable
{
    private readonly RunningService _service;
    private int _logins;

    private TestInstance(RunningService service, string id)
    {
        _service = service;
        Id = id;
    }

    public string Id { get; }

    public static async Task<TestInstance> LaunchAsync(RunningService service, int vcpus = 1, int memoryMiB = 256)
    {
        var images = await service.Client.GetFromJsonAsync<JsonElement>("/api/v1/images?kind=machine");
        var starter = images.GetProperty("items").EnumerateArray().Single(image => image.GetProperty("name").GetString() == "starter");
        var launch = new { imageId = starter.GetProperty("id").GetString(), instanceType = "t1.micro", vcpus, memoryMiB };
        using var response = await service.Client.PostAsJsonAsync("/api/v1/instances", launch);
        var reservation = await response.Content.ReadFromJsonAsync<JsonElement>();
        response.IsSuccessStatusCode.ShouldBeTrue(reservation.ToString());
        return new TestInstance(service, reservation.GetProperty("instances")[0].GetProperty("id").GetString()!);
    }

    /// <summary>The instance as the API describes it now.</summary>
    public Task<JsonElement> DescribeAsync() => _service.Client.GetFromJsonAsync<JsonElement>($"/api/v1/instances/{Id}");

    public async Task PostAsync(string action)
    {
        using var response = await _service.Client.PostAsync($"/api/v1/instances/{Id}/{action}", content: null);
        response.IsSuccessStatusCode.ShouldBeTrue(await response.Content.ReadAsStringAsync());
    }

    /// <summary>Waits, by the service's event stream, until the instance is in a state; gives its description then.</summary>
    public async Task<JsonElement> WaitForAsync(string state, TimeSpan? within = null)
    {
        using var deadline = new CancellationTokenSource(within ?? TimeSpan.FromSeconds(60));
        await using var stream = await _service.Client.GetStreamAsync("/api/v1/events/stream", deadline.Token);
        var instance = await DescribeAsync();
        try
        {
            await using var events = SseParser.Create(stream).EnumerateAsync(deadline.Token).GetAsyncEnumerator(deadline.Token);
            while (instance.GetProperty("state").GetString() != state && await events.MoveNextAsync())
                instance = await DescribeAsync();
        }
        catch (OperationCanceledException timeout)
        {
            throw new TimeoutException($"{Id} did not become {state}: {instance}", timeout);
        }
        return instance;
    }

    /// <summary>Opens the console and logs in; the guest's own shell waits for commands.</summary>
    public async Task<GuestConsole> LogInAsync()
    {
        await WaitForAsync("running");
        var console = await GuestConsole.OpenAsync(_service, Id);
        for (var earlier = 0; earlier < _logins; earlier++)
            await console.ExpectAsync("login: root"); // in the scrollback
        await console.LogInAsync();
        _logins++;
        return console;
    }

    public async ValueTask DisposeAsync()
    {
        using var response = await _service.Client.DeleteAsync($"/api/v1/instances/{Id}");
        await WaitForAsync("terminated");
    }
}
