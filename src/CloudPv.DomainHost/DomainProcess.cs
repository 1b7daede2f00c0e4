using System.Runtime.InteropServices;
using CloudPv.Dom0;
using CloudPv.Hypervisor;

namespace CloudPv.DomainHost;

/// <summary>One domU in a process of its own, from its spec file to its exit file.</summary>
internal static partial class DomainProcess
{
    private const int ExitOk = 0, ExitFailed = 1, ExitCrash = 3;

    /// <summary>Runs the domain that a spec file describes and returns the process's exit code (docs/domain-control.md).</summary>
    public static async Task<int> RunAsync(string specPath)
    {
        // Whoever started this process may go away, and its terminal with it. EPERM: it has a session of its own already.
        _ = SetSid();
        using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => context.Cancel = true);
        string? exitPath = null;
        try
        {
            DomainSpec spec = DomainSpec.Load(specPath);
            string socket = spec.ControlSocket ?? throw new ToolstackException($"{specPath}: controlSocket is missing");
            exitPath = ExitFile.PathFor(socket);
            File.Delete(exitPath);
            AppDomain.CurrentDomain.UnhandledException += (_, e) => ExitFile.Write(exitPath, reason: "failed", e.ExceptionObject.ToString());
            return await RunAsync(spec, socket, exitPath);
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

    private static async Task<int> RunAsync(DomainSpec spec, string socket, string exitPath)
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
        DomuEnd end = await domu.RunAsync();
        bool isCrash = end is DomuEnd.Crash or DomuEnd.Watchdog;
        ExitFile.Write(exitPath, ControlAnswer.Name(end), domu.Status.Detail);
        return isCrash ? ExitCrash : ExitOk;
    }

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int SetSid();
}
