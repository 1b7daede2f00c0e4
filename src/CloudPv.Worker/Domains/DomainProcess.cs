using System.Diagnostics;

namespace CloudPv.Worker;

/// <summary>How a process ended: by a signal, or with a status; neither is known of one that an earlier worker started.</summary>
internal sealed record ProcessEnd(int? Signal, int? Status);

/// <summary>
/// One domain's process. It has a session of its own and writes to files, so that it outlives the worker; it holds its
/// folder's lock, so that the next worker knows that it lives.
/// </summary>
internal sealed class DomainProcess : IDisposable
{
    // The lock's descriptor (9) is inherited by the program; /bin/sh hands over its own process id with exec. It waits
    // for the lock, as someone may just be trying whether it is held.
    private const string Script =
        """
        exec 9>"$1" && flock -w 5 9 && echo $$ >"$2" && exec setsid "$3" --spec "$4" </dev/null >>"$5" 2>&1
        """;

    private readonly InstanceFolder _folder;
    private readonly Process? _child;

    private DomainProcess(InstanceFolder folder, Process? child) => (_folder, _child) = (folder, child);

    public static DomainProcess Start(DomainProgram program, InstanceFolder folder) => new(folder, Process.Start(DomainProgram.StartInfo(
        "/bin/sh", ["-c", Script, "sh", folder.Lock, folder.Pid, program.Path, folder.Spec, folder.Log]))!);

    /// <summary>A child that has become an instance's.</summary>
    public static DomainProcess Started(Process child, InstanceFolder folder) => new(folder, child);

    /// <summary>The process that an earlier worker started, dead or alive.</summary>
    public static DomainProcess Adopt(InstanceFolder folder) => new(folder, null);

    /// <summary>Whether it lives. Just after its start it may not hold its lock yet, but then it is our child.</summary>
    public bool IsAlive => _child is { HasExited: false } || FileLock.IsHeld(_folder.Lock);

    /// <summary>Waits until the process has ended.</summary>
    public async Task<ProcessEnd> WaitAsync()
    {
        if (_child is not null)
            await _child.WaitForExitAsync();
        await FileLock.WaitUntilFreeAsync(_folder.Lock);
        return _child?.ExitCode switch
        {
            null => new ProcessEnd(null, null),
            // As shells and .NET tell of a process that a signal ended.
            > 128 and var code => new ProcessEnd(code - 128, null),
            var code => new ProcessEnd(null, code),
        };
    }

    public void Kill()
    {
        if (!IsAlive || !int.TryParse(File.ReadAllText(_folder.Pid), out var pid))
            return;
        try
        {
            using var process = Process.GetProcessById(pid);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It ended in between.
        }
    }

    public void Dispose() => _child?.Dispose();
}
