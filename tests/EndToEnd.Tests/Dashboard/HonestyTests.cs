using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Sungrow.EndToEnd.Tests.Dashboard;

/// <summary>What the page says when it does not know: nothing newer, no network, no server, no data, no longer allowed to see.</summary>
public class HonestyTests(DashboardServer server) : IClassFixture<DashboardServer>
{
    private const string Failing = "net::ERR_"; // The browser's own words about a request that nobody answered.

    private static readonly string[] Spans = ["day", "week", "month", "year"];

    private static readonly LocatorAssertionsToContainTextOptions Patient = new() { Timeout = 90_000 };

    [Fact]
    public async Task A_value_that_nothing_newer_follows_grows_old_and_then_is_no_longer_called_live()
    {
        await using var guest = await OwnersBrowser.OpenAsync(server);
        await guest.OpenAsync(DashboardServer.Barn, token: DashboardServer.Guest);
        var standing = guest.Page.Locator(".standing");

        await server.SendNowAsync(DashboardServer.Barn, 4321, TimeSpan.FromSeconds(30));

        await Expect(standing).ToContainTextAsync("Live, ", Patient);
        var age = await AgeAsync(standing);
        Assert.InRange(age, 30, 60);
        await Expect(standing).Not.ToContainTextAsync($"Live, {age}\u00a0s", new() { Timeout = 60_000 });
        Assert.True(await AgeAsync(standing) > age);
        await Expect(standing).ToContainTextAsync("old", Patient);
        await Expect(guest.Page.Locator(".now .warning"))
            .ToContainTextAsync(AClock("Nothing newer has come since {0}: this is what the house did then"));
        // The values that it had, as of then; nothing became zero.
        await Expect(guest.Page.Locator(".story")).ToContainTextAsync(AClock("At {0}: The sun gives 4.32"));
        await Expect(guest.Page.Locator(".flow .sun .value")).ToContainTextAsync("4.32");
        Assert.Equal("Sungrow", await guest.Page.TitleAsync());
        await guest.LookAsync("stale");

        await server.SendNowAsync(DashboardServer.Barn, 1234);

        await Expect(standing).ToContainTextAsync("Live, ", Patient);
        await Expect(guest.Page.Locator(".now .warning")).ToBeEmptyAsync();
        guest.AssertNoComplaint();
    }

    [Fact]
    public async Task A_device_that_never_sent_says_so_in_each_view_and_shows_no_zeros()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);
        await owner.Page.Clock.InstallAsync();
        await owner.OpenAsync(DashboardServer.Garage);
        await Expect(owner.Page.Locator(".standing")).ToHaveTextAsync("No data", new() { Timeout = 60_000 });

        // It stays so, and nobody asks for what is not there.
        await owner.Page.Clock.FastForwardAsync("02:00");

        await Expect(owner.Page.Locator(".now .warning")).ToContainTextAsync("No sample of this device has arrived yet.", Patient);
        await Expect(owner.Page.Locator(".edge")).ToContainTextAsync("The edge of this device has never reported.");
        foreach (var span in Spans)
        {
            await owner.GoToAsync(DashboardServer.Garage, span);
            await Expect(owner.Page.Locator(".chart .empty")).ToContainTextAsync("is stored");
            Assert.All(
                await owner.Page.Locator(".flow .value, .figures dd, .total .big, .total dd").AllTextContentsAsync(),
                figure => Assert.Contains(figure, (string[])["", "–"]));
            await owner.LookAsync($"nodata-{span}");
        }

        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task Without_a_network_all_of_the_page_says_so_and_comes_back_by_itself()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);
        var page = owner.Page;
        await server.SendNowAsync(DashboardServer.House, 4321);
        await server.SendLoadAsync("shellyplug-kettle", 1830);
        await owner.OpenAsync(DashboardServer.House);
        await Expect(page.Locator(".standing")).ToContainTextAsync("Live, ", Patient);
        var kettle = page.Locator(".loads li").Filter(new() { HasText = "shellyplug-kettle" }); // Other tests have loads of their own.
        await Expect(kettle).ToHaveTextAsync("shellyplug-kettle, channel 01.83\u00a0kW", new() { Timeout = 60_000 });

        await owner.Context.SetOfflineAsync(true);

        await Expect(page.Locator(".standing")).ToHaveTextAsync("Offline", new() { Timeout = 90_000 });
        await Expect(page.Locator(".now .warning")).ToContainTextAsync(AClock("You are offline. These are the values of {0}."));
        await Expect(page.Locator(".story")).ToContainTextAsync(AClock("At {0}: The sun gives 4.32"));
        await Expect(kettle).ToContainTextAsync(AClock("1.83.kW at {0}"), Patient);
        await Expect(page.Locator(".today .summary")).ToContainTextAsync(AClock("You are offline. These are the figures of {0}."), Patient);
        await Expect(page.Locator(".trouble")).ToContainTextAsync(AClock("You are offline. .* What is shown is of {0}."), Patient);
        await Expect(page.Locator(".edge .bad")).ToContainTextAsync("How they are cannot be asked just now.", Patient);
        await Expect(page.Locator(".curve")).ToBeVisibleAsync();
        await owner.LookAsync("offline");
        // Under the name of another time nothing of this one may stand.
        foreach (var span in Spans)
        {
            await page.EvaluateAsync($"() => {{ location.hash = '#/{DashboardServer.House}/{span}/2020-02-05'; }}");
            await Expect(page.Locator(".walk h2")).ToContainTextAsync("2020");
            await Expect(page.Locator(".trouble")).ToContainTextAsync("2020 could not be read just now.", Patient);
            await Expect(page.Locator(".past-body")).ToBeHiddenAsync();
        }

        await owner.LookAsync("offline-another");
        await owner.Context.SetOfflineAsync(false);
        await server.SendNowAsync(DashboardServer.House, 1234);
        await server.SendLoadAsync("shellyplug-kettle", 1840);

        await Expect(page.Locator(".story")).ToContainTextAsync("1.23", Patient);
        await Expect(page.Locator(".standing")).ToContainTextAsync("Live, ", Patient);
        await Expect(page.Locator(".trouble")).ToBeEmptyAsync(new() { Timeout = 90_000 });
        await Expect(page.Locator(".past-body")).ToBeVisibleAsync();
        await Expect(page.Locator(".today.old, .edge .bad")).ToHaveCountAsync(0, new() { Timeout = 90_000 });
        await Expect(kettle).ToHaveTextAsync("shellyplug-kettle, channel 01.84\u00a0kW", new() { Timeout = 90_000 });
        owner.Forgive(Failing);
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task A_server_that_is_gone_is_waited_for_by_a_page_that_is_open_and_by_one_that_opens()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);
        var page = owner.Page;
        await server.SendNowAsync(DashboardServer.House, 4321);
        await owner.OpenAsync(DashboardServer.House, "day", server.Day);
        await Expect(page.Locator(".standing")).ToContainTextAsync("Live, ", Patient);
        await page.WaitForFunctionAsync("() => navigator.serviceWorker.controller !== null");

        await server.KillAsync();

        await Expect(page.Locator(".standing")).ToHaveTextAsync("Offline", new() { Timeout = 90_000 });
        await Expect(page.Locator(".now .warning")).ToContainTextAsync("The server does not answer. These are the values of");
        await Expect(page.Locator(".trouble")).ToContainTextAsync("The server does not answer.", Patient);
        await Expect(page.Locator(".total.sun")).ToContainTextAsync("12.0kWh");

        await server.StartAsync(TestContext.Current.CancellationToken);

        // Also a day of the past, of which nothing new is expected.
        await Expect(page.Locator(".trouble")).ToBeEmptyAsync(new() { Timeout = 90_000 });
        await Expect(page.Locator(".standing")).Not.ToHaveTextAsync("Offline", new() { Timeout = 90_000 });

        await server.KillAsync();
        await page.ReloadAsync();
        await Expect(page.GetByRole(AriaRole.Alert))
            .ToHaveTextAsync("The server does not answer. This page asks again by itself.", new() { Timeout = 90_000 });
        await owner.LookAsync("gone");
        await server.StartAsync(TestContext.Current.CancellationToken);

        await Expect(page.Locator(".total.sun")).ToContainTextAsync("12.0kWh", Patient);
        owner.Forgive(Failing, "503"); // It answers so while it starts.
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task A_token_that_is_taken_back_leads_to_the_sign_in_which_says_why()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);
        await owner.Page.Clock.InstallAsync();
        var token = (await server.AdminAsync("viewers", "add", "cleaner", "--device", DashboardServer.House)).Split()
            .First(word => word.StartsWith("sg_", StringComparison.Ordinal));
        await owner.OpenAsync(DashboardServer.House, "week", token: token);

        await server.AdminAsync("viewers", "revoke", "cleaner");
        await owner.Page.Clock.FastForwardAsync("01:01"); // Nobody touches the page: within a minute it asks again.

        await Expect(owner.Page.Locator(".why")).ToHaveTextAsync(
            "Your session has ended, or your token was taken back. Sign in again to go on.", new() { Timeout = 90_000 });
        await Expect(owner.Page.GetByLabel("Viewer token")).ToBeFocusedAsync();
        await Expect(owner.Page.Locator(".page")).ToHaveCountAsync(0);
        await owner.LookAsync("revoked");
        owner.Forgive("401");
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task A_gap_breaks_the_line_and_tells_its_reason_to_the_keyboard()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);
        await owner.OpenAsync(DashboardServer.House, "day", server.Day);
        await owner.Page.Locator(".curve canvas").First.WaitForAsync();

        // Half past two, three and four: 500 W are used in the first and the last.
        var drawn = await owner.Page.EvaluateAsync<bool[]>(
            """
            () => {
              const canvas = document.querySelector('.curve canvas');
              const over = document.querySelector('.curve .u-over');
              const scale = canvas.width / canvas.clientWidth;
              const copy = document.createElement('canvas');
              [copy.width, copy.height] = [canvas.width, canvas.height];
              const paper = copy.getContext('2d', { willReadFrequently: true });
              paper.drawImage(canvas, 0, 0);
              return [2.5, 3.5, 4.5].map(hour => {
                const x = Math.round((over.offsetLeft + over.offsetWidth * hour / 24) * scale);
                const column = paper.getImageData(x, over.offsetTop * scale, 1, over.offsetHeight * scale).data;
                // The house's blue: nothing else on the paper has it.
                return column.some((blue, i) => i % 4 === 2 && blue > column[i - 2] + 60 && column[i + 1] > 200);
              });
            }
            """);
        Assert.Equal([true, false, true], drawn);
        await owner.Page.Locator(".strip .cell").First.FocusAsync();
        for (var hour = 1; hour <= 3; hour++)
        {
            await owner.Page.Keyboard.PressAsync("ArrowRight");
        }

        await Expect(owner.Page.Locator(".cell-words")).ToHaveTextAsync("03:00: 0 of 360 stored. The inverter did not answer");
        await owner.LookAsync("gap");
        owner.AssertNoComplaint();
    }

    [Fact]
    public async Task A_load_that_was_not_heard_of_for_long_stands_behind_the_others_with_its_time()
    {
        await using var owner = await OwnersBrowser.OpenAsync(server);
        await server.SendNowAsync(DashboardServer.House, 4321);
        await server.SendLoadAsync("shellyplug-washer", 2400, TimeSpan.FromMinutes(10));
        await server.SendLoadAsync("shellyplug-lamp", 12);

        await owner.OpenAsync(DashboardServer.House);

        var loads = owner.Page.Locator(".loads li");
        await Expect(loads.Last).ToContainTextAsync(AClock("shellyplug-washer, channel 02.40.kW at {0}"), Patient);
        await Expect(owner.Page.Locator(".loads li:not(.stale)").Filter(new() { HasText = "shellyplug-lamp" })).ToHaveCountAsync(1);
        await owner.LookAsync("loads");
        owner.AssertNoComplaint();
    }

    private static Regex AClock(string words) =>
        new(string.Format(CultureInfo.InvariantCulture, words, @"\d\d:\d\d"), RegexOptions.None, TimeSpan.FromSeconds(1));

    private static async Task<int> AgeAsync(ILocator standing) =>
        int.Parse(string.Concat((await standing.InnerTextAsync()).Where(char.IsAsciiDigit)), CultureInfo.InvariantCulture);
}
