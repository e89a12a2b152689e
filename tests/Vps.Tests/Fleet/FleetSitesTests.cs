using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Fleet;

/// <summary>What a viewer of the fleet is told, against what the rows themselves amount to.</summary>
public class FleetSitesTests(Databases databases)
{
    private const double StepS = 60;

    private static readonly TimeSpan Past = TimeSpan.FromHours(50);
    private static readonly string Viewer = Tokens.Issue();

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task Figures_are_those_that_the_samples_amount_to_in_every_zone_and_for_a_device_id_that_two_customers_have(Kind kind)
    {
        await using var server = await StartAsync(kind);
        string[] zones = ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/Los_Angeles", "Pacific/Auckland"];
        foreach (var (zone, number) in zones.Select((zone, number) => (zone, number)))
        {
            var customer = $"customer-{number}";
            await AddSiteAsync(server, customer, "default/roof", $"Roof {number}", zone);
            await AddDeviceAsync(server, customer, "inverter-1", "default/roof");
            // Each its own power, and a hole of its own of five hours.
            await AddSamplesAsync(
                server, customer, "inverter-1", number + 1,
                $"NOT ts BETWEEN now() - interval '{10 + number} hours' AND now() - interval '{5 + number} hours'");
        }

        await AddDeviceAsync(server, "customer-0", "inverter-2", "default/roof");
        await AddSamplesAsync(server, "customer-0", "inverter-2", 7, "true");
        if (kind == Kind.Timescale)
        {
            await server.Services.GetRequiredService<AggregateRefresh>().RunAsync(regular: true, TestContext.Current.CancellationToken);
        }

        var answer = await AskAsync(server);

        var now = answer.GetProperty("server_time").GetDateTimeOffset();
        var sites = answer.GetProperty("sites").EnumerateArray().ToList();
        Assert.Equal(zones, sites.Select(site => site.GetProperty("time_zone").GetString()));
        foreach (var site in sites)
        {
            await AssertAsync(server, site, now);
        }

        Assert.Equal(2, sites[0].GetProperty("devices").GetInt32());
        Assert.Equal(1, sites[1].GetProperty("devices").GetInt32());
        Assert.InRange(sites[1].GetProperty("completeness_pct").GetDouble(), 78, 80); // 19 of 24 hours.
    }

    [Fact]
    public async Task What_is_silent_new_empty_or_revoked_is_told_as_such()
    {
        await using var server = await StartAsync();
        await AddSiteAsync(server, "a-silent", "default/home", "Silent", "UTC", "now() - interval '3 days'");
        await AddDeviceAsync(server, "a-silent", "inverter-1", "default/home");
        await server.ExecuteAsync(
            "INSERT INTO fleet.measurements (customer_id, device_id, ts, sample_count, interval_s, pv_power_w) "
            + "VALUES ('a-silent', 'inverter-1', now() - interval '40 days', 1, 10, 5)");
        await AddSiteAsync(server, "b-empty", "default/home", "Empty", "UTC", "NULL");
        await AddSiteAsync(server, "c-new", "default/home", "New", "Nowhere/AtAll");
        await AddDeviceAsync(server, "c-new", "inverter-1", "default/home", "now()");
        await AddSiteAsync(server, "d-mixed", "default/home", "Mixed", "UTC");
        await AddDeviceAsync(server, "d-mixed", "gone", "default/home", status: "REVOKED");
        await AddDeviceAsync(server, "d-mixed", "there", "default/home");
        await AddSamplesAsync(server, "d-mixed", "there", 1, "true");
        await AddSiteAsync(server, "e-left", "default/home", "Left", "UTC");
        await server.ExecuteAsync("UPDATE fleet.customers SET status = 'REVOKED' WHERE customer_id = 'e-left'");

        var answer = await AskAsync(server);

        var sites = answer.GetProperty("sites").EnumerateArray().ToDictionary(site => site.GetProperty("customer").GetString()!);
        Assert.Equal(["a-silent", "b-empty", "c-new", "d-mixed"], sites.Keys);
        var silent = sites["a-silent"];
        Assert.InRange(silent.GetProperty("lag_s").GetDouble(), 40 * 86_400, 40 * 86_400 + 600);
        Assert.Equal(0, silent.GetProperty("completeness_pct").GetDouble());
        Assert.InRange(
            answer.GetProperty("server_time").GetDateTimeOffset() - silent.GetProperty("last_seen").GetDateTimeOffset(),
            TimeSpan.FromDays(3), TimeSpan.FromDays(3.1));
        Assert.Equal("""{"pv":null,"load":null,"import":null,"export":null}""", silent.GetProperty("energy_today_kwh").GetRawText());
        foreach (var member in new[] { "last_seen", "last_sample", "lag_s", "completeness_pct" })
        {
            Assert.Equal(JsonValueKind.Null, sites["b-empty"].GetProperty(member).ValueKind);
        }

        Assert.Equal(0, sites["b-empty"].GetProperty("devices").GetInt32());
        Assert.Equal(JsonValueKind.Null, sites["c-new"].GetProperty("completeness_pct").ValueKind); // Nothing could be expected yet.
        Assert.Equal(1, sites["d-mixed"].GetProperty("devices").GetInt32());
        Assert.Equal(100, sites["d-mixed"].GetProperty("completeness_pct").GetDouble());
    }

    [Fact]
    public async Task An_empty_fleet_is_an_empty_list_and_a_viewer_without_the_mark_does_not_see_it()
    {
        await using var server = await StartAsync();

        Assert.Equal("[]", (await AskAsync(server)).GetProperty("sites").GetRawText());

        var refused = await server.GetAsync("/v1/fleet", "viewer");
        Assert.Equal((HttpStatusCode.Forbidden, "FLEET_NOT_VISIBLE"), (refused.Status, refused.Code));
    }

    [Fact]
    public async Task A_viewer_of_the_fleet_is_made_by_an_admin_VPS_and_his_session_and_his_next_token_see_it_too()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database, "--Application:RunMode=Admin");
        Assert.Contains(
            "Application__RunMode is Client; allowed is Admin.", await RunAsync("viewers add boss --fleet", "Client", exitCode: 1),
            StringComparison.Ordinal);
        Assert.Equal(0, await server.CountAsync("viewer_tokens"));

        var token = Token(await RunAsync("viewers add boss --fleet"));
        Token(await RunAsync("viewers add both --fleet --device inverter-1"));
        Token(await RunAsync("viewers add owner --device inverter-1"));

        Assert.Contains("sees            the fleet\n", await RunAsync("viewers show boss"), StringComparison.Ordinal);
        Assert.Contains("the fleet, inverter-1", await RunAsync("viewers list"), StringComparison.Ordinal);
        Assert.Equal(
            "boss True, both True, owner False",
            string.Join(", ", JsonDocument.Parse(await RunAsync("viewers list --json")).RootElement.EnumerateArray()
                .Select(viewer => $"{viewer.GetProperty("viewer")} {viewer.GetProperty("fleet").GetBoolean()}")));
        var next = Token(await RunAsync("viewers rotate boss"));
        foreach (var good in new[] { token, next })
        {
            Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/fleet", good)).Status);
            Assert.Equal("""{"devices":[],"fleet":true}""", (await server.GetAsync("/v1/session", good)).Body);
        }

        var cookie = await SignInAsync(server, token);
        Assert.Equal(HttpStatusCode.OK, (await server.SendAsync(HttpMethod.Get, "/v1/fleet", null, null, ("Cookie", cookie))).Status);
        Assert.Equal(
            """{"devices":[],"fleet":true}""", (await server.SendAsync(HttpMethod.Get, "/v1/session", null, null, ("Cookie", cookie))).Body);

        await using var client = await VpsServer.StartAsync(database);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/v1/fleet", token)).Status);
        Assert.Equal("""{"devices":[]}""", (await client.GetAsync("/v1/session", token)).Body);

        async Task<string> RunAsync(string words, string mode = "Admin", int exitCode = 0)
        {
            await using var program = ProgramProcess.StartOurs(
                "sungrow-vps", words.Split(' '),
                new Dictionary<string, string?> { ["DATABASE_URL"] = database, ["Application__RunMode"] = mode });
            Assert.True(await program.ExitCodeAsync() == exitCode, $"{words}:\n{program.Output}");
            return program.Output;
        }
    }

    private static string Token(string output) =>
        output.Split('\n', StringSplitOptions.TrimEntries).Single(line => line.StartsWith("sg_", StringComparison.Ordinal));

    private static async Task<string> SignInAsync(VpsServer server, string token)
    {
        var answer = await server.PostAsync(
            "/v1/session", new StringContent($$"""{"token":"{{token}}"}""", System.Text.Encoding.UTF8, "application/json"), token: null);
        return answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }

    /// <summary>From the rows, one by one.</summary>
    private static async Task AssertAsync(VpsServer server, JsonElement site, DateTimeOffset now)
    {
        var customer = site.GetProperty("customer").GetString();
        var zone = TimeZoneInfo.FindSystemTimeZoneById(site.GetProperty("time_zone").GetString()!);
        var day = SiteCalendar.Of(zone.Id).StartOf(DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, zone).DateTime));
        var until = Aggregates.Fleet.Floor(now.AddMinutes(-5));
        var today = $"FROM fleet.measurements WHERE customer_id = '{customer}' AND ts >= '{Rfc3339.Write(day)}'";
        foreach (var (member, expression) in new[]
        {
            ("pv", "pv_power_w"), ("load", "load_power_w"),
            ("import", "greatest(-export_power_w, 0)"), ("export", "greatest(export_power_w, 0)"),
        })
        {
            var kwh = await server.AskAsync<double>($"SELECT coalesce(sum({expression} * interval_s) / 3600000, -1) {today}");
            var energy = site.GetProperty("energy_today_kwh").GetProperty(member);
            Assert.Equal(kwh, energy.ValueKind == JsonValueKind.Null ? -1 : energy.GetDouble(), tolerance: 0.001);
        }

        var covered = await server.AskAsync<double>(
            $"""
            SELECT sum(interval_s) FROM fleet.measurements
            WHERE customer_id = '{customer}' AND ts >= '{Rfc3339.Write(until.AddDays(-1))}' AND ts < '{Rfc3339.Write(until)}'
            """);
        var expected = 86_400.0 * site.GetProperty("devices").GetInt32();
        Assert.Equal(100 * covered / expected, site.GetProperty("completeness_pct").GetDouble(), tolerance: 0.01);
        var last = await server.AskAsync<DateTime>($"SELECT max(ts) FROM fleet.measurements WHERE customer_id = '{customer}'");
        Assert.Equal(last, site.GetProperty("last_sample").GetDateTimeOffset().UtcDateTime, TimeSpan.FromMilliseconds(1));
        Assert.Equal((now.UtcDateTime - last).TotalSeconds, site.GetProperty("lag_s").GetDouble(), tolerance: 0.1);
    }

    private static Task AddSiteAsync(
        VpsServer server, string customer, string id, string name, string zone, string lastSeen = "now()") => server.ExecuteAsync(
        $"""
        INSERT INTO fleet.customers (customer_id, digest, first_seen, last_seen)
        VALUES ('{customer}', sha256('{customer}'), {lastSeen}, {lastSeen});
        INSERT INTO fleet.sites (customer_id, id, name, time_zone) VALUES ('{customer}', '{id}', '{name}', '{zone}')
        """);

    private static Task AddDeviceAsync(
        VpsServer server, string customer, string id, string site, string firstSeen = "now() - interval '90 days'",
        string status = "ACTIVE") =>
        server.ExecuteAsync(
            $"""
            INSERT INTO fleet.devices (customer_id, id, site_id, status, poll_interval_s, first_seen)
            VALUES ('{customer}', '{id}', '{site}', '{status}', {StepS}, {firstSeen})
            """);

    /// <summary>One a minute up to now: sun by day alone, and buying by night.</summary>
    private static Task AddSamplesAsync(VpsServer server, string customer, string device, int scale, string where) => server.ExecuteAsync(
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            INSERT INTO fleet.measurements (customer_id, device_id, ts, sample_count, interval_s, pv_power_w, load_power_w, export_power_w)
            SELECT '{customer}', '{device}', ts, 1, {StepS}, {scale} * 100, {scale} * 40,
                   CASE WHEN extract(hour FROM ts)::int % 3 = 0 THEN {scale} * 60 ELSE {scale} * -25 END
            FROM generate_series(date_trunc('minute', now()) - interval '{Past.TotalHours} hours', now(), interval '{StepS} seconds') AS ts
            WHERE {where}
            """));

    private static async Task<JsonElement> AskAsync(VpsServer server)
    {
        var answer = await server.GetAsync("/v1/fleet", Viewer);
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Body);
        return answer.Json;
    }

    private async Task<VpsServer> StartAsync(Kind kind = Kind.Plain)
    {
        var server = await VpsServer.StartAsync(await databases.CreateAsync(kind), "--Application:RunMode=Admin");
        await server.ExecuteAsync(
            "INSERT INTO viewer_tokens (digest, tenant_id, name, fleet) "
            + $"SELECT '\\x{Convert.ToHexString(Tokens.Digest(Viewer))}', id, 'boss', true FROM tenants WHERE name = 'default'");
        return server;
    }
}
