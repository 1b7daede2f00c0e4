using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using CloudPv.Dom0;
using CloudPv.Guests;

namespace CloudPv.DomainHost.Tests;

/// <summary>docs/domain-control.md, "A warm process".</summary>
public sealed class WarmProcessTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudpv-warm-test-");
    private readonly Process _process;

    public WarmProcessTests()
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "cloudpv-domain.dll"), "--warm", In("rehearsal")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
    }

    [Fact]
    public async Task It_is_ready_after_a_rehearsal_that_leaves_nothing()
    {
        (await ReadLineAsync()).ShouldBe("ready");
        Directory.Exists(In("rehearsal")).ShouldBeFalse();
    }

    [Fact]
    public async Task It_runs_the_domain_that_it_is_handed_over_for()
    {
        (await ReadLineAsync()).ShouldBe("ready");
        await HandOverAsync();
        (await ReadLineAsync()).ShouldBe("listening");
        (await File.ReadAllTextAsync(In("pid"), RunningDomain.Cancelled)).ShouldBe(_process.Id.ToString(CultureInfo.InvariantCulture) + "\n");

        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(In("control")), RunningDomain.Cancelled);
        await using var console = new ControlClient(new NetworkStream(socket, ownsSocket: true));
        (await console.AskAsync("""{"command":"console"}""")).GetProperty("ok").GetBoolean().ShouldBeTrue();
        await console.ReadUntilAsync(EchoKernel.Greeting);
        await console.SendAsync("P");
        await _process.WaitForExitAsync(RunningDomain.Cancelled);
        _process.ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task What_it_prints_after_the_handover_is_in_the_instances_log()
    {
        (await ReadLineAsync()).ShouldBe("ready");
        await HandOverAsync(kernel: "/no/such/kernel");
        await _process.WaitForExitAsync(RunningDomain.Cancelled);
        _process.ExitCode.ShouldBe(1);
        (await File.ReadAllTextAsync(In("log"), RunningDomain.Cancelled)).ShouldContain("/no/such/kernel");
    }

    [Fact]
    public async Task Without_a_handover_it_ends_with_its_input()
    {
        (await ReadLineAsync()).ShouldBe("ready");
        _process.StandardInput.Close();
        await _process.WaitForExitAsync(RunningDomain.Cancelled);
        _process.ExitCode.ShouldBe(0);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("""{"spec":"x"}""")]
    [InlineData("null")]
    public async Task A_handover_that_is_none_ends_it_with_1(string line)
    {
        (await ReadLineAsync()).ShouldBe("ready");
        await _process.StandardInput.WriteLineAsync(line);
        await _process.WaitForExitAsync(RunningDomain.Cancelled);
        _process.ExitCode.ShouldBe(1);
        (await _process.StandardError.ReadToEndAsync(RunningDomain.Cancelled)).ShouldContain("handover");
    }

    [Fact]
    public async Task It_takes_no_instance_that_another_process_runs()
    {
        await using var other = new FileStream(In("lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None); // flock(2) on Linux
        (await ReadLineAsync()).ShouldBe("ready");
        await HandOverAsync();
        await _process.WaitForExitAsync(RunningDomain.Cancelled);
        _process.ExitCode.ShouldBe(1);
        File.Exists(In("pid")).ShouldBeFalse();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private string In(string name) => Path.Combine(_folder.FullName, name);

    private async Task<string?> ReadLineAsync() => await _process.StandardOutput.ReadLineAsync(RunningDomain.Cancelled);

    private async Task HandOverAsync(string? kernel = null)
    {
        await File.WriteAllBytesAsync(In("kernel"), EchoKernel.Assemble());
        var spec = new DomainSpec { Id = "i-test", Kernel = kernel ?? In("kernel"), MemoryMiB = 32, ControlSocket = In("control"), ConsoleLog = In("console.log") };
        await File.WriteAllTextAsync(In("spec.json"), JsonSerializer.Serialize(spec, DomainSpecJson.Default.DomainSpec));
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(new Handover(In("spec.json"), In("lock"), In("pid"), In("log")), ControlJson.Default.Handover));
    }
}
