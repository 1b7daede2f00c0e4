using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker.Tests;

/// <summary>The real worker program on a data folder of its own, with fake domains, and someone who watches it.</summary>
internal sealed partial class RunningWorker : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("cpv-w-");
    private readonly HashSet<string> _launched = [];
    private readonly Channel<int> _ready = Channel.CreateUnbounded<int>();
    private readonly bool _hasSlirp;
    private readonly bool _canWarm;
    private Process _process;

    private RunningWorker(bool hasSlirp, bool canWarm)
    {
        (_hasSlirp, _canWarm) = (hasSlirp, canWarm);
        Folder = new DataFolder(_root.FullName);
        File.WriteAllText(Folder.ImageFile("kernel"), "kernel");
        Transport = new UnixSocketTransport(Folder.WorkerSocket);
        _process = Start();
    }

    public const string AccountId = "the account";

    public DataFolder Folder { get; }

    public UnixSocketTransport Transport { get; }

    /// <param name="hasSlirp">Whether libslirp is installed.</param>
    /// <param name="canWarm">Whether the domain program knows what <c>--warm</c> is.</param>
    public static async Task<RunningWorker> StartAsync(bool hasSlirp = true, bool canWarm = true)
    {
        var worker = new RunningWorker(hasSlirp, canWarm);
        await worker.HostAsync(_ => true);
        return worker;
    }

    /// <summary>As kill -9 does.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>As systemd and the launcher do.</summary>
    public async Task TerminateAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]))
            await kill.WaitForExitAsync();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>Waits for the next domain processes that get warm.</summary>
    public async Task<int[]> WarmAsync(int count)
    {
        using var patience = new CancellationTokenSource(Patience);
        var ids = new int[count];
        for (var i = 0; i < count; i++)
            ids[i] = await _ready.Reader.ReadAsync(patience.Token);
        return ids;
    }

    /// <summary>The worker's own children that wait for a domain.</summary>
    public int CountWarm() => Directory.EnumerateDirectories($"/proc/{_process.Id}/task")
        .SelectMany(task => File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Count(child => File.ReadAllText($"/proc/{child}/cmdline").Contains("\0--warm\0", StringComparison.Ordinal));

    public async Task RestartAsync()
    {
        _process = Start();
        await HostAsync(_ => true);
    }

    /// <summary>Another worker on the same folder, until it has given up.</summary>
    public async Task StartSecondAsync()
    {
        using var second = Start();
        await second.WaitForExitAsync();
        second.ExitCode.ShouldNotBe(0);
    }

    public Task LaunchAsync(string instanceId, int run = 1, string commandLine = "", string kernel = "kernel")
    {
        _launched.Add(instanceId);
        var nic = _launched.ToList().IndexOf(instanceId) + PrivateNetwork.FirstInstance;
        var machine = new MachineDescription(
            AccountId, 1, 128, kernel, null, null, "xvda", commandLine, new NetworkInterface($"00:16:3e:00:00:{nic:x2}", $"10.0.0.{nic}", $"ip-10-0-0-{nic}"));
        return Transport.SendAsync(new LaunchInstance(instanceId, run, machine), CancellationToken.None);
    }

    public async Task<InstanceReport> RunningAsync(string instanceId, string commandLine = "")
    {
        await LaunchAsync(instanceId, commandLine: commandLine);
        return await InstanceAsync(instanceId, i => i.State == DomainState.Running);
    }

    public Task SendAsync(WorkerRequest request) => Transport.SendAsync(request, CancellationToken.None);

    /// <summary>Waits until the worker reports the instance so.</summary>
    public async Task<InstanceReport> InstanceAsync(string instanceId, Func<InstanceReport, bool> isSo)
    {
        var host = await HostAsync(h => h.Instances.Any(i => i.InstanceId == instanceId && isSo(i)));
        return host.Instances.Single(i => i.InstanceId == instanceId);
    }

    /// <summary>Waits until all that the worker reported comes to this.</summary>
    public async Task<HostReport> HostAsync(Func<HostReport, bool> isSo)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                HostReport? host = null;
                await foreach (var report in Transport.WatchAsync(patience.Token))
                {
                    host = report switch
                    {
                        HostReport whole => whole,
                        InstanceReport one => host! with { Instances = [.. host.Instances.Where(i => i.InstanceId != one.InstanceId), one] },
                        _ => host,
                    };
                    if (isSo(host!))
                        return host!;
                }
            }
            catch (WorkerUnreachableException)
            {
                await Task.Delay(20, patience.Token);
            }
        }
    }

    public Process DomainOf(string instanceId) => Process.GetProcessById(int.Parse(File.ReadAllText(Path.Combine(Folder.InstanceFolder(instanceId), "pid"))));

    /// <summary>Types on a domain's console past the worker, and waits until the domain has taken it.</summary>
    public async Task TypeAsync(string instanceId, string text)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(Folder.InstanceFolder(instanceId), "control.sock")));
        await using var console = new JsonLineConnection(new NetworkStream(socket));
        await console.Output.WriteAsync(Encoding.UTF8.GetBytes("{\"command\":\"console\"}\n"));
        await console.ReadUntilAsync("fake guest is up\n");
        await console.Output.WriteAsync(Encoding.UTF8.GetBytes(text));
        await console.ReadUntilAsync(text);
    }

    /// <summary>Changes what the worker keeps of an instance, while there is no worker.</summary>
    public void EditRecord(string instanceId, string old, string @new)
    {
        var record = Path.Combine(Folder.InstanceFolder(instanceId), "instance.json");
        File.WriteAllText(record, File.ReadAllText(record).Replace(old, @new, StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in _launched)
            await SendAsync(new DestroyInstance(instance));
        await HostAsync(h => h.Instances.Count == 0);
        await KillAsync();
        _root.Delete(recursive: true);
    }

    private Process Start()
    {
        var process = Process.Start(new ProcessStartInfo(Built("src/CloudPv.Worker", "cloudpv-worker"))
        {
            RedirectStandardOutput = true,
            Environment =
            {
                ["CLOUDPV_DATA"] = Folder.Root,
                ["CLOUDPV_DOMAIN"] = _canWarm ? FakeDomain : ProgramThatCannotWarm(),
                ["LD_LIBRARY_PATH"] = _hasSlirp ? null : FolderThatHidesSlirp(),
                ["Logging__LogLevel__Default"] = "Warning",
                ["Logging__LogLevel__CloudPv.Worker.WarmPool"] = "Debug",
            },
        })!;
        process.OutputDataReceived += (_, line) =>
        {
            if (ReadyLine().Match(line.Data ?? "") is { Success: true } ready)
                _ready.Writer.TryWrite(int.Parse(ready.Groups[1].Value));
            else
                Console.WriteLine(line.Data);
        };
        process.BeginOutputReadLine();
        return process;
    }

    private static string FakeDomain => Built("tests/CloudPv.FakeDomain", "fake-domain");

    [GeneratedRegex(@"Warm domain process (\d+) is ready")]
    private static partial Regex ReadyLine();

    private string ProgramThatCannotWarm()
    {
        var program = Path.Combine(_root.FullName, "cold-domain");
        File.WriteAllText(program, $"#!/bin/sh\n[ \"$1\" != --warm ] && exec {FakeDomain} \"$@\"\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return program;
    }

    /// <summary>The dynamic linker takes the first file of a library's name, and gives up where it is no library.</summary>
    private string FolderThatHidesSlirp()
    {
        var folder = _root.CreateSubdirectory("no-slirp").FullName;
        File.WriteAllText(Path.Combine(folder, "libslirp.so.0"), "no library");
        return folder;
    }

    /// <summary>A program as this test project's own build made it: …/tests/CloudPv.Worker.Tests/bin/CONFIGURATION/FRAMEWORK/.</summary>
    private static string Built(string project, string program)
    {
        var framework = new DirectoryInfo(AppContext.BaseDirectory);
        var root = framework.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        return Path.Combine(root, project, "bin", framework.Parent.Name, framework.Name, program);
    }
}

/// <summary>A console as someone in front of it sees it.</summary>
internal static class ConsoleReading
{
    /// <summary>Reads until all that came has the text.</summary>
    public static async Task<string> ReadUntilAsync(this JsonLineConnection console, string text)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var seen = new StringBuilder();
        while (!seen.ToString().Contains(text, StringComparison.Ordinal))
        {
            var read = await console.Input.ReadAsync(patience.Token);
            foreach (var part in read.Buffer)
                seen.Append(Encoding.UTF8.GetString(part.Span));
            console.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                throw new EndOfStreamException($"The console ended before '{text}' came:\n{seen}");
        }
        return seen.ToString();
    }
}
