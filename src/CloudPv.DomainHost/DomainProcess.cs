using System.Runtime.InteropServices;
using CloudPv.Dom0;
using CloudPv.Hypervisor;

namespace CloudPv.DomainHost;

/// <summary>One domU in a process of its own, from its spec file to its exit file.</summary>
internal static partial class DomainProcess
{
    public const int ExitFailed = 1;

    private const int ExitOk = 0, ExitCrash = 3;

    /// <summary>Runs the domain that a spec file describes and returns the process's exit code (docs/domain-control.md).</summary>
    /// <param name="listening">Called when its control socket listens.</param>
    public static async Task<int> RunAsync(string specPath, Action listening)
    {
        LeaveSession();
        using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => context.Cancel = true);
        string? exitPath = null;
        try
        {
            DomainSpec spec = DomainSpec.Load(specPath);
            string socket = spec.ControlSocket ?? throw new ToolstackException($"{specPath}: controlSocket is missing");
            exitPath = ExitFile.PathFor(socket);
            File.Delete(exitPath);
            AppDomain.CurrentDomain.UnhandledException += (_, e) => ExitFile.Write(exitPath, reason: "failed", e.ExceptionObject.ToString());
            return await RunAsync(spec, socket, exitPath, listening);
        }
        catch (Exception e)
        {
            bool isExpected = e is ToolstackException or DomainBuildException;
            Console.Error.WriteLine($"cloudpv-domain: {(isExpected ? e.Message : e)}");
            if (exitPath is not null)
                ExitFile.Write(exitPath, reason: "failed", e.Message);
            return ExitFailed;
        }
    }

    /// <summary>Runs a domain in a hypervisor of its own.</summary>
    /// <param name="exitPath">Takes its last words.</param>
    /// <param name="listening">Called when its control socket listens.</param>
    public static async Task<int> RunAsync(DomainSpec spec, string socket, string exitPath, Action listening)
    {
        // What xl dmesg and dom0's own log would show.
        using var host = new Host(new() { Log = Console.Error.WriteLine, TranslationFolder = spec.TranslationFolder });
        using var toolstack = new Toolstack(host, Console.Error.WriteLine);
        using Domu domu = toolstack.Create(spec);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            domu.Destroy();
        });
        await using var server = new ControlServer(socket, domu);
        listening();
        using var trim = new BootTrim(domu);
        DomuEnd end = await domu.RunAsync();
        bool isCrash = end is DomuEnd.Crash or DomuEnd.Watchdog;
        ExitFile.Write(exitPath, ControlAnswer.Name(end), domu.Status.Detail);
        return isCrash ? ExitCrash : ExitOk;
    }

    /// <summary>Makes this process a session of its own: whoever started it may go away, and its terminal with it.</summary>
    public static void LeaveSession() => _ = SetSid(); // EPERM: it has one already

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int SetSid();
}
