using System.Text.Json;
using System.Text.RegularExpressions;

namespace CloudPv.Web;

/// <summary>Says in the API's own words what is wrong with a request that could not even be read: the framework tells it to who wrote the service.</summary>
internal static partial class MalformedRequests
{
    public static string Describe(BadHttpRequestException bad) => bad.InnerException is JsonException json ? Describe(json) : DescribeBinding(bad.Message);

    private static string Describe(JsonException json)
    {
        if (UnknownField().Match(json.Message) is { Success: true } unknown)
            return $"There is no field '{unknown.Groups["field"].Value}' in this request.";
        if (MissingFields().Match(json.Message) is { Success: true } missing)
            return $"This request needs the field {missing.Groups["field"].Value}.";
        // The reader fails where the text is no JSON; the serializer where a value isn't what its field takes.
        if (json.InnerException is JsonException || json.Path is null or "$")
            return $"The body is no JSON object: see line {json.LineNumber + 1}, byte {json.BytePositionInLine + 1}.";
        return $"{json.Path.TrimStart('$', '.')}: this field can't have that value.";
    }

    private static string DescribeBinding(string message)
    {
        if (message.StartsWith("Implicit body", StringComparison.Ordinal))
            return "This request needs a JSON object as its body.";
        if (Unbound().Match(message) is { Success: true } unbound)
            return $"{unbound.Groups["field"].Value}: '{unbound.Groups["value"].Value}' is no value for it.";
        return Absent().Match(message) is { Success: true } absent ? $"{absent.Groups["field"].Value}: is missing." : message;
    }

    [GeneratedRegex("^The JSON property '(?<field>.*)' could not be mapped", RegexOptions.NonBacktracking)]
    private static partial Regex UnknownField();

    [GeneratedRegex(@"missing required properties including: (?<field>.*)\.$", RegexOptions.NonBacktracking)]
    private static partial Regex MissingFields();

    [GeneratedRegex("^Failed to bind parameter \"\\S+ (?<field>\\S+)\" from \"(?<value>.*)\"", RegexOptions.NonBacktracking)]
    private static partial Regex Unbound();

    [GeneratedRegex("^Required parameter \"\\S+ (?<field>\\S+)\" was not provided", RegexOptions.NonBacktracking)]
    private static partial Regex Absent();
}
