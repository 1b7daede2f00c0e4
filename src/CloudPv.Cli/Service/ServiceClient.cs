using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace CloudPv.Cli.Service;

/// <summary>A running service's REST API (<c>/api/v1</c>).</summary>
public sealed class ServiceClient : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="address">Of the service, without a path.</param>
    /// <param name="key">The access key.</param>
    public ServiceClient(Uri address, string key)
    {
        _http = new HttpClient { BaseAddress = new Uri(address, "/api/v1/"), Timeout = Timeout.InfiniteTimeSpan }; // an upload takes what it takes
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <summary>The service that CLOUDPV_URL and CLOUDPV_KEY name: by default the one of this machine, whose first key lies in its data folder.</summary>
    /// <exception cref="CommandFailedException">There is no key.</exception>
    public static ServiceClient FromEnvironment()
    {
        var address = Environment.GetEnvironmentVariable("CLOUDPV_URL") is { Length: > 0 } url ? url : "http://127.0.0.1:8080";
        var key = Environment.GetEnvironmentVariable("CLOUDPV_KEY");
        if (string.IsNullOrEmpty(key) && Environment.GetEnvironmentVariable("CLOUDPV_DATA") is { Length: > 0 } data && File.Exists(Path.Combine(data, "admin.key")))
            key = File.ReadAllText(Path.Combine(data, "admin.key")).Trim();
        if (string.IsNullOrEmpty(key))
            throw new CommandFailedException("CLOUDPV_KEY is not set: it holds the access key");
        return Uri.TryCreate(address, UriKind.Absolute, out var parsed)
            ? new ServiceClient(parsed, key)
            : throw new CommandFailedException($"CLOUDPV_URL is not an address: {address}");
    }

    /// <summary>The images of a kind and a name, or all.</summary>
    public Task<IReadOnlyList<ImageResource>> ListImagesAsync(string? kind, string? name, CancellationToken cancel) =>
        ListAsync("images", [("kind", kind), ("name", name)], ServiceJson.Default.PageImageResource, cancel);

    public Task<IReadOnlyList<InstanceResource>> ListInstancesAsync(IEnumerable<string> states, CancellationToken cancel) =>
        ListAsync("instances", states.Select(state => ("state", (string?)state)), ServiceJson.Default.PageInstanceResource, cancel);

    /// <summary>Uploads a file and registers it; the service checks its checksum and what it is.</summary>
    /// <param name="file">Null: a machine image without a disk.</param>
    public async Task<ImageResource> RegisterImageAsync(NewImage image, FileInfo? file, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "images" + Query(
            [("kind", image.Kind), ("name", image.Name), ("kernelId", image.KernelId), ("ramdiskId", image.RamdiskId), ("rootDevice", image.RootDevice), ("commandLine", image.CommandLine)]));
        await using var content = file is null ? Stream.Null : Open(file);
        request.Headers.Add("X-Content-SHA256", Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancel)));
        if (file is not null)
            content.Position = 0;
        request.Content = new StreamContent(content) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream"), ContentLength = file?.Length ?? 0 } };
        using var response = await SendAsync(request, cancel);
        return (await response.Content.ReadFromJsonAsync(ServiceJson.Default.ImageResource, cancel))!;
    }

    /// <summary>Asks an instance's guest to power off; by force, ends its domain.</summary>
    public async Task StopInstanceAsync(string id, bool force, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"instances/{id}/stop?force={(force ? "true" : "false")}");
        using var response = await SendAsync(request, cancel);
    }

    public void Dispose() => _http.Dispose();

    private async Task<IReadOnlyList<T>> ListAsync<T>(string path, IEnumerable<(string Name, string? Value)> filter, JsonTypeInfo<Page<T>> type, CancellationToken cancel)
    {
        var all = new List<T>();
        string? cursor = null;
        do
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path + Query(filter.Append(("cursor", cursor))));
            using var response = await SendAsync(request, cancel);
            var page = (await response.Content.ReadFromJsonAsync(type, cancel))!;
            all.AddRange(page.Items);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return all;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        }
        catch (HttpRequestException unreachable)
        {
            throw new CommandFailedException($"the service at {_http.BaseAddress!.GetLeftPart(UriPartial.Authority)} can't be reached: {unreachable.Message}");
        }

        if (response.IsSuccessStatusCode)
            return response;
        using (response)
            throw new CommandFailedException(await ProblemOf(response, cancel));
    }

    private static async Task<string> ProblemOf(HttpResponseMessage response, CancellationToken cancel)
    {
        if (response.StatusCode == HttpStatusCode.Unauthorized)
            return "the service does not accept the access key";
        try
        {
            var problem = await response.Content.ReadFromJsonAsync(ServiceJson.Default.Problem, cancel);
            return problem?.Detail ?? problem?.Title ?? $"the service answered {(int)response.StatusCode}";
        }
        catch (JsonException)
        {
            return $"the service answered {(int)response.StatusCode} {response.ReasonPhrase}";
        }
    }

    private static FileStream Open(FileInfo file)
    {
        try
        {
            return file.OpenRead();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(unreadable.Message);
        }
    }

    private static string Query(IEnumerable<(string Name, string? Value)> parameters)
    {
        var given = parameters.Where(parameter => parameter.Value is not null).Select(parameter => $"{parameter.Name}={Uri.EscapeDataString(parameter.Value!)}");
        return "?" + string.Join('&', given);
    }
}

/// <summary>What <c>POST /api/v1/images</c> wants to know beside the file.</summary>
/// <param name="Kind">kernel, ramdisk or machine; the others are for a machine alone.</param>
public sealed record NewImage(string Kind, string Name, string? KernelId = null, string? RamdiskId = null, string? RootDevice = null, string? CommandLine = null);
