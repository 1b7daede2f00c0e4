namespace CloudPv.EndToEnd.Tests;

public sealed class DiskTests(RunningService service)
{
    [Fact]
    public async Task What_a_guest_writes_to_its_root_disk_is_there_after_a_stop_and_a_start()
    {
        await using var instance = await TestInstance.LaunchAsync(service);
        string sum;
        await using (var console = await instance.LogInAsync())
        {
            sum = await console.RunAsync("head -c 3000000 /dev/urandom > /root/data; sync; sha256sum < /root/data");
            await console.TypeAsync("poweroff\n");
            await instance.WaitForAsync("stopped");
        }

        await instance.PostAsync("start");
        await instance.WaitForAsync("running");

        await using var again = await instance.LogInAsync();
        (await again.RunAsync("sha256sum < /root/data")).ShouldBe(sum);
    }

    [Fact]
    public async Task Instances_of_one_image_do_not_see_each_others_writes()
    {
        await using var first = await TestInstance.LaunchAsync(service);
        await using (var console = await first.LogInAsync())
            await console.RunAsync("echo mine > /root/mark; sync");

        await using var second = await TestInstance.LaunchAsync(service);
        await using var other = await second.LogInAsync();

        (await other.RunAsync("cat /root/mark 2>/dev/null || echo none")).ShouldBe("none");
    }
}
