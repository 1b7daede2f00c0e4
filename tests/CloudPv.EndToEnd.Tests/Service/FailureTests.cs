using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace CloudPv.EndToEnd.Tests;

/// <summary>kill -9 of each of the service's processes while an instance runs.</summary>
public sealed class FailureTests(RunningService service)
{
    [Fact]
    public async Task A_killed_domain_stops_its_instance_with_the_reason()
    {
        await using var bystander = await TestInstance.LaunchAsync(service);
        await using var instance = await TestInstance.LaunchAsync(service);
        await using var console = await instance.LogInAsync();

        DomainProcess(instance).Kill();

        var stopped = await instance.WaitForAsync("stopped");
        stopped.GetProperty("stateReason").GetProperty("code").GetString().ShouldBe("killed");
        (await bystander.WaitForAsync("running")).GetProperty("state").GetString().ShouldBe("running");
    }

    [Theory]
    [InlineData("cloudpv-worker")]
    [InlineData("cloudpv-web")]
    public async Task A_killed_program_comes_back_and_finds_the_instance_running(string program)
    {
        await using var instance = await TestInstance.LaunchAsync(service);
        await using (var console = await instance.LogInAsync())
            await console.RunAsync("touch /run/still-here");
        var domain = DomainProcess(instance).Id;

        service.Kill(program);
        await service.LauncherAsync("up");

        await instance.WaitForAsync("running");
        DomainProcess(instance).Id.ShouldBe(domain);
        await using var again = await GuestConsole.OpenAsync(service, instance.Id);
        await again.TypeAsync("\n");
        await again.RunAsync("test -e /run/still-here");
    }

    [Fact]
    public async Task A_killed_database_comes_back_with_all_that_was_acknowledged()
    {
        await using var instance = await TestInstance.LaunchAsync(service);
        await instance.WaitForAsync("running");

        PostgresProcess().Kill();

        await service.LauncherAsync("up");
        var instances = await service.Client.GetFromJsonAsync<JsonElement>("/api/v1/instances");
        instances.GetProperty("items").EnumerateArray().ShouldContain(item => item.GetProperty("id").GetString() == instance.Id);
        await instance.WaitForAsync("running");
    }

    /// <summary>By the process id that it wrote down: one that was started ahead of the launch has nothing of the instance's in its command line.</summary>
    private Process DomainProcess(TestInstance instance)
    {
        var file = Directory.EnumerateFiles(service.DataFolder, "pid", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
            .Single(path => path.Contains(instance.Id, StringComparison.Ordinal));
        return Process.GetProcessById(int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture));
    }

    private Process PostgresProcess() => OnlyProcess("postgres", service.DataFolder);

    /// <summary>The process of that program whose command line names something that belongs to this test alone.</summary>
    private static Process OnlyProcess(string program, string argument) => Process.GetProcesses().Single(process =>
    {
        try
        {
            var words = File.ReadAllText($"/proc/{process.Id}/cmdline").Split('\0');
            return Path.GetFileName(words[0]) == program && words.Any(word => word.Contains(argument, StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false; // ended while the list was read
        }
    });
}
