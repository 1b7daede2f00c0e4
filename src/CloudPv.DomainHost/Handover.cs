using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using CloudPv.Dom0;

namespace CloudPv.DomainHost;

/// <summary>Whose process a warm one becomes: the line of JSON that it waits for (docs/domain-control.md).</summary>
/// <param name="Lock">The file whose lock (flock) the process holds as long as it lives.</param>
/// <param name="Pid">The file that tells its process id.</param>
/// <param name="Log">The file that takes what it prints from now on.</param>
internal sealed partial record Handover(string Spec, string Lock, string Pid, string Log)
{
    private const int LockExclusive = 2, LockNonBlocking = 4;
    private const int ReadWrite = 2, Create = 0x40, Append = 0x400, CloseOnExec = 0x80000;
    private const int OwnerOnly = 0x180; // rw-------
    private const int StandardInput = 0, StandardOutput = 1, StandardError = 2;

    /// <exception cref="ToolstackException">The line is no handover.</exception>
    public static Handover Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ControlJson.Default.Handover) ?? throw new ToolstackException("the handover is null");
        }
        catch (JsonException e)
        {
            throw new ToolstackException($"the handover is none: {e.Message}", e);
        }
    }

    /// <summary>Makes this process the instance's: the lock, the process id, the log, and no standard input.</summary>
    /// <exception cref="ToolstackException">Another process has the lock, or a file can't be opened.</exception>
    public void Take()
    {
        // The descriptor is never closed: the lock lasts as long as the process.
        if (Flock(Open(Lock, ReadWrite | Create | CloseOnExec), LockExclusive | LockNonBlocking) != 0)
            throw new ToolstackException($"{Lock}: another process runs this instance");
        File.WriteAllText(Pid, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
        Redirect(StandardError, Open(Log, ReadWrite | Create | Append));
        Console.SetError(new StreamWriter(Console.OpenStandardError()) { AutoFlush = true }); // the one it had still writes to where it wrote before
        Redirect(StandardInput, Open("/dev/null", ReadWrite));
    }

    /// <summary>Whoever waited for what this process has to say has heard it all: what is still printed goes where the errors go.</summary>
    public static void CloseOutput()
    {
        if (Dup2(StandardError, StandardOutput) < 0)
            throw new ToolstackException($"descriptor {StandardOutput}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static int Open(string path, int flags)
    {
        int file = OpenFile(path, flags, OwnerOnly);
        return file >= 0 ? file : throw new ToolstackException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static void Redirect(int descriptor, int file)
    {
        if (Dup2(file, descriptor) < 0)
            throw new ToolstackException($"descriptor {descriptor}: {Marshal.GetLastPInvokeErrorMessage()}");
        _ = Close(file);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(int file, int operation);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Dup2(int file, int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
