using System.Diagnostics;
using System.Text;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Hypervisor.Tests;

/// <summary>A probe is a tiny kernel in C (gcc, libxen-dev) that prints an answer of Xen's a line. Beside it stands what Xen 4.17 answered; ours must be the same.</summary>
public sealed class AnswersTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "RealXen");

    [Theory]
    [InlineData("memory")]
    [InlineData("cpu")]
    [InlineData("traps", 3)]
    public void Every_answer_is_that_of_real_Xen(string probe, int vcpus = 1)
    {
        string[] expected = File.ReadAllLines(Path.Combine(Folder, $"{probe}.answers"));
        string[] answers = Run(Compile(probe), vcpus).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] different = [.. expected.Zip(answers).Where(pair => pair.First != pair.Second).Select(pair => $"real Xen: {pair.First}, here: {pair.Second}")];
        different.ShouldBeEmpty();
        answers.Length.ShouldBe(expected.Length);
    }

    private static byte[] Compile(string probe)
    {
        string output = Path.Combine(Path.GetTempPath(), $"cloudpv-probe-{Environment.ProcessId}-{probe}");
        string[] arguments =
        [
            "-O1", "-Wall", "-ffreestanding", "-fno-pic", "-no-pie", "-mno-sse", "-mno-red-zone", "-fno-stack-protector", "-fcf-protection=none", "-nostdlib",
            "-static", $"-Wl,-T,{Folder}/probe.ld,--build-id=none,--no-warn-rwx-segments", "-o", output, Path.Combine(Folder, $"{probe}.c"),
        ];
        try
        {
            using var compiler = Process.Start(new ProcessStartInfo("gcc", arguments) { RedirectStandardError = true })!;
            string errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            compiler.ExitCode.ShouldBe(0, errors);
            return File.ReadAllBytes(output);
        }
        finally
        {
            File.Delete(output);
        }
    }

    /// <summary>Runs a kernel to its end and returns what it wrote to its console.</summary>
    private static string Run(byte[] kernel, int vcpus)
    {
        var log = new StringBuilder();
        using var host = new Host(new HostOptions { Log = line => log.AppendLine(line) });
        using Domain domain = Domain.Build(host, new DomainConfig { Id = new(1), Name = "probe", Kernel = kernel, VcpuCount = vcpus, MemoryMiB = 16 });
        var console = new StringBuilder();
        using GuestPage ring = domain.MapFrame(domain.ConsoleFrame);
        using IEventChannel channel = domain.TryBindInterdomain(domain.ConsolePort, () => Drain(ring, console))!;
        domain.Unpause();
        domain.Shutdown.Wait(TimeSpan.FromSeconds(60)).ShouldBeTrue(console.ToString());
        domain.Shutdown.Result.ShouldBe(ShutdownReason.PowerOff, $"{console}\n{log}");
        Drain(ring, console);
        return console.ToString();
    }

    private static unsafe void Drain(GuestPage page, StringBuilder text)
    {
        lock (text)
        {
            fixed (byte* start = page.Bytes)
            {
                ref XenconsInterface ring = ref *(XenconsInterface*)start;
                uint produced = Volatile.Read(ref ring.OutProd);
                for (uint at = ring.OutCons; at != produced; at++)
                    text.Append((char)ring.Out[(int)(at % 2048)]);
                Volatile.Write(ref ring.OutCons, produced);
            }
        }
    }
}
