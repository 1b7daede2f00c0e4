using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace CloudPv.Web.Tests;

/// <summary>What tests ask of answers and consoles.</summary>
internal static class Expectations
{
    /// <summary>The answer is a refusal with this status and code; its words.</summary>
    public static async Task<string> ShouldBeProblemAsync(this Task<HttpResponseMessage> call, HttpStatusCode status, string code)
    {
        using var answer = await call;
        var body = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(status, body);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        var problem = JsonDocument.Parse(body).RootElement;
        problem.GetProperty("code").GetString().ShouldBe(code, body);
        return problem.GetProperty("detail").GetString()!;
    }

    public static Task TypeAsync(this ClientWebSocket console, string text) =>
        console.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);

    /// <summary>Reads until all that came has the text.</summary>
    public static async Task<string> ReadUntilAsync(this ClientWebSocket console, string text)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var seen = "";
        var buffer = new byte[4096];
        while (!seen.Contains(text, StringComparison.Ordinal))
        {
            var read = await console.ReceiveAsync(buffer, patience.Token);
            read.MessageType.ShouldNotBe(WebSocketMessageType.Close, $"The console ended before '{text}' came:\n{seen}");
            seen += Encoding.UTF8.GetString(buffer, 0, read.Count);
        }
        return seen;
    }
}
