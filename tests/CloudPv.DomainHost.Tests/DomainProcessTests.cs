using System.Globalization;
using System.Text;
using System.Text.Json;
using CloudPv.Dom0;
using CloudPv.Guests;

namespace CloudPv.DomainHost.Tests;

/// <summary>docs/domain-control.md, on the real process with a real PV kernel.</summary>
public sealed class DomainProcessTests
{
    [Fact]
    public async Task The_console_shows_the_guests_output_and_takes_input()
    {
        await using var domain = new RunningDomain();
        await using ControlClient console = await domain.ConnectConsoleAsync();
        await console.SendAsync("echo this");
        (await console.ReadUntilAsync("this")).ShouldBe("echo this");
    }

    [Fact]
    public async Task Every_watcher_sees_the_scrollback_and_the_same_output()
    {
        await using var domain = new RunningDomain();
        await using ControlClient one = await domain.ConnectConsoleAsync();
        await one.SendAsync("first");
        await one.ReadUntilAsync("first");
        await using ControlClient two = await domain.ConnectConsoleAsync();
        (await two.ReadUntilAsync("first")).ShouldBe("first");
        await two.SendAsync("second");
        (await one.ReadUntilAsync("second")).ShouldBe("second");
        (await two.ReadUntilAsync("second")).ShouldBe("second");
    }

    [Fact]
    public async Task Scrollback_is_base64_and_kept_in_its_file()
    {
        await using var domain = new RunningDomain();
        await using ControlClient console = await domain.ConnectConsoleAsync();
        await using ControlClient control = await domain.ConnectAsync();
        JsonElement answer = await control.AskAsync("""{"command":"scrollback"}""");
        Encoding.ASCII.GetString(answer.GetProperty("data").GetBytesFromBase64()).ShouldBe(EchoKernel.Greeting);
        domain.Kill();
        await domain.ExitCodeAsync();
        (await File.ReadAllTextAsync(domain["console.log"], RunningDomain.Cancelled)).ShouldBe(EchoKernel.Greeting);
    }

    [Fact]
    public async Task What_was_translated_is_kept_in_the_folder_that_the_spec_names()
    {
        await using var domain = new RunningDomain(spec => spec with { TranslationFolder = Path.Combine(Path.GetDirectoryName(spec.Kernel)!, "translations") });
        await using ControlClient console = await domain.ConnectConsoleAsync();
        await using ControlClient control = await domain.ConnectAsync();
        await control.AskAsync("""{"command":"destroy"}""");
        await domain.ExitCodeAsync();
        Directory.GetFiles(domain["translations"]).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Info_tells_the_state_and_counts()
    {
        await using var domain = new RunningDomain();
        await using ControlClient console = await domain.ConnectConsoleAsync();
        await using ControlClient control = await domain.ConnectAsync();
        JsonElement info = await control.AskAsync("""{"command":"info"}""");
        info.GetProperty("state").GetString().ShouldBe("running");
        info.GetProperty("pid").GetInt32().ShouldBe(domain.ProcessId);
        info.GetProperty("restarts").GetInt32().ShouldBe(0);
        info.GetProperty("startedAt").GetDateTimeOffset().ShouldBeInRange(DateTimeOffset.UtcNow.AddMinutes(-2), DateTimeOffset.UtcNow);
        info.GetProperty("counters").GetProperty("hypercalls").EnumerateObject().Count().ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_power_off_ends_the_process_with_0_and_a_watcher_hears_of_it()
    {
        await using var domain = new RunningDomain();
        await using ControlClient console = await domain.ConnectConsoleAsync();
        await using ControlClient watch = await domain.ConnectAsync();
        (await watch.AskAsync("""{"command":"watch"}""")).GetProperty("state").GetString().ShouldBe("running");
        await console.SendAsync("P");
        JsonElement last = await watch.ReadLineAsync();
        last.GetProperty("state").GetString().ShouldBe("stopped");
        last.GetProperty("reason").GetString().ShouldBe("poweroff");
        (await watch.ReadToEndAsync()).ShouldBe("");
        (await domain.ExitCodeAsync()).ShouldBe(0);
        domain.ExitFile.GetProperty("state").GetString().ShouldBe("stopped");
        domain.ExitFile.GetProperty("reason").GetString().ShouldBe("poweroff");
        File.Exists(domain["control"]).ShouldBeFalse();
    }

    [Fact]
    public async Task A_reboot_begins_anew_in_the_same_console()
    {
        await using var domain = new RunningDomain();
        await using ControlClient console = await domain.ConnectConsoleAsync();
        for (int restarts = 1; restarts <= 3; restarts++)
        {
            await console.SendAsync("R");
            await console.ReadUntilAsync(EchoKernel.Greeting);
            await using ControlClient control = await domain.ConnectAsync();
            JsonElement info = await control.AskAsync("""{"command":"info"}""");
            info.GetProperty("restarts").GetInt32().ShouldBe(restarts);
            info.GetProperty("reason").GetString().ShouldBe("reboot");
        }
        await console.SendAsync("still here");
        await console.ReadUntilAsync("still here");
    }

    [Fact]
    public async Task A_reboot_ends_it_where_the_spec_says_so()
    {
        await using var domain = new RunningDomain(spec => spec with { OnReboot = AfterShutdown.Stop });
        await using ControlClient console = await domain.ConnectConsoleAsync();
        await console.SendAsync("R");
        (await domain.ExitCodeAsync()).ShouldBe(0);
        domain.ExitFile.GetProperty("reason").GetString().ShouldBe("reboot");
    }

    [Fact]
    public async Task A_guest_that_suspends_itself_ends_the_process_with_0_and_the_reason()
    {
        await using var domain = new RunningDomain();
        await using ControlClient console = await domain.ConnectConsoleAsync();
        await console.SendAsync("S");
        (await domain.ExitCodeAsync()).ShouldBe(0);
        domain.ExitFile.GetProperty("reason").GetString().ShouldBe("suspend");
        domain.ExitFile.GetProperty("detail").GetString().ShouldNotBeNullOrWhiteSpace();
    }

    [Theory]
    [InlineData("C")]
    [InlineData("T")]
    public async Task A_crash_ends_the_process_with_3_after_the_last_output(string key)
    {
        await using var domain = new RunningDomain();
        await using ControlClient console = await domain.ConnectConsoleAsync();
        await console.SendAsync("last words" + key);
        (await console.ReadToEndAsync()).ShouldBe("last words");
        (await domain.ExitCodeAsync()).ShouldBe(3);
        domain.ExitFile.GetProperty("reason").GetString().ShouldBe("crash");
        domain.ExitFile.GetProperty("detail").GetString().ShouldNotBeNullOrWhiteSpace();
    }

    [Fact]
    public async Task Destroy_and_SIGTERM_stop_it_at_once_with_0()
    {
        await using var destroyed = new RunningDomain();
        await using ControlClient console = await destroyed.ConnectConsoleAsync();
        await using ControlClient control = await destroyed.ConnectAsync();
        (await control.AskAsync("""{"command":"destroy"}""")).GetProperty("ok").GetBoolean().ShouldBeTrue();
        (await destroyed.ExitCodeAsync()).ShouldBe(0);
        destroyed.ExitFile.GetProperty("reason").GetString().ShouldBe("destroyed");

        await using var terminated = new RunningDomain();
        await using ControlClient other = await terminated.ConnectConsoleAsync();
        using (var kill = System.Diagnostics.Process.Start("kill", ["-TERM", terminated.ProcessId.ToString(CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync(RunningDomain.Cancelled);
        (await terminated.ExitCodeAsync()).ShouldBe(0);
        terminated.ExitFile.GetProperty("reason").GetString().ShouldBe("destroyed");
    }

    [Fact]
    public async Task It_has_a_session_of_its_own()
    {
        await using var domain = new RunningDomain();
        await using ControlClient control = await domain.ConnectAsync();
        string[] stat = (await File.ReadAllTextAsync($"/proc/{domain.ProcessId}/stat", RunningDomain.Cancelled)).Split(") ")[1].Split(' ');
        stat[3].ShouldBe(domain.ProcessId.ToString(CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"command":"fly"}""")]
    [InlineData("""{"command":"shutdown"}""")]
    [InlineData("""{"command":"shutdown","reason":"suspend"}""")]
    [InlineData("""{"command":"sysrq","key":"too long"}""")]
    public async Task A_bad_request_is_refused_and_the_connection_goes_on(string request)
    {
        await using var domain = new RunningDomain();
        await using ControlClient control = await domain.ConnectAsync();
        JsonElement answer = await control.AskAsync(request);
        answer.GetProperty("ok").GetBoolean().ShouldBeFalse();
        answer.GetProperty("error").GetString().ShouldNotBeNullOrEmpty();
        (await control.AskAsync("""{"command":"info"}""")).GetProperty("ok").GetBoolean().ShouldBeTrue();
    }

    [Theory]
    [InlineData("kernel", "no-such-kernel")]
    [InlineData("ramdisk", "no-such-ramdisk")]
    public async Task A_domain_that_cannot_be_built_ends_with_1_and_says_why(string field, string path)
    {
        await using var domain = new RunningDomain(spec => field == "kernel" ? spec with { Kernel = path } : spec with { Ramdisk = path });
        (await domain.ExitCodeAsync()).ShouldBe(1);
        domain.ExitFile.GetProperty("reason").GetString().ShouldBe("failed");
        domain.ExitFile.GetProperty("detail").GetString()!.ShouldContain(path);
    }

    [Fact]
    public async Task A_text_file_is_no_kernel()
    {
        string text = Path.GetTempFileName();
        await File.WriteAllTextAsync(text, "not a kernel", RunningDomain.Cancelled);
        await using (var domain = new RunningDomain(spec => spec with { Kernel = text }))
        {
            (await domain.ExitCodeAsync()).ShouldBe(1);
            domain.ExitFile.GetProperty("detail").GetString().ShouldNotBeNullOrWhiteSpace();
        }
        File.Delete(text);
    }

    [Fact]
    public async Task A_missing_disk_is_named()
    {
        await using var domain = new RunningDomain(spec => spec with { Disks = [new("xvda", "/no/such/disk")] });
        (await domain.ExitCodeAsync()).ShouldBe(1);
        domain.ExitFile.GetProperty("detail").GetString()!.ShouldContain("/no/such/disk");
    }

    [Fact]
    public async Task A_spec_that_is_none_is_refused()
    {
        await using var domain = new RunningDomain(specText: """{"id":"x","kernel":"k","colour":"red"}""");
        (await domain.ExitCodeAsync()).ShouldBe(1);
        domain.Errors.ShouldContain("colour");
    }
}
