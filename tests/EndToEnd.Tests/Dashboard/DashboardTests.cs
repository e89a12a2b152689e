using System.Net;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Sungrow.EndToEnd.Tests.Dashboard;

public class DashboardTests(DashboardServer server) : IClassFixture<DashboardServer>
{
    private const int MostBytes = 150_000;

    private static readonly LocatorAssertionsToContainTextOptions Patient = new() { Timeout = 60_000 };

    [Fact]
    public async Task A_wrong_token_is_refused_in_a_sentence_and_the_right_one_opens_the_house()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);

        await owner.SignInAsync("not-a-token");
        await Expect(owner.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("no viewer token of this server", Patient);
        owner.Forgive("401");
        await owner.SignInAsync();

        await Expect(owner.Page.GetByRole(AriaRole.Heading, new() { Name = "Now", Exact = true })).ToBeVisibleAsync(new() { Timeout = 60_000 });
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task Live_values_change_without_a_reload()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);
        await server.SendNowAsync(DashboardServer.House, 4321);
        await owner.OpenAsync(DashboardServer.House);
        await Expect(owner.Page.Locator(".story")).ToContainTextAsync("4.32\u00a0kW", Patient);
        await owner.Page.EvaluateAsync("() => { window.sameAsBefore = true; }");

        await server.SendNowAsync(DashboardServer.House, 1234);

        await Expect(owner.Page.Locator(".story")).ToContainTextAsync("1.23\u00a0kW", Patient);
        await Expect(owner.Page.Locator(".standing")).ToContainTextAsync("Live", Patient);
        Assert.True(await owner.Page.EvaluateAsync<bool>("() => window.sameAsBefore === true"));
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task What_a_plug_measures_is_shown()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);
        await server.SendLoadAsync("shellyplug-kettle", 1830);

        await owner.OpenAsync(DashboardServer.House);

        await Expect(owner.Page.Locator(".loads li").Filter(new() { HasText = "shellyplug-kettle" }))
            .ToContainTextAsync("shellyplug-kettle, channel 01.83\u00a0kW", Patient);
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task A_day_of_the_past_shows_the_figures_that_its_samples_amount_to()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);

        await owner.OpenAsync(DashboardServer.House, "day", server.Day);

        await Expect(owner.Page.Locator(".total.sun")).ToContainTextAsync("12.0kWh", Patient);
        await Expect(owner.Page.Locator(".total.sun")).ToContainTextAsync("Exported10.0\u00a0kWh");
        await Expect(owner.Page.Locator(".total.sun")).ToContainTextAsync("Self-consumption 17\u00a0%");
        await Expect(owner.Page.Locator(".total.house")).ToContainTextAsync("11.5kWh");
        await Expect(owner.Page.Locator(".total.house")).ToContainTextAsync("Imported9.5\u00a0kWh");
        await Expect(owner.Page.Locator(".total.house")).ToContainTextAsync("Autarky 17\u00a0%");
        // The curve, as a table: quarter hours of the site's clock, and none of the hour without samples.
        await owner.Page.Locator(".curve summary").ClickAsync();
        var rows = owner.Page.Locator(".curve tbody tr");
        await Expect(rows).ToHaveCountAsync(92);
        await Expect(rows.Filter(new() { Has = owner.Page.GetByRole(AriaRole.Rowheader, new() { Name = "10:00" }) }))
            .ToContainTextAsync("3.00\u00a0kW500\u00a0W0\u00a0Wexport 2.50\u00a0kW50\u00a0%");
        await Expect(rows.Filter(new() { Has = owner.Page.GetByRole(AriaRole.Rowheader, new() { Name = "03:15" }) })).ToHaveCountAsync(0);
        owner.AssertNoComplaint();
    }

    [Theory]
    [InlineData("week")]
    [InlineData("month")]
    public async Task Longer_times_count_the_same_day(string span)
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);

        await owner.OpenAsync(DashboardServer.House, span, server.Day);

        var day = server.Day.ToString("ddd d ", System.Globalization.CultureInfo.InvariantCulture);
        await Expect(owner.Page.Locator($"a.bar[aria-label*='sun 12.0\u00a0kWh, house 11.5\u00a0kWh, bought 9.5\u00a0kWh, sold 10.0\u00a0kWh']"))
            .ToHaveCountAsync(1, new() { Timeout = 60_000 });
        Assert.StartsWith(
            day,
            await owner.Page.Locator("a.bar[aria-label*='sun 12.0']").GetAttributeAsync("aria-label") ?? "",
            StringComparison.Ordinal);
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task A_gap_is_shown_with_its_reason_in_words_and_in_its_hour()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);

        await owner.OpenAsync(DashboardServer.House, "day", server.Day);

        await Expect(owner.Page.Locator(".account .summary"))
            .ToHaveTextAsync("8,280 of 8,640 samples are stored. 360 are missing, each for a known reason.", new() { Timeout = 60_000 });
        await Expect(owner.Page.Locator(".causes")).ToContainTextAsync("03:00 – 04:00The inverter did not answer: 360 samples");
        await Expect(owner.Page.Locator(".strip .cell")).ToHaveCountAsync(24);
        await Expect(owner.Page.Locator(".strip .cell.missing")).ToHaveCountAsync(1);
        await Expect(owner.Page.Locator(".strip .cell").Nth(3)).ToHaveAttributeAsync(
            "aria-label", "03:00: 0 of 360 stored. The inverter did not answer");
        // By keyboard: one stop, then arrows.
        await owner.Page.Locator(".strip .cell").First.FocusAsync();
        await owner.Page.Keyboard.PressAsync("ArrowRight");
        await Expect(owner.Page.Locator(".cell-words")).ToHaveTextAsync("01:00: 360 of 360 stored, complete");
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task Other_people_s_devices_stay_hidden()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);

        await owner.OpenAsync(DashboardServer.Neighbour);

        var devices = await owner.Page.Locator("header select option").EvaluateAllAsync<string[]>("all => all.map(one => one.value)");
        Assert.Equal([DashboardServer.Garage, DashboardServer.House], devices.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(DashboardServer.Neighbour, await owner.Page.ContentAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain(owner.Requests, url => url.Contains($"device_id={DashboardServer.Neighbour}", StringComparison.Ordinal));
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task Signing_out_ends_the_session_here_and_on_the_server()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);
        await owner.OpenAsync(DashboardServer.House);
        var cookie = (await owner.Context.CookiesAsync()).Single(one => one.Name == "sungrow_session");
        Assert.True(cookie is { HttpOnly: true, Secure: true, SameSite: SameSiteAttribute.Strict });
        Assert.Equal(HttpStatusCode.OK, await server.AskAsync("/v1/devices", $"{cookie.Name}={cookie.Value}"));

        await owner.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();

        await Expect(owner.Page.GetByLabel("Viewer token")).ToBeVisibleAsync(new() { Timeout = 60_000 });
        Assert.Equal(HttpStatusCode.Unauthorized, await server.AskAsync("/v1/devices", $"{cookie.Name}={cookie.Value}"));
        await owner.Page.ReloadAsync();
        await Expect(owner.Page.GetByLabel("Viewer token")).ToBeVisibleAsync(new() { Timeout = 60_000 });
        owner.AssertNoComplaint();
    }

    [Theory]
    [InlineData(390, 844, ColorScheme.Light)]
    [InlineData(390, 844, ColorScheme.Dark)]
    [InlineData(1440, 900, ColorScheme.Light)]
    [InlineData(1440, 900, ColorScheme.Dark)]
    public async Task Everybody_can_read_it_at_every_size_and_in_every_light(int width, int height, ColorScheme scheme)
    {
        await using var owner = await OwnersBrowser.OpenAsync(server, width, height, scheme);
        await server.SendNowAsync(DashboardServer.House, 4321);
        await owner.Page.GotoAsync(server.Url);
        await owner.Page.GetByLabel("Viewer token").WaitForAsync();
        Assert.Empty(await owner.AccessibilityViolationsAsync());

        await owner.OpenAsync(DashboardServer.House, "day", server.Day);
        foreach (var span in new[] { "day", "week", "month", "year" })
        {
            await owner.GoToAsync(DashboardServer.House, span, server.Day);
            await ScreenshotAsync(owner.Page, $"{width}x{height}-{scheme}-{span}".ToLowerInvariant());
            await owner.Page.EvaluateAsync("() => document.querySelectorAll('details').forEach(details => { details.open = true; })");

            Assert.Empty(await owner.AccessibilityViolationsAsync());
            Assert.Equal(0, await owner.Page.EvaluateAsync<int>("() => Math.max(0, document.documentElement.scrollWidth - innerWidth)"));
        }

        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task All_of_it_costs_less_than_150_kB_and_comes_from_the_one_server()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);

        await owner.OpenAsync(DashboardServer.House, "day", server.Day);
        await Expect(owner.Page.Locator(".total.sun")).ToContainTextAsync("12.0kWh", Patient);

        Assert.InRange(owner.Bytes, 20_000, MostBytes);
        Assert.All(owner.Requests, url => Assert.StartsWith(server.Url, url, StringComparison.Ordinal));
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task The_page_is_served_compressed_with_its_policy_and_asked_for_again_only_when_it_changed()
    {
        using HttpClient http = new();
        var page = await AskAsync(http, "/", "br;q=0, gzip");
        var script = (await http.GetStringAsync(server.Url)).Split('"').Single(part => part.StartsWith("/assets/", StringComparison.Ordinal)
            && part.EndsWith(".js", StringComparison.Ordinal));
        var asset = await AskAsync(http, script, "gzip, br");
        var again = await AskAsync(http, "/", "br;q=0, gzip", page.Headers.ETag);
        var plain = await AskAsync(http, "/", "identity");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.NotModified), (page.StatusCode, asset.StatusCode, again.StatusCode));
        Assert.Equal(["gzip"], page.Content.Headers.ContentEncoding);
        Assert.Equal(["br"], asset.Content.Headers.ContentEncoding);
        Assert.Empty(plain.Content.Headers.ContentEncoding);
        Assert.Equal(("no-cache", "public, max-age=31536000, immutable"), ($"{page.Headers.CacheControl}", $"{asset.Headers.CacheControl}"));
        Assert.StartsWith("default-src 'none'; script-src 'self';", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(http, "/src/main.ts", "gzip")).StatusCode);
    }

    private async Task<HttpResponseMessage> AskAsync(
        HttpClient http, string path, string encodings, System.Net.Http.Headers.EntityTagHeaderValue? known = null)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, server.Url + path);
        request.Headers.TryAddWithoutValidation("Accept-Encoding", encodings);
        if (known is not null)
        {
            request.Headers.IfNoneMatch.Add(known);
        }

        return await http.SendAsync(request);
    }

    /// <summary>To look at after a run.</summary>
    private static Task<byte[]> ScreenshotAsync(IPage page, string name) => page.ScreenshotAsync(new()
    {
        Path = Path.Combine(Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), "sungrow-dashboard")).FullName, $"{name}.png"),
        FullPage = true,
    });
}
