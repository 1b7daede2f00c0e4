using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Domain numbers in memory hypercalls: a domU may only mean itself.</summary>
internal static class ForeignDomain
{
    public static bool IsSelf(Vcpu vcpu, ushort domain) => domain == SpecialDomain.Self || domain == vcpu.Domain.Id.Value;

    /// <summary>-EPERM for a domain that there is, -ESRCH for another.</summary>
    public static long Error(Vcpu vcpu, ushort domain) =>
        domain is 0 or SpecialDomain.Io or SpecialDomain.Xen || vcpu.Domain.Host.TryGetDomain(new(domain), out _) ? XenErrno.EPERM : XenErrno.ESRCH;
}
