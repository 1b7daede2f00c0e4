using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace CloudPv.EndToEnd.Tests;

public sealed class LauncherTests(RunningService service)
{
    [Fact]
    public async Task Up_again_leaves_what_runs_as_it_is()
    {
        var (web, worker) = (service.ProcessId("cloudpv-web"), service.ProcessId("cloudpv-worker"));

        (await service.LauncherAsync("up")).ShouldContain(service.Address.ToString().TrimEnd('/'));

        (service.ProcessId("cloudpv-web"), service.ProcessId("cloudpv-worker")).ShouldBe((web, worker));
    }

    [Fact]
    public async Task Up_with_a_newer_build_restarts_the_programs_and_lets_instances_run_on()
    {
        await using var instance = await TestInstance.LaunchAsync(service);
        await using (var console = await instance.LogInAsync())
            await console.RunAsync("touch /run/still-here");
        var (web, worker) = (service.ProcessId("cloudpv-web"), service.ProcessId("cloudpv-worker"));
        var build = await CopyNewestBuildAsync();

        await service.LauncherAsync("up");

        service.ProcessId("cloudpv-web").ShouldNotBe(web);
        service.ProcessId("cloudpv-worker").ShouldNotBe(worker);
        new FileInfo($"/proc/{service.ProcessId("cloudpv-web")}/exe").LinkTarget!.ShouldStartWith(build);
        await using var again = await GuestConsole.OpenAsync(service, instance.Id);
        await again.TypeAsync("\n");
        await again.RunAsync("test -e /run/still-here");
    }

    [Fact]
    public async Task Up_says_when_another_program_has_the_port()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var address = new Uri($"http://{other.LocalEndpoint}");

        var refused = await Should.ThrowAsync<InvalidOperationException>(service.LauncherAsync($"{service.DataFolder}-other", address, "up"));

        refused.Message.ShouldContain($"another program listens at {address.ToString().TrimEnd('/')} already");
        Directory.Delete($"{service.DataFolder}-other", recursive: true);
    }

    [Fact]
    public async Task A_program_does_not_outlive_its_supervisor_and_up_starts_both_again()
    {
        using var worker = Process.GetProcessById(service.ProcessId("cloudpv-worker"));
        using (var supervisor = Process.GetProcessById(service.SupervisorId("cloudpv-worker")))
            supervisor.Kill();

        await worker.WaitForExitAsync(TestContext.Current.CancellationToken);
        await service.LauncherAsync("up");

        service.ProcessId("cloudpv-worker").ShouldNotBe(worker.Id);
    }

    /// <summary>As a build of the same sources would be.</summary>
    private static async Task<string> CopyNewestBuildAsync()
    {
        var artifacts = Path.Combine(RunningService.RepositoryRoot(), "artifacts");
        const string Script = "new=builds/$(date +%Y%m%d-%H%M%S)-copy && cp -rp current/ $new && ln -sfn $new current.new && mv -T current.new current && readlink -f current";
        using var copy = Process.Start(new ProcessStartInfo("sh", ["-c", Script]) { WorkingDirectory = artifacts, RedirectStandardOutput = true })!;
        var path = await copy.StandardOutput.ReadToEndAsync();
        await copy.WaitForExitAsync();
        copy.ExitCode.ShouldBe(0);
        return path.Trim();
    }
}
