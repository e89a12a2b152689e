using System.Globalization;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Sungrow.EndToEnd.Tests.Dashboard;

public class FleetPageTests(FleetServer server) : IClassFixture<FleetServer>
{
    private const string Rows = ".site-row:not([hidden])";

    private static readonly LocatorAssertionsToHaveCountOptions Patient = new() { Timeout = 60_000 };

    [Fact]
    public async Task An_installer_sees_every_site_with_what_is_wrong_first()
    {
        await using var installer = await OpenAsync(server.Installer);
        var page = installer.Page;

        await Expect(page.Locator(".fleet-summary")).ToHaveTextAsync(
            "1,000 sites of 100 customers: 10 silent, 1 without data yet, 2 behind, 1 incomplete.");
        Assert.Equal(
            [
                .. Enumerable.Range(70, 10).Select(n => $"Silent roof-{n:0000}"),
                "No data yet roof-0500", "Behind roof-0300", "Behind roof-0301", "Incomplete roof-0400", "Well roof-0000",
            ],
            (await TextsAsync(page, ".state")).Zip(await TextsAsync(page, ".site"), (state, site) => $"{state} {site}").Take(15));
        await page.Locator(Rows).Last.ScrollIntoViewIfNeededAsync();
        await Expect(page.Locator(Rows).Last).ToBeInViewportAsync();
        await Expect(page.Locator(Rows).Last).ToContainTextAsync("roof-0999");
        await Expect(page.GetByRole(AriaRole.Row)).ToHaveCountAsync(FleetServer.Sites + 1);
        installer.AssertNoComplaint();
    }

    [Fact]
    public async Task Sorting_and_filtering_give_the_right_rows()
    {
        await using var installer = await OpenAsync(server.Installer);
        var page = installer.Page;
        var sun = page.GetByRole(AriaRole.Columnheader, new() { Name = "Sun" });

        await sun.GetByRole(AriaRole.Button).ClickAsync();
        await Expect(sun).ToHaveAttributeAsync("aria-sort", "descending");
        Assert.Equal(["roof-0999", "roof-0998"], (await TextsAsync(page, ".site"))[..2]);
        Assert.Equal("roof-0500", (await TextsAsync(page, ".site"))[^1]); // Not known: last either way.
        await sun.GetByRole(AriaRole.Button).PressAsync("Enter");
        await Expect(sun).ToHaveAttributeAsync("aria-sort", "ascending");
        Assert.Equal(["roof-0000", "roof-0001"], (await TextsAsync(page, ".site"))[..2]);
        Assert.Equal("roof-0500", (await TextsAsync(page, ".site"))[^1]);

        await page.GetByLabel("Filter").FillAsync("CUSTOMER-012");
        await Expect(page.Locator(Rows)).ToHaveCountAsync(10);
        await Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("10 of 1,000 sites");
        Assert.Equal(Enumerable.Range(120, 10).Select(n => $"roof-{n:0000}"), await TextsAsync(page, ".site"));
        await page.GetByLabel("Filter").FillAsync("roof-0042");
        await Expect(page.Locator(Rows)).ToHaveCountAsync(1);
        await page.GetByLabel("Filter").FillAsync("nowhere");
        await Expect(page.Locator(Rows)).ToHaveCountAsync(0);
        await page.GetByLabel("Filter").FillAsync("");
        await Expect(page.Locator(Rows)).ToHaveCountAsync(FleetServer.Sites);
        TestContext.Current.TestOutputHelper!.WriteLine($"A key in the filter is painted after {await KeystrokeAsync(page)} ms (median of 10)");
        installer.AssertNoComplaint();
    }

    [Fact]
    public async Task New_figures_come_without_moving_anything()
    {
        await using var installer = await OpenAsync(server.Installer);
        var page = installer.Page;
        await page.GetByRole(AriaRole.Button, new() { Name = "Customer", Exact = true }).ClickAsync();
        await page.GetByLabel("Filter").FillAsync("customer-09");
        await page.EvaluateAsync("() => { window.scrollTo(0, 900); window.sameAsBefore = document.querySelector('.site-row'); }");
        var before = await page.EvaluateAsync<int>("() => scrollY");
        Assert.True(before > 0);
        await server.ExecuteAsync("UPDATE fleet.sites SET name = 'roof-0901 new' WHERE id = 'default/roof-901'");
        try
        {
            await page.EvaluateAsync("() => document.dispatchEvent(new Event('visibilitychange'))"); // As each half minute does.

            await Expect(page.GetByText("roof-0901 new")).ToBeAttachedAsync(new() { Timeout = 60_000 });
            Assert.Equal(before, await page.EvaluateAsync<int>("() => scrollY"));
            Assert.Equal("filter", await page.EvaluateAsync<string>("() => document.activeElement.id"));
            Assert.True(await page.EvaluateAsync<bool>("() => window.sameAsBefore.isConnected"));
            await Expect(page.Locator(Rows)).ToHaveCountAsync(100);
            await Expect(page.GetByRole(AriaRole.Columnheader, new() { Name = "Customer" })).ToHaveAttributeAsync("aria-sort", "ascending");
        }
        finally
        {
            await server.ExecuteAsync("UPDATE fleet.sites SET name = 'roof-0901' WHERE id = 'default/roof-901'");
        }

        installer.AssertNoComplaint();
    }

    [Fact]
    public async Task Without_the_server_the_figures_stay_and_the_page_says_of_when_they_are()
    {
        await using var installer = await OpenAsync(server.Installer);

        await installer.Context.SetOfflineAsync(true);
        await installer.Page.EvaluateAsync("() => document.dispatchEvent(new Event('visibilitychange'))");

        await Expect(installer.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("What is shown is of ", new() { Timeout = 60_000 });
        await Expect(installer.Page.Locator(Rows)).ToHaveCountAsync(FleetServer.Sites);
        installer.Forgive("ERR_INTERNET_DISCONNECTED");
        await installer.Context.SetOfflineAsync(false);
        await installer.Page.EvaluateAsync("() => document.dispatchEvent(new Event('visibilitychange'))");
        await Expect(installer.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("", new() { Timeout = 60_000 });
        installer.AssertNoComplaint();
    }

    [Fact]
    public async Task Who_has_a_house_as_well_walks_between_the_two()
    {
        await using var both = await OpenAsync(server.Both);

        await both.Page.GetByRole(AriaRole.Link, new() { Name = "My house" }).ClickAsync();
        await Expect(both.Page.GetByRole(AriaRole.Heading, new() { Name = "Now", Exact = true }))
            .ToBeVisibleAsync(new() { Timeout = 60_000 });
        await both.Page.GetByRole(AriaRole.Link, new() { Name = "Fleet" }).ClickAsync();
        await Expect(both.Page.Locator(Rows)).ToHaveCountAsync(FleetServer.Sites, Patient);

        await using var installer = await OpenAsync(server.Installer);
        await Expect(installer.Page.GetByRole(AriaRole.Link)).ToHaveCountAsync(0);
    }

    [Theory]
    [InlineData(390, 844, ColorScheme.Light)]
    [InlineData(390, 844, ColorScheme.Dark)]
    [InlineData(1440, 900, ColorScheme.Light)]
    [InlineData(1440, 900, ColorScheme.Dark)]
    public async Task Everybody_can_read_it_at_every_size_and_in_every_light(int width, int height, ColorScheme scheme)
    {
        await using var installer = await OpenAsync(server.Installer, width, height, scheme);
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), "sungrow-dashboard")).FullName;

        await installer.Page.ScreenshotAsync(new()
        {
            Path = Path.Combine(folder, $"fleet-{width}x{height}-{scheme}.png".ToLowerInvariant()), // To look at after a run.
        });

        await Expect(installer.Page.GetByText("roof-0070")).ToBeInViewportAsync();
        Assert.Equal("", await installer.Page.EvaluateAsync<string>(
            "() => [...document.querySelectorAll('.site-row')].slice(0, 12).flatMap(row => [...row.children])"
            + ".filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => `${cell.className} ${cell.textContent}`).join()"));
        Assert.Empty(await installer.AccessibilityViolationsAsync());
        Assert.Equal(0, await installer.Page.EvaluateAsync<int>("() => Math.max(0, document.documentElement.scrollWidth - innerWidth)"));
        installer.AssertNoComplaint();
    }

    private async Task<OwnersBrowser> OpenAsync(
        string token, int width = 1440, int height = 900, ColorScheme scheme = ColorScheme.Light)
    {
        var browser = await OwnersBrowser.OpenAsync(server.Url, width, height, scheme);
        await browser.SignInAsync(token);
        await Expect(browser.Page.Locator(Rows)).ToHaveCountAsync(FleetServer.Sites, Patient);
        return browser;
    }

    private static async Task<string[]> TextsAsync(IPage page, string cell) =>
        await page.EvaluateAsync<string[]>($"() => [...document.querySelectorAll('{Rows} {cell}')].map(cell => cell.textContent)");

    /// <summary>From the event to the frame after it.</summary>
    private static async Task<string> KeystrokeAsync(IPage page) => (await page.EvaluateAsync<double>(
        """
        async () => {
          const filter = document.getElementById('filter');
          const times = [];
          for (const text of ['r', 'ro', 'roo', 'roof', 'roof-', 'roof-0', 'roof-00', 'roof-001', 'roof-0010', '']) {
            await new Promise(requestAnimationFrame);
            const start = performance.now();
            filter.value = text;
            filter.dispatchEvent(new Event('input'));
            await new Promise(painted => requestAnimationFrame(() => {
              const after = new MessageChannel();
              after.port1.onmessage = painted;
              after.port2.postMessage(0);
            }));
            times.push(performance.now() - start);
          }
          return times.sort((a, b) => a - b)[5];
        }
        """)).ToString("0.0", CultureInfo.InvariantCulture);
}
