using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using CloudPv.Dom0;
using CloudPv.Dom0.Net;
using CloudPv.Hypervisor;

namespace CloudPv.Cli.Tests.Guests;

/// <summary>Debian's own netfront on this network: two instances and the host.</summary>
public sealed class GuestNetworkTests(BuiltStarterImage image) : IAsyncLifetime
{
    private readonly HostNetwork _network = new(NetworkPlan.Default);
    private readonly Host _host = new(new HostOptions());
    private Toolstack _toolstack = null!;
    private StarterGuest _first = null!;
    private StarterGuest _second = null!;

    public async ValueTask InitializeAsync()
    {
        _toolstack = new Toolstack(_host, static _ => { }, _network);
        var starting = StarterGuest.StartAsync(image, _toolstack, _network, "first", 0);
        _second = await StarterGuest.StartAsync(image, _toolstack, _network, "second", 1);
        _first = await starting;
    }

    [Fact]
    public async Task Each_gets_what_DHCP_has_for_it()
    {
        (await _first.RunAsync("ip -4 -o address show dev eth0")).ShouldContain("inet 10.0.0.16/16");
        (await _second.RunAsync("ip -4 -o address show dev eth0")).ShouldContain("inet 10.0.0.17/16");
        (await _second.RunAsync("hostname")).ShouldBe("second");
        (await _second.RunAsync("cat /etc/resolv.conf")).ShouldBe("nameserver 10.0.0.2");
        (await _second.RunAsync("ip route show default")).ShouldContain("via 10.0.0.1");
    }

    [Fact]
    public async Task They_ping_each_other_and_the_gateway_whatever_the_size()
    {
        foreach (var size in new[] { 56, 1472, 20000 })
            (await _first.RunAsync($"ping -c 3 -s {size} 10.0.0.17")).ShouldContain("3 packets received");
        (await _second.RunAsync("ping -c 3 10.0.0.16")).ShouldContain("3 packets received");
        (await _second.RunAsync("ping -c 3 10.0.0.1")).ShouldContain("3 packets received");
    }

    [Fact]
    public async Task A_stream_from_one_to_the_other_arrives_unharmed()
    {
        await _second.RunAsync("(nc -l -p 7000 | sha256sum > /tmp/sum) & true");
        var sent = await _first.RunAsync("head -c 30000000 /dev/urandom > /tmp/data; sha256sum < /tmp/data; sleep 1; nc 10.0.0.17 7000 < /tmp/data");
        (await _second.RunAsync("until [ -s /tmp/sum ]; do sleep 0.1; done; cat /tmp/sum")).ShouldBe(sent);
    }

    [Fact]
    public async Task A_stream_from_and_to_the_host_arrives_unharmed()
    {
        var content = new byte[30_000_000];
        new Random(1).NextBytes(content);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        var serving = ServeAsync(listener, content);
        var received = await _first.RunAsync($"nc 10.0.0.1 {port} > /tmp/fetched < /dev/null; sha256sum < /tmp/fetched");
        received.ShouldStartWith(Convert.ToHexStringLower(SHA256.HashData(content)));
        await serving;

        var receiving = ReceiveAsync(listener);
        await _first.RunAsync($"nc 10.0.0.1 {port} < /tmp/fetched");
        (await receiving).ShouldBe(SHA256.HashData(content));
    }

    public async ValueTask DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
        _toolstack.Dispose();
        _host.Dispose();
        _network.Dispose();
    }

    private static async Task ServeAsync(TcpListener listener, byte[] content)
    {
        using var client = await listener.AcceptTcpClientAsync();
        await client.GetStream().WriteAsync(content);
    }

    private static async Task<byte[]> ReceiveAsync(TcpListener listener)
    {
        using var client = await listener.AcceptTcpClientAsync();
        return await SHA256.HashDataAsync(client.GetStream());
    }
}
