using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace CloudPv.Web.Tests;

public sealed class SignInTests(FakeCloud service)
{
    [Theory]
    [InlineData("/api/v1/instances")]
    [InlineData("/api/v1/images")]
    [InlineData("/api/v1/events/stream")]
    [InlineData("/api/v1/session")]
    [InlineData("/api/v1/instances/i-0/console")]
    [InlineData("/swagger/v1/swagger.json")]
    [InlineData("/swagger/index.html")]
    [InlineData("/api/v1/nothing")]
    public async Task Nothing_is_reachable_without_a_key(string path)
    {
        using var client = service.NewClient(key: null);
        await client.GetAsync(path).ShouldBeProblemAsync(HttpStatusCode.Unauthorized, "MissingAccessKey");
    }

    [Fact]
    public async Task Health_needs_no_key()
    {
        using var client = service.NewClient(key: null);
        (await client.GetAsync("/health")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_pages_need_no_key()
    {
        using var client = service.NewClient(key: null);
        (await client.GetAsync("/")).Content.Headers.ContentType!.MediaType.ShouldBe("text/html");
    }

    [Fact]
    public async Task An_unknown_key_is_told_from_none()
    {
        using var client = service.NewClient("cpv_unknown");
        await client.GetAsync("/api/v1/instances").ShouldBeProblemAsync(HttpStatusCode.Unauthorized, "AuthFailure");
    }

    [Fact]
    public async Task An_expired_key_says_so()
    {
        using var made = await service.Client.PostAsJsonAsync("/api/v1/access-keys", new { name = "brief", expiresAt = DateTimeOffset.UtcNow.AddSeconds(1) });
        using var client = service.NewClient((await made.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("key").GetString());
        await Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken);
        (await client.GetAsync("/api/v1/instances").ShouldBeProblemAsync(HttpStatusCode.Unauthorized, "ExpiredAccessKey")).ShouldContain("'brief' expired at");
    }

    [Fact]
    public async Task A_browser_signs_in_once_and_out_again()
    {
        using var browser = service.NewClient(key: null);
        using var signedIn = await browser.PostAsJsonAsync("/api/v1/session", new { key = service.Key });
        signedIn.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        var cookie = signedIn.Headers.GetValues("Set-Cookie").Single();
        cookie.ShouldContain("httponly");
        cookie.ShouldContain("samesite=strict");

        (await browser.GetAsync("/api/v1/session")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await browser.DeleteAsync("/api/v1/session");
        (await browser.GetAsync("/api/v1/session")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_signed_in_browser_is_not_at_the_service_of_other_pages()
    {
        using var browser = service.NewClient(key: null);
        await browser.PostAsJsonAsync("/api/v1/session", new { key = service.Key });
        browser.DefaultRequestHeaders.Add("Origin", "http://127.0.0.1:1");
        await browser.PostAsync("/api/v1/instances/i-0/stop", null).ShouldBeProblemAsync(HttpStatusCode.Unauthorized, "MissingAccessKey");
    }

    [Fact]
    public async Task A_sign_in_with_a_wrong_key_fails()
    {
        using var browser = service.NewClient(key: null);
        await browser.PostAsJsonAsync("/api/v1/session", new { key = "cpv_wrong" }).ShouldBeProblemAsync(HttpStatusCode.Unauthorized, "AuthFailure");
    }
}
