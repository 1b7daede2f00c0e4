using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudPv.Worker;

/// <summary>A domain's process that waits for its domain: <c>cloudpv-domain --warm</c> (docs/domain-control.md). It ends by itself when the worker does.</summary>
internal sealed class WarmProcess : IDisposable
{
    private readonly Process _process;

    private WarmProcess(Process process)
    {
        _process = process;
        Id = process.Id;
        Ready = ReadLineAsync("ready");
    }

    public int Id { get; }

    /// <summary>Done when it waits for a domain; false: it won't.</summary>
    public Task<bool> Ready { get; }

    /// <param name="folder">Where it may rehearse; it makes and removes it.</param>
    public static WarmProcess Start(DomainProgram program, string folder)
    {
        var start = DomainProgram.StartInfo(program.Path, ["--warm", folder]);
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        return new WarmProcess(Process.Start(start)!);
    }

    /// <summary>Done when it has ended, before or after it was handed over.</summary>
    public Task WaitAsync() => _process.WaitForExitAsync();

    /// <summary>Makes it an instance's, until its control socket listens or its domain has failed. Null: it died before it was the instance's.</summary>
    public async Task<DomainProcess?> HandOverAsync(InstanceFolder folder)
    {
        var handover = new Handover(folder.Spec, folder.Lock, folder.Pid, folder.Log);
        try
        {
            await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(handover, HandoverJson.Default.Handover));
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            return null; // Nobody reads: it has died.
        }
        var isListening = await ReadLineAsync("listening");
        return isListening || File.Exists(folder.Pid) ? DomainProcess.Started(_process, folder) : null;
    }

    /// <summary>Lets it go: without a handover it ends at the end of its input.</summary>
    public void Dispose() => _process.Dispose();

    private async Task<bool> ReadLineAsync(string expected) => await _process.StandardOutput.ReadLineAsync() == expected;
}

/// <summary>What makes a warm process an instance's: its files (<see cref="InstanceFolder"/>).</summary>
internal sealed record Handover(string Spec, string Lock, string Pid, string Log);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Handover))]
internal sealed partial class HandoverJson : JsonSerializerContext;
