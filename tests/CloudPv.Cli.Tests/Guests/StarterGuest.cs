using System.Text;
using System.Text.RegularExpressions;
using CloudPv.Dom0;
using CloudPv.Dom0.Console;
using CloudPv.Dom0.Net;

namespace CloudPv.Cli.Tests.Guests;

/// <summary>An instance of the starter image in this process, with someone at its console.</summary>
internal sealed class StarterGuest : IAsyncDisposable
{
    private readonly Dom0.Domu _domu;
    private readonly Task<DomuEnd> _run;
    private readonly ConsoleWatcher _watcher;
    private readonly IAsyncEnumerator<ReadOnlyMemory<byte>> _shown;
    private readonly StringBuilder _output = new();
    private readonly string _overlay;
    private int _read;

    private StarterGuest(BuiltStarterImage image, Toolstack toolstack, string name, string mac, int vcpus)
    {
        _overlay = Path.Combine(image.Folder, $"{name}.overlay");
        _domu = toolstack.Create(new DomainSpec
        {
            Id = name,
            Kernel = Path.Combine(image.Folder, "vmlinuz"),
            Ramdisk = Path.Combine(image.Folder, "initrd.img"),
            Vcpus = vcpus,
            CommandLine = image.Manifest.CommandLine,
            Disks = [new DiskSpec("xvda", image.RootDisk, _overlay)],
            Nics = [new NicSpec(mac)],
        });
        _watcher = _domu.Console.Watch();
        _shown = _watcher.Output().GetAsyncEnumerator();
        _run = _domu.RunAsync();
    }

    /// <summary>Boots a guest with an address on a network, logs in and waits until it has the address.</summary>
    public static async Task<StarterGuest> StartAsync(BuiltStarterImage image, Toolstack toolstack, HostNetwork network, string name, int index, int vcpus = 1)
    {
        var mac = new MacAddress(0x00163e000100 + (ulong)index);
        network.Addresses.Set(mac, new AddressAssignment(network.Plan.AddressAt(NetworkPlan.FirstInstance + index), name));
        var guest = new StarterGuest(image, toolstack, name, mac.ToString(), vcpus);
        await guest.ExpectAsync("login: ");
        guest.Type("root\n");
        await guest.ExpectAsync("# ");
        await guest.RunAsync("until ip -4 -o address show dev eth0 | grep -q inet; do sleep 0.1; done");
        return guest;
    }

    /// <summary>Runs a shell command and gives what it printed; fails the test where the command does.</summary>
    public async Task<string> RunAsync(string command)
    {
        var mark = Guid.NewGuid().ToString("N")[..8];
        // The echo of what is typed has the quotes between, so that it isn't taken for the output.
        Type($"echo {mark[..4]}''{mark[4..]}; {{ {command}; }}; echo {mark[..4]}''{mark[4..]}=$?\n");
        var match = await ExpectAsync($@"^{mark}\r?\n((?:.*\n)*?){mark}=(\d+)");
        match.Groups[2].Value.ShouldBe("0", $"{command} failed:\n{match.Groups[1].Value}");
        return match.Groups[1].Value.Replace("\r", "", StringComparison.Ordinal).TrimEnd('\n');
    }

    /// <summary>What its CPUs did so far, as <see cref="X86.CpuStatistics"/> names it.</summary>
    public ulong Count(string name) => _domu.Counters!.Translator[name];

    public void Type(string text) => _domu.Console.Input(Encoding.UTF8.GetBytes(text));

    /// <summary>Waits until what came and wasn't matched yet has the pattern.</summary>
    public async Task<Match> ExpectAsync(string pattern)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (true)
        {
            var match = Regex.Match(_output.ToString(_read, _output.Length - _read), pattern, RegexOptions.Multiline);
            if (match.Success)
            {
                _read += match.Index + match.Length;
                return match;
            }

            var next = _shown.MoveNextAsync().AsTask();
            await Task.WhenAny(next, _run, Task.Delay(Timeout.Infinite, deadline.Token));
            if (!next.IsCompleted || !await next)
                Assert.Fail($"/{pattern}/ did not come{(_run.IsCompleted ? ": the domain ended" : "")}. All of the console:\n{_output}");
            _output.Append(Encoding.UTF8.GetString(_shown.Current.Span));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _domu.Destroy();
        await _run;
        _watcher.Dispose();
        _domu.Dispose();
        File.Delete(_overlay);
    }
}
