using System.Globalization;
using CloudPv.Hypervisor;
using CloudPv.X86;

namespace CloudPv.Cli.Domu.Profile;

/// <summary>The tables that <c>--profile</c> prints: what the vCPUs' time went to, in kinds and by place.</summary>
public sealed class ProfileReport(DomainProfile profile, GuestSymbols symbols)
{
    private const int MostPlaces = 50;
    private const ulong PageMask = ~0xffful;

    /// <summary>Where a 64-bit Linux kernel loads modules, whose names it alone knows.</summary>
    private const ulong Modules = 0xffff_ffff_c000_0000;

    public async Task WriteAsync(TextWriter output)
    {
        foreach (var (index, vcpu) in profile.Vcpus.Index().Where(entry => entry.Item.Up > TimeSpan.Zero))
        {
            await output.WriteLineAsync(Text($"profile of vcpu {index}: up {vcpu.Up.TotalSeconds:F2} s, of which blocked {vcpu.Blocked.TotalSeconds:F2} s; CPU time:"));
            await WriteAsync(output, vcpu.Places.GroupBy(place => KindOf(place.Key), place => place.Value), int.MaxValue);
            if (vcpu.Lost > 0)
                await output.WriteLineAsync(Text($"  {Seconds(vcpu.Lost):F3} s more were lost"));
        }

        await output.WriteLineAsync(Text($"profile of all vcpus by place, the first {MostPlaces}:"));
        await WriteAsync(output, profile.Vcpus.SelectMany(vcpu => vcpu.Places).GroupBy(place => NameOf(place.Key), place => place.Value), MostPlaces);
    }

    private async Task WriteAsync(TextWriter output, IEnumerable<IGrouping<string, long>> groups, int most)
    {
        var sums = groups.Select(group => (Name: group.Key, Periods: group.Sum())).OrderByDescending(sum => sum.Periods).ToArray();
        var all = sums.Sum(sum => sum.Periods);
        foreach (var (name, periods) in sums.Take(most))
            await output.WriteLineAsync(Text($"  {100.0 * periods / all,6:F2} %  {Seconds(periods),8:F3} s  {name}"));
    }

    private static string KindOf(in ProfilePlace place) => place.Kind switch
    {
        ProfileKind.Code => place.Mode == CpuMode.Kernel ? "kernel code" : "user code",
        ProfileKind.Caller => DomainProfile.NameOf(in place),
        _ => NameOf(place.Kind),
    };

    private string NameOf(in ProfilePlace place) => place.Kind switch
    {
        ProfileKind.Code => CodeAt(in place),
        ProfileKind.Caller => DomainProfile.NameOf(in place),
        _ when place.Rip != 0 && place.Kind != ProfileKind.Translation => $"{NameOf(place.Kind)} of {CodeAt(in place)}",
        _ => NameOf(place.Kind),
    };

    private static string NameOf(ProfileKind kind) => kind switch
    {
        ProfileKind.RunLoop => "dispatch",
        ProfileKind.Translation => "translation",
        ProfileKind.Emulation => "emulation",
        ProfileKind.TlbMiss => "TLB misses",
        ProfileKind.Strings => "rep movs/stos",
        ProfileKind.SystemCall => "system calls and returns in machine code",
        ProfileKind.Switch => "entering and leaving guest code",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a kind of its own name"),
    };

    private string CodeAt(in ProfilePlace place)
    {
        if (place.Mode == CpuMode.User)
            return Text($"user page {place.Rip & PageMask:x}");
        if (place.Rip >= Modules)
            return Text($"kernel module page {place.Rip & PageMask:x}");
        return symbols.Find(place.Rip) is { } name ? $"kernel {name}" : Text($"kernel page {place.Rip & PageMask:x}");
    }

    private double Seconds(long periods) => periods * profile.Period.TotalSeconds;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
