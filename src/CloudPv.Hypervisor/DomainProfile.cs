using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>What a domain's vCPUs spent their time on.</summary>
/// <param name="Period">What one period of <see cref="VcpuProfile.Places"/> is, of CPU time.</param>
public sealed record DomainProfile(TimeSpan Period, IReadOnlyList<VcpuProfile> Vcpus)
{
    /// <summary>What a place of <see cref="ProfileKind.Caller"/> is: a hypercall or an exit, by name.</summary>
    public static string NameOf(in ProfilePlace place) => VcpuActivity.Name(place.Activity);

    internal static DomainProfile Of(TimeSpan period, IEnumerable<Vcpu> vcpus) => new(period, [.. vcpus.Select(vcpu => VcpuProfile.Of(vcpu, vcpu.Profile!))]);
}

/// <summary>One vCPU's part.</summary>
/// <param name="Up">How long it has been up.</param>
/// <param name="Blocked">How much of that it had nothing to do.</param>
/// <param name="Places">Periods by what they were spent on.</param>
/// <param name="Lost">Periods of which that isn't known.</param>
public sealed record VcpuProfile(TimeSpan Up, TimeSpan Blocked, IReadOnlyDictionary<ProfilePlace, long> Places, long Lost)
{
    internal static VcpuProfile Of(Vcpu vcpu, CpuProfile profile)
    {
        // The vCPU rests or has ended.
        profile.Sort();
        VcpuRunstateInfo states = vcpu.Runstate.Current;
        return new(Span(states.TimeRunning + states.TimeRunnable + states.TimeBlocked), Span(states.TimeBlocked), profile.Places, profile.Lost);
    }

    private static TimeSpan Span(ulong nanoseconds) => TimeSpan.FromTicks((long)(nanoseconds / TimeSpan.NanosecondsPerTick));
}
