using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;

namespace CloudPv.Cloud;

/// <summary>
/// The network that all instances are on, with EC2's default VPC's addresses. As in EC2, the first four are the
/// network's own: its name, the router, the DNS server, and a spare.
/// </summary>
public static class PrivateNetwork
{
    private const uint Network = 0xac1f_0000; // 172.31.0.0/16
    private const uint Own = 4;
    private const uint Size = 1 << 16;

    /// <summary>The lowest free address.</summary>
    public static string NextAddress(IReadOnlySet<string> taken)
    {
        for (var host = Own; host < Size - 1; host++)
        {
            var address = ToText(Network + host);
            if (!taken.Contains(address))
                return address;
        }
        throw new CloudException(Refusal.NoCapacity, "InsufficientFreeAddresses", "The network has no free address left.");
    }

    /// <summary>A random address in Xen's range, 00:16:3e.</summary>
    public static string NextMac(IReadOnlySet<string> taken)
    {
        while (true)
        {
            var nic = RandomNumberGenerator.GetBytes(3);
            var mac = $"00:16:3e:{nic[0] & 0x7f:x2}:{nic[1]:x2}:{nic[2]:x2}";
            if (!taken.Contains(mac))
                return mac;
        }
    }

    /// <summary>EC2's name for an instance: <c>ip-172-31-0-4</c>.</summary>
    public static string HostName(string privateIp) => $"ip-{privateIp.Replace('.', '-')}";

    private static string ToText(uint address)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, address);
        return new IPAddress(bytes).ToString();
    }
}
