using System.CommandLine;
using CloudPv.Cli.Domu;
using CloudPv.Cli.XlConfig;
using CloudPv.Dom0;

namespace CloudPv.Cli.Verbs;

/// <summary><c>cloudpv domu create</c>: runs one domU in this terminal, with no service.</summary>
internal static class DomuCreateVerb
{
    private static readonly Argument<FileInfo?> File = new("config") { Description = "xl.cfg file; options win over it", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<bool> Console = new("--console", "-c") { Description = "The guest's console in this terminal; Ctrl-] leaves and stops the domU" };
    private static readonly Option<string?> Name = new("--name") { Description = "Its name" };
    private static readonly Option<string?> Kernel = new("--kernel") { Description = "PV kernel: bzImage or ELF, compressed or not" };
    private static readonly Option<string?> Ramdisk = new("--ramdisk") { Description = "Initial ramdisk" };
    private static readonly Option<string?> CommandLine = new("--cmdline") { Description = "The kernel's command line" };
    private static readonly Option<int?> Vcpus = new("--vcpus") { Description = "Virtual CPUs (1)" };
    private static readonly Option<int?> Memory = new("--memory") { Description = "Memory in MiB (256)" };
    private static readonly Option<int?> Weight = new("--weight") { Description = "Its share of processor time against other domains', 1 to 65535 (256)" };
    private static readonly Option<int?> Cap = new("--cap") { Description = "The most processor time that it may use, in percent of one processor; 0: no limit (0)" };
    private static readonly Option<string?> Cpus = new("--cpus") { Description = "The host's processors that it may run on, as 0-3,^2 (all)" };
    private static readonly Option<string[]> Disk = new("--disk") { Description = "Raw disk image: FILE[,ro][,dev=xvdb][,overlay=FILE]; repeatable" };
    private static readonly Option<string?> Nic = new("--nic") { Description = "user: one interface, translated to the outside; none (the default)" };
    private static readonly Option<bool> NoReboot = new("--no-reboot") { Description = "End when the guest reboots, with status 3, instead of starting it again" };
    private static readonly Option<bool> Stats = new("--stats") { Description = "Tell at the end what the domain did: hypercalls and exits by name" };
    private static readonly Option<bool> Profile = new("--profile") { Description = "Tell at the end what the virtual CPUs' time went to: the kernel's functions, user pages, TLB misses, translation, hypercalls by name" };
    private static readonly Option<string?> Symbols = new("--symbols") { Description = "System.map or kernel that names the guest kernel's functions for --profile (the kernel itself)" };
    private static readonly Option<double?> Timeout = new("--timeout") { Description = "Stop the domU after that many seconds, with status 124" };
    private static readonly Option<string[]> Without = new("--without") { Description = "Switch an optimisation of the translator off, or all: " + string.Join(", ", TranslatorSwitches.Names) };
    private static readonly Option<string?> TranslationCache = new("--translation-cache") { Description = "Folder that keeps translated code from one run to the next, or none (~/.cache/cloudpv/translations)" };
    private static readonly Option<bool> Verbose = new("--verbose", "-v") { Description = "The hypervisor's and dom0's messages on standard error" };

    public static Command Create()
    {
        Nic.AcceptOnlyFromAmong("user", "none");
        Without.AcceptOnlyFromAmong([.. TranslatorSwitches.Names, "all"]);
        var command = new Command("create", "Run one domU here, with no service, until it ends. Exit status: 0 it powered off, 3 rebooted (--no-reboot), 4 suspended itself, 5 crashed, 6 its watchdog fired, 8 it could not be created, 124 timeout, 130 stopped by the user")
        {
            File, Console, Name, Kernel, Ramdisk, CommandLine, Vcpus, Memory, Weight, Cap, Cpus, Disk, Nic, NoReboot, Stats, Profile, Symbols, Timeout, Without, TranslationCache, Verbose,
        };
        command.SetAction((arguments, _) => RunAsync(arguments));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments)
    {
        try
        {
            return await RunAsync(arguments, Apply(arguments, arguments.GetValue(File) is { } file ? Read(file) : new DomuConfig()));
        }
        catch (CommandFailedException refused)
        {
            await System.Console.Error.WriteLineAsync($"cloudpv: {refused.Message}");
            return DomuExit.CouldNotCreate;
        }
    }

    private static Task<int> RunAsync(ParseResult arguments, DomuConfig config) =>
        new DomuRun(config)
        {
            WithConsole = arguments.GetValue(Console),
            WithStatistics = arguments.GetValue(Stats),
            WithProfile = arguments.GetValue(Profile),
            Symbols = arguments.GetValue(Symbols),
            Timeout = arguments.GetValue(Timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            Translator = TranslatorSwitches.Without(arguments.GetValue(Without) ?? []),
            TranslationFolder = arguments.GetValue(TranslationCache) switch { null => DefaultTranslationFolder(), "none" => null, var folder => Path.GetFullPath(folder) },
            Log = arguments.GetValue(Verbose) ? System.Console.Error.WriteLine : static _ => { },
        }.RunAsync();

    /// <summary>In the user's cache folder; null where there is no home.</summary>
    private static string? DefaultTranslationFolder()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (cache is not { Length: > 0 })
            cache = home.Length > 0 ? Path.Combine(home, ".cache") : null;
        return cache is null ? null : Path.Combine(cache, "cloudpv", "translations");
    }

    private static DomuConfig Read(FileInfo file)
    {
        try
        {
            return XlConfigFile.Parse(System.IO.File.ReadAllText(file.FullName), warning => System.Console.Error.WriteLine($"{file.Name}: {warning}"));
        }
        catch (Exception unusable) when (unusable is XlConfigException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"{file.Name}: {unusable.Message}");
        }
    }

    private static DomuConfig Apply(ParseResult arguments, DomuConfig config) => config with
    {
        Name = arguments.GetValue(Name) ?? config.Name,
        Kernel = arguments.GetValue(Kernel) ?? config.Kernel,
        Ramdisk = arguments.GetValue(Ramdisk) ?? config.Ramdisk,
        CommandLine = arguments.GetValue(CommandLine) ?? config.CommandLine,
        Vcpus = arguments.GetValue(Vcpus) ?? config.Vcpus,
        MemoryMiB = arguments.GetValue(Memory) ?? config.MemoryMiB,
        Weight = arguments.GetValue(Weight) ?? config.Weight,
        Cap = arguments.GetValue(Cap) ?? config.Cap,
        Cpus = arguments.GetValue(Cpus) is { } cpus ? CpuList.Parse(cpus) : config.Cpus,
        Disks = arguments.GetValue(Disk) is { Length: > 0 } disks ? [.. disks.Select(DiskOption.Parse)] : config.Disks,
        Nics = arguments.GetValue(Nic) switch { "user" => [new DomuNic()], "none" => [], _ => config.Nics },
        OnReboot = arguments.GetValue(NoReboot) ? AfterShutdown.Stop : config.OnReboot,
    };
}
