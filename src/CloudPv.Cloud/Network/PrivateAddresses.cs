using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using CloudPv.WorkerProtocol;

namespace CloudPv.Cloud;

/// <summary>Gives instances their addresses in the <see cref="PrivateNetwork"/>.</summary>
internal static class PrivateAddresses
{
    /// <summary>The lowest free address.</summary>
    public static string NextIp(IReadOnlySet<string> taken)
    {
        var network = BinaryPrimitives.ReadUInt32BigEndian(PrivateNetwork.Network.BaseAddress.GetAddressBytes());
        var broadcast = network | (uint.MaxValue >> PrivateNetwork.Network.PrefixLength);
        for (var address = network + PrivateNetwork.FirstInstance; address < broadcast; address++)
        {
            var text = ToText(address);
            if (!taken.Contains(text))
                return text;
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

    /// <summary>EC2's name for an instance: <c>ip-10-0-0-16</c>.</summary>
    public static string HostName(string privateIp) => $"ip-{privateIp.Replace('.', '-')}";

    private static string ToText(uint address)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, address);
        return new IPAddress(bytes).ToString();
    }
}
