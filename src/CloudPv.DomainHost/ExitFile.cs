using System.Text.Json;

namespace CloudPv.DomainHost;

/// <summary>A domain process's last words, for whoever supervises it.</summary>
internal static class ExitFile
{
    public static string PathFor(string controlSocket) => controlSocket + ".exit.json";

    /// <summary>Writes the file so that it is there whole or not at all.</summary>
    public static void Write(string path, string reason, string? detail)
    {
        string partial = path + ".part";
        File.WriteAllText(partial, JsonSerializer.Serialize(new(State: "stopped", reason, detail), ControlJson.Default.DomainExit));
        File.Move(partial, path, overwrite: true);
    }
}

internal sealed record DomainExit(string State, string Reason, string? Detail);
