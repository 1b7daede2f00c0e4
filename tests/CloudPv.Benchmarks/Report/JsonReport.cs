using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>A report for programs, and for <c>--against</c>.</summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    public static string Write(Report report) => JsonSerializer.Serialize(report, Options);

    /// <exception cref="CommandFailedException">It can't be read or is no report; the message says why.</exception>
    public static Report Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Report>(File.ReadAllBytes(path), Options) ?? throw new CommandFailedException($"{path} holds no report");
        }
        catch (Exception unusable) when (unusable is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"{path} is no report of this program: {unusable.Message}");
        }
    }
}
