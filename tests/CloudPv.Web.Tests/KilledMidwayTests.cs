using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace CloudPv.Web.Tests;

/// <summary>kill -9 of each part, one at a time, in the middle of what was asked of the service.</summary>
public sealed class KilledMidwayTests(FakeCloud service)
{
    [Theory]
    [InlineData("cloudpv-worker")]
    [InlineData("cloudpv-web")]
    public async Task A_pending_instance_runs_once_the_killed_program_is_back(string program)
    {
        var id = await LaunchWithoutWaitingAsync();

        await service.KillAsync(program);
        service.Start(program);

        await service.InStateAsync(id, "running");
        DomainsOf(id).ShouldBe(1);
    }

    [Fact]
    public async Task A_pending_instance_runs_once_the_killed_database_is_back()
    {
        var id = await LaunchWithoutWaitingAsync();

        service.KillDatabase();

        await service.InStateAsync(id, "running");
        DomainsOf(id).ShouldBe(1);
    }

    [Theory]
    [InlineData("cloudpv-worker")]
    [InlineData("cloudpv-web")]
    public async Task A_stopping_instance_is_still_stopping_once_the_killed_program_is_back(string program)
    {
        var id = await service.LaunchAsync(commandLine: "hang");
        await service.PostAsync($"/api/v1/instances/{id}/stop");

        await service.KillAsync(program);
        service.Start(program);

        await service.UntilHostIsAvailableAsync();
        await service.InStateAsync(id, "stopping");
        await service.PostAsync($"/api/v1/instances/{id}/stop?force=true");
        await ShouldStopByRequestAsync(id);
    }

    [Fact]
    public async Task A_stopping_instance_stops_though_the_database_is_killed()
    {
        var id = await service.LaunchAsync();
        await service.PostAsync($"/api/v1/instances/{id}/stop");

        service.KillDatabase();

        await ShouldStopByRequestAsync(id);
    }

    [Fact]
    public async Task A_domain_killed_while_it_stops_has_stopped_as_asked()
    {
        var id = await service.LaunchAsync(commandLine: "hang");
        await service.PostAsync($"/api/v1/instances/{id}/stop");

        using (var domain = service.DomainOf(id))
            domain.Kill();

        await ShouldStopByRequestAsync(id);
    }

    [Fact]
    public async Task An_upload_whose_web_program_is_killed_leaves_nothing()
    {
        var before = Images();
        using var upload = await BeginUploadAsync("killed");

        await service.KillAsync("cloudpv-web");
        service.Start("cloudpv-web");

        await service.UntilHostIsAvailableAsync();
        Images().ShouldBe(before, ignoreOrder: true);
        (await service.Client.GetFromJsonAsync<JsonElement>("/api/v1/images?name=killed")).GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task An_upload_is_registered_though_the_database_is_killed_meanwhile()
    {
        using var upload = await BeginUploadAsync("survivor");

        service.KillDatabase();
        await upload.WriteAsync(new byte[UploadBytes - Encoding.ASCII.GetByteCount(FirstWord)], TestContext.Current.CancellationToken);

        using var answer = new StreamReader(upload);
        (await answer.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe("HTTP/1.1 201 Created");
        (await service.Client.GetFromJsonAsync<JsonElement>("/api/v1/images?name=survivor")).GetProperty("items").GetArrayLength().ShouldBe(1);
    }

    private const int UploadBytes = 1 << 20;
    private const string FirstWord = "kernel ";

    private async Task<string> LaunchWithoutWaitingAsync()
    {
        using var answer = await service.Client.PostAsJsonAsync("/api/v1/instances", new { imageId = service.ImageId, instanceType = "t1.nano" });
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("instances")[0].GetProperty("id").GetString()!;
    }

    private async Task ShouldStopByRequestAsync(string id) =>
        (await service.InStateAsync(id, "stopped")).GetProperty("stateReason").GetProperty("code").GetString().ShouldBe("user-request");

    /// <summary>Sends an upload's head and its first bytes, and waits until they have arrived.</summary>
    private async Task<NetworkStream> BeginUploadAsync(string name)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(service.Address.Host, service.Address.Port);
        var stream = new NetworkStream(socket, ownsSocket: true);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /api/v1/images?kind=kernel&name={name} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.Key}\r\nContent-Length: {UploadBytes}\r\n\r\n{FirstWord}"));
        await FakeCloud.UntilAsync(() => Task.FromResult(Images("incoming").Length == 1));
        return stream;
    }

    private string[] Images(string under = "") => Directory.GetFiles(Path.Combine(service.DataFolder, "images", under), "*", SearchOption.AllDirectories);

    /// <summary>How many processes there are that hold the instance's lock file open: its own alone does.</summary>
    private static int DomainsOf(string id) => Directory.EnumerateDirectories("/proc").Count(process =>
    {
        try
        {
            return Path.GetFileName(process).All(char.IsAsciiDigit)
                && Directory.EnumerateFiles($"{process}/fd").Any(file => File.ResolveLinkTarget(file, returnFinalTarget: false)?.FullName.EndsWith($"{id}/lock", StringComparison.Ordinal) == true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // ended while the list was read
        }
    });
}
