using System.Globalization;
using CloudPv.Cli.Domu.Profile;
using CloudPv.Dom0;
using CloudPv.Guests;
using CloudPv.Hypervisor;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Cli.Tests.Profile;

public sealed class ProfileTests : IDisposable
{
    private const ulong Busy = PvKernel.Code + 0x100;
    private const int XenVersion = 17;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("profile");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task The_function_that_a_guest_spends_its_time_in_stands_on_top()
    {
        var report = await ProfileAsync(c =>
        {
            c.jmp(Busy);
            Pad(c);
            var loop = c.CreateLabel();
            c.mov(ecx, 400_000_000);
            c.Label(ref loop);
            c.dec(ecx);
            c.jne(loop);
            c.ShutDown();
        });

        LinesOf(report, "profile of all vcpus").First().ShouldEndWith("kernel busy");
        LinesOf(report, "profile of vcpu 0").First().ShouldEndWith("kernel code");
    }

    [Fact]
    public async Task Hypercalls_stand_there_by_name()
    {
        var report = await ProfileAsync(c =>
        {
            c.jmp(Busy);
            Pad(c);
            var loop = c.CreateLabel();
            c.mov(ebx, 3_000_000);
            c.Label(ref loop);
            c.Call(XenVersion, 0, 0);
            c.dec(ebx);
            c.jne(loop);
            c.ShutDown();
        });

        LinesOf(report, "profile of vcpu 0").ShouldContain(line => line.EndsWith("hypercall XenVersion", StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_no_line_of_a_System_map_is_named()
    {
        var map = Path.Combine(_folder.FullName, "bad.map");
        File.WriteAllText(map, "ffffffff81000000 T _text\nnonsense\n");

        Should.Throw<CommandFailedException>(() => GuestSymbols.Read(map)).Message.ShouldContain("'nonsense'");
    }

    private async Task<string> ProfileAsync(Action<Assembler> code)
    {
        var kernel = Path.Combine(_folder.FullName, "kernel");
        var map = Path.Combine(_folder.FullName, "System.map");
        File.WriteAllBytes(kernel, PvKernel.Assemble(code));
        File.WriteAllText(map, $"{PvKernel.Code:x16} T start\n{Busy:x16} T busy\n{PvKernel.Data:x16} D data\n");
        using var host = new Host(new HostOptions { ProfilePeriod = TimeSpan.FromMilliseconds(1) });
        using var toolstack = new Toolstack(host, static _ => { }, network: null);
        using var domu = toolstack.Create(new DomainSpec { Id = "profiled", Kernel = kernel });
        (await domu.RunAsync()).ShouldBe(DomuEnd.Poweroff);
        using var report = new StringWriter(CultureInfo.InvariantCulture);
        await new ProfileReport(domu.Profile.ShouldNotBeNull(), GuestSymbols.Read(map)).WriteAsync(report);
        return report.ToString();
    }

    /// <summary>Space up to <see cref="Busy"/> behind a near jump.</summary>
    private static void Pad(Assembler c) => c.db(new byte[Busy - PvKernel.Code - 5]);

    /// <summary>The lines of the table under a title.</summary>
    private static IEnumerable<string> LinesOf(string report, string title) =>
        report.Split('\n').SkipWhile(line => !line.StartsWith(title, StringComparison.Ordinal)).Skip(1).TakeWhile(line => line.StartsWith("  ", StringComparison.Ordinal));
}
