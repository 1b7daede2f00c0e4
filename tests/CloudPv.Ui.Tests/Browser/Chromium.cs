using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(CloudPv.Ui.Tests.Chromium))]

namespace CloudPv.Ui.Tests;

/// <summary>Debian's Chromium, driven by Playwright. It talks to nobody but the page's own server.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private const string Program = "/usr/bin/chromium";

    /// <summary>How long a page may take to show what is expected of it, also on a machine that does much else. Milliseconds.</summary>
    private const float Patience = 30_000;

    private static readonly string[] Arguments =
    [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        Assertions.SetDefaultExpectTimeout(Patience);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Program, Args = Arguments });
    }

    /// <summary>A browser of its own for one test: no cookie and no storage of another's.</summary>
    public async Task<IPage> NewPageAsync(Uri address, ColorScheme theme = ColorScheme.Light)
    {
        var context = await _browser!.NewContextAsync(new()
        {
            BaseURL = address.ToString(),
            ViewportSize = new() { Width = 1400, Height = 880 },
            ColorScheme = theme,
            Permissions = ["clipboard-read", "clipboard-write"],
        });
        return await context.NewPageAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}
