namespace CloudPv.EndToEnd.Tests;

public sealed class ShutdownTests(RunningService service)
{
    [Fact]
    public async Task Poweroff_in_the_guest_stops_the_instance()
    {
        await using var instance = await TestInstance.LaunchAsync(service);
        await using var console = await instance.LogInAsync();

        await console.TypeAsync("poweroff\n");

        Reason(await instance.WaitForAsync("stopped")).ShouldBe("poweroff");
    }

    [Fact]
    public async Task Reboot_in_the_guest_boots_it_again_with_its_devices()
    {
        await using var instance = await TestInstance.LaunchAsync(service, vcpus: 2);
        await using var console = await instance.LogInAsync();

        await console.TypeAsync("reboot\n");
        await console.LogInAsync();

        (await console.RunAsync("cut -d' ' -f1 /proc/mounts | grep -c xvda")).ShouldBe("1");
        (await instance.DescribeAsync()).GetProperty("state").GetString().ShouldBe("running");
    }

    [Fact]
    public async Task A_kernel_crash_stops_the_instance_and_says_so()
    {
        await using var instance = await TestInstance.LaunchAsync(service);
        await using var console = await instance.LogInAsync();

        await console.TypeAsync("echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger\n");

        Reason(await instance.WaitForAsync("stopped")).ShouldBe("crash");
    }

    [Fact]
    public async Task Stopping_by_the_api_asks_the_guest_to_power_off()
    {
        await using var instance = await TestInstance.LaunchAsync(service);
        await using var console = await instance.LogInAsync();

        await instance.PostAsync("stop");

        await instance.WaitForAsync("stopped");
        await console.ExpectAsync("reboot: (System halted|Power down)");
    }

    private static string? Reason(System.Text.Json.JsonElement instance) => instance.GetProperty("stateReason").GetProperty("code").GetString();
}
