using System.Security.Cryptography;
using System.Text;

namespace CloudPv.Worker;

/// <summary>An instance's UUID, the same at each start: the guest sees it as <c>/sys/hypervisor/uuid</c>.</summary>
internal static class DomainUuid
{
    public static Guid Of(string instanceId)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes(instanceId)).AsSpan(0, 16);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80); // version 8: made by rules of one's own (RFC 9562)
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
