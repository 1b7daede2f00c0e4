using System.Text.Json;
using CloudPv.Dom0;
using CloudPv.Dom0.Console;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker;

/// <summary>
/// An instance's files on its host. All that the worker knows of an instance is here, so that a worker that was killed
/// finds it again.
/// </summary>
internal sealed class InstanceFolder(DataFolder data, string instanceId)
{
    private readonly string _folder = data.InstanceFolder(instanceId);

    public string Path => _folder;

    /// <summary>Held by the domain's process as long as it lives.</summary>
    public string Lock => In("lock");

    public string Pid => In("pid");

    public string Spec => In("spec.json");

    public string ControlSocket => In("control.sock");

    /// <summary>Its port on the host's switch.</summary>
    public string SwitchSocket => In("nic0.sock");

    /// <summary>What the process printed to its standard error.</summary>
    public string Log => In("domain.log");

    private string ExitFile => $"{ControlSocket}.exit.json";

    private string ConsoleLog => In("console.log");

    private string Record => In("instance.json");

    public void Create() => Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

    public void Remove()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    /// <summary>What was last saved; null where nothing was.</summary>
    public InstanceRecord? LoadRecord() =>
        File.Exists(Record) ? JsonSerializer.Deserialize(File.ReadAllBytes(Record), RecordJson.Default.InstanceRecord) : null;

    /// <summary>Saves so that a crash leaves the old record or the new, on the disk itself.</summary>
    public void SaveRecord(InstanceRecord record)
    {
        var draft = Record + ".new";
        using (var file = File.Create(draft))
        {
            JsonSerializer.Serialize(file, record, RecordJson.Default.InstanceRecord);
            file.Flush(flushToDisk: true);
        }
        File.Move(draft, Record, overwrite: true);
    }

    /// <summary>Writes the spec of a run, and forgets how the run before ended.</summary>
    public void PrepareRun(MachineDescription machine)
    {
        File.Delete(ExitFile);
        File.Delete(ControlSocket);
        File.Delete(Pid);
        var spec = new DomainSpec
        {
            Id = instanceId,
            Uuid = DomainUuid.Of(instanceId),
            Kernel = data.ImageFile(machine.KernelSha256),
            Ramdisk = machine.RamdiskSha256 is null ? null : data.ImageFile(machine.RamdiskSha256),
            CommandLine = machine.CommandLine,
            Vcpus = machine.Vcpus,
            MemoryMiB = machine.MemoryMiB,
            CpuWeight = machine.CpuWeight,
            CpuCap = machine.CpuCap,
            Disks = machine.DiskSha256 is null ? []
                : [new DiskSpec(machine.RootDevice, data.ImageFile(machine.DiskSha256), In($"{machine.RootDevice}.overlay"))],
            Nics = [new NicSpec(machine.Network.Mac, SwitchSocket)],
            ControlSocket = ControlSocket,
            ConsoleLog = ConsoleLog,
            TranslationFolder = machine.AccountId is null ? null : data.TranslationFolder(machine.AccountId),
        };
        using var file = File.Create(Spec);
        JsonSerializer.Serialize(file, spec, DomainSpecJson.Default.DomainSpec);
    }

    /// <summary>How the domain's process ended; null where it wrote nothing, or not all of it, as it was killed.</summary>
    public DomainExit? ReadExit()
    {
        try
        {
            return File.Exists(ExitFile) ? JsonSerializer.Deserialize(File.ReadAllBytes(ExitFile), ControlJson.Default.DomainExit) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The console's last output.</summary>
    public byte[] ReadConsole()
    {
        if (!File.Exists(ConsoleLog))
            return [];
        using var log = new FileStream(ConsoleLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        log.Seek(-Math.Min(log.Length, Scrollback.Limit), SeekOrigin.End);
        var tail = new MemoryStream();
        log.CopyTo(tail);
        return tail.ToArray();
    }

    /// <summary>The last line that the process printed, for an end that nothing else explains.</summary>
    public string? LastLogLine() => File.Exists(Log) ? File.ReadLines(Log).LastOrDefault(l => !string.IsNullOrWhiteSpace(l))?.Trim() : null;

    private string In(string name) => System.IO.Path.Combine(_folder, name);
}
