using System.Text;
using CloudPv.Dom0;

namespace CloudPv.DomainHost;

/// <summary>A process that is started before there is a domain for it, so that a launch needn't wait for its start: no tenant's byte is in it until it is handed over.</summary>
internal static class WarmProcess
{
    private const string Ready = "ready", Listening = "listening";

    /// <summary>Rehearses, waits for its <see cref="Handover"/> on standard input, and runs that domain.</summary>
    /// <param name="folder">For the rehearsal alone; gone afterwards.</param>
    /// <returns>The process's exit code: the domain's, or 0 where whoever started it went away instead.</returns>
    public static async Task<int> RunAsync(string folder)
    {
        DomainProcess.LeaveSession();
        await Rehearsal.RunAsync(folder);
        Tell(Ready);
        if (ReadLine() is not { } line)
            return 0;
        Handover handover;
        try
        {
            handover = Handover.Parse(line);
            handover.Take();
        }
        catch (ToolstackException e)
        {
            Console.Error.WriteLine($"cloudpv-domain: {e.Message}");
            return DomainProcess.ExitFailed;
        }
        return await DomainProcess.RunAsync(handover.Spec, listening: () =>
        {
            Tell(Listening);
            Handover.CloseOutput();
        });
    }

    // Streams of their own: those of Console would keep the pipes open for good.
    private static void Tell(string line)
    {
        using Stream output = Console.OpenStandardOutput();
        output.Write(Encoding.ASCII.GetBytes(line + "\n"));
    }

    private static string? ReadLine()
    {
        using var input = new StreamReader(Console.OpenStandardInput());
        return input.ReadLine();
    }
}
