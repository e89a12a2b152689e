using System.Text.Json;
using Microsoft.Playwright;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Dashboard;

/// <summary>A Chromium with one page. Whatever the page complains about is a failure of the test that it happened in: errors of scripts and
/// requests, and everything that the content security policy refused.</summary>
internal sealed class OwnersBrowser : IAsyncDisposable
{
    private const string Chromium = "/usr/bin/chromium";

    private static readonly float Deadline = (float)Until.Deadline.TotalMilliseconds;

    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;
    private readonly string _url;
    private readonly List<string> _complaints = [];
    private readonly List<string> _requests = [];
    private long _bytes;

    private OwnersBrowser(IPlaywright playwright, IBrowser browser, IBrowserContext context, IPage page, string url)
    {
        (_playwright, _browser, Context, Page, _url) = (playwright, browser, context, page, url);
        page.SetDefaultTimeout(Deadline);
        page.Console += (_, said) =>
        {
            if (said.Type is "error" or "warning")
            {
                Add(_complaints, $"{said.Text} {said.Location}");
            }
        };
        page.PageError += (_, failure) => Add(_complaints, failure);
        page.Request += (_, request) => Add(_requests, request.Url);
    }

    public IBrowserContext Context { get; }

    public IPage Page { get; }

    /// <summary>Over the wire so far, headers included.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    public IReadOnlyList<string> Requests => Copy(_requests);

    public static Task<OwnersBrowser> OpenAsync(
        DashboardServer server, int width = 1440, int height = 900, ColorScheme scheme = ColorScheme.Light) =>
        OpenAsync(server.Url, width, height, scheme);

    public static async Task<OwnersBrowser> OpenAsync(
        string url, int width = 1440, int height = 900, ColorScheme scheme = ColorScheme.Light)
    {
        if (!File.Exists(Chromium))
        {
            Missing.Server($"{Chromium} is missing (Debian: chromium)");
        }

        var playwright = await Playwright.CreateAsync();
        var browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Chromium,
            Args = ["--disable-dev-shm-usage", .. Environment.UserName == "root" ? new[] { "--no-sandbox" } : []],
            Timeout = Deadline,
        });
        // Animation is no part of what is looked at, and a still page is the same page each time.
        var context = await browser.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = height },
            ColorScheme = scheme,
            ReducedMotion = ReducedMotion.Reduce,
            IsMobile = width < 600,
            HasTouch = width < 600,
            DeviceScaleFactor = width < 600 ? 2 : 1,
        });
        var page = await context.NewPageAsync();
        OwnersBrowser owner = new(playwright, browser, context, page, url);
        await page.AddInitScriptAsync(
            "addEventListener('securitypolicyviolation', e => console.error(`refused by policy: ${e.violatedDirective} ${e.blockedURI}`))");
        var wire = await context.NewCDPSessionAsync(page);
        await wire.SendAsync("Network.enable");
        wire.Event("Network.loadingFinished").OnEvent += (_, finished) =>
            Interlocked.Add(ref owner._bytes, (long)finished!.Value.GetProperty("encodedDataLength").GetDouble());
        return owner;
    }

    public async Task SignInAsync(string token = DashboardServer.Viewer)
    {
        await Page.GotoAsync(_url);
        await Page.GetByLabel("Viewer token").FillAsync(token);
        await Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
    }

    /// <summary>Signed in, and at a place of the page.</summary>
    public async Task OpenAsync(string device, string span = "day", DateTimeOffset? day = null, string token = DashboardServer.Viewer)
    {
        await SignInAsync(token);
        await Page.Locator(".page").WaitForAsync();
        await GoToAsync(device, span, day);
    }

    public async Task GoToAsync(string device, string span, DateTimeOffset? day = null)
    {
        await Page.GotoAsync($"{_url}/#/{device}/{span}{day?.ToString("'/'yyyy-MM-dd")}");
        await Page.Locator(".account .summary").WaitForAsync();
        await Page.WaitForFunctionAsync("() => !document.querySelector('[aria-busy]')");
    }

    public void AssertNoComplaint() => Assert.True(Copy(_complaints) is [], string.Join('\n', Copy(_complaints)));

    /// <summary>Complaints that a test provokes on purpose: at least one of them came.</summary>
    public void Forgive(params string[] parts)
    {
        lock (_complaints)
        {
            Assert.True(_complaints.RemoveAll(complaint => parts.Any(part => complaint.Contains(part, StringComparison.Ordinal))) > 0);
        }
    }

    /// <summary>As it stands, on a phone and on a desk, by day and by night: kept to be looked at after a run, readable for everybody, and
    /// nowhere wider than the screen.</summary>
    public async Task LookAsync(string state)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), "sungrow-dashboard")).FullName;
        foreach (var (width, height) in new[] { (390, 844), (1440, 900) })
        {
            await Page.SetViewportSizeAsync(width, height);
            foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
            {
                await Page.EmulateMediaAsync(new() { ColorScheme = scheme });
                await Page.ScreenshotAsync(new()
                {
                    Path = Path.Combine(folder, $"state-{state}-{width}x{height}-{scheme}.png".ToLowerInvariant()),
                    FullPage = true,
                });
                Assert.Empty(await AccessibilityViolationsAsync());
                Assert.Equal(0, await Page.EvaluateAsync<int>("() => Math.max(0, document.documentElement.scrollWidth - innerWidth)"));
            }
        }
    }

    /// <summary>What axe-core has against the page as it stands.</summary>
    public async Task<string[]> AccessibilityViolationsAsync()
    {
        var axe = await File.ReadAllTextAsync(Path.Combine(Programs.Root, "vps/Sungrow.Vps/Dashboard/node_modules/axe-core/axe.min.js"));
        await Page.EvaluateAsync($"() => {{ {axe}\n }}");
        var found = await Page.EvaluateAsync<JsonElement>(
            "async () => (await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).violations"
            + ".map(violation => `${violation.id}: ${violation.nodes[0].html} ${violation.nodes[0].failureSummary}`)");
        return [.. found.EnumerateArray().Select(violation => violation.GetString()!)];
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }

    private static void Add(List<string> list, string entry)
    {
        lock (list)
        {
            list.Add(entry);
        }
    }

    private static string[] Copy(List<string> list)
    {
        lock (list)
        {
            return [.. list];
        }
    }
}
