using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace CloudPv.EndToEnd.Tests;

public sealed class NetworkTests(RunningService service)
{
    private const string WaitForAddress = "until ip -4 -o address show dev eth0 | grep -q inet; do sleep 0.1; done";

    [Fact]
    public async Task A_guest_gets_the_address_that_the_api_names()
    {
        await using var instance = await TestInstance.LaunchAsync(service);
        var expected = (await instance.DescribeAsync()).GetProperty("privateIp").GetString()!;
        await using var console = await instance.LogInAsync();

        await console.RunAsync(WaitForAddress);

        (await console.RunAsync("ip -4 -o address show dev eth0")).ShouldContain($"inet {expected}/");
    }

    [Fact]
    public async Task Two_instances_reach_each_other()
    {
        await using var first = await TestInstance.LaunchAsync(service);
        await using var second = await TestInstance.LaunchAsync(service);
        await using var there = await second.LogInAsync();
        await there.RunAsync(WaitForAddress);
        await using var console = await first.LogInAsync();
        await console.RunAsync(WaitForAddress);

        var target = (await second.DescribeAsync()).GetProperty("privateIp").GetString();

        (await console.RunAsync($"ping -c 3 {target}")).ShouldContain("3 packets received");
    }

    [Fact]
    public async Task A_guest_fetches_a_large_file_from_the_host_unharmed()
    {
        var content = new byte[100_000_000];
        new Random(1).NextBytes(content);
        var builder = WebApplication.CreateSlimBuilder();
        await using var server = builder.Build();
        server.Urls.Add("http://127.0.0.1:0");
        server.MapGet("/file", () => TypedResults.Bytes(content));
        await server.StartAsync();
        var port = new Uri(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;

        await using var instance = await TestInstance.LaunchAsync(service, vcpus: 2);
        await using var console = await instance.LogInAsync();
        await console.RunAsync(WaitForAddress);
        var gateway = await console.RunAsync("ip route | sed -n 's,^default via \\([^ ]*\\).*,\\1,p'");

        var sum = await console.RunAsync($"wget -q -O - http://{gateway}:{port}/file | sha256sum", TimeSpan.FromMinutes(3));

        sum.ShouldStartWith(Convert.ToHexStringLower(SHA256.HashData(content)));
    }
}
