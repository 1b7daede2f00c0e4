using System.Globalization;
using CloudPv.Cli;

namespace CloudPv.Benchmarks.Tests;

/// <summary>The guest's benchmark program, run on the host.</summary>
public sealed class GuestProgramTests(GuestProgram program) : IClassFixture<GuestProgram>
{
    public static TheoryData<string> Names => ["int", "branch", "nbody", "matmul", "memcpy", "chase", "tlb", "syscall", "clock", "stat", "signal", "ctx", "timer", "fork", "fault", "mprotect", "tcp"];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task It_prints_a_rate(string name) => (await program.RunAsync("-t", "0.001", name)).ShouldBeGreaterThan(0);

    [Fact]
    public async Task It_prints_the_sum_of_processes() => (await program.RunAsync("-t", "0.001", "-p", "2", "syscall")).ShouldBeGreaterThan(0);

    [Theory]
    [InlineData("read4k", "/proc/self/exe")]
    [InlineData("exec", "/bin/true")]
    [InlineData("command", "/bin/echo", "dropped")]
    public async Task It_takes_files_and_programs(params string[] arguments) => (await program.RunAsync(["-t", "0.001", .. arguments])).ShouldBeGreaterThan(0);

    [Theory]
    [InlineData("exec", "/no/such/program")]
    [InlineData("read4k", "/no/such/file")]
    [InlineData("no-such-benchmark")]
    public async Task It_says_what_failed(params string[] arguments) =>
        (await Should.ThrowAsync<CommandFailedException>(() => program.RunAsync(["-t", "0.001", .. arguments]))).Message.ShouldContain(arguments[^1]);

    [Fact]
    public async Task Every_row_of_the_catalogue_that_it_measures_is_one_that_it_has()
    {
        var named = GuestRows.All.Select(row => row.Command.Split(' ').SkipWhile(word => word is not ("bench" or "each_cpu")).ElementAtOrDefault(1)).OfType<string>().Distinct();
        string source = string.Concat(await Task.WhenAll(Directory.GetFiles(GuestFiles.Source("Program"), "*.c").Select(file => File.ReadAllTextAsync(file))));
        named.ShouldAllBe(name => source.Contains($".name = \"{name}\"", StringComparison.Ordinal));
    }
}

/// <summary>The program, compiled once with every warning an error.</summary>
public sealed class GuestProgram : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudpv-bench-test-");

    private string Executable => Path.Combine(_folder.FullName, "bench");

    public async ValueTask InitializeAsync() =>
        await Tool.RunAsync("gcc", ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", Executable, .. Directory.GetFiles(GuestFiles.Source("Program"), "*.c"), "-lm"]);

    public async Task<double> RunAsync(params string[] arguments) => double.Parse(await Tool.RunAsync(Executable, arguments), CultureInfo.InvariantCulture);

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}
