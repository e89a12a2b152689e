using System.Net;
using System.Text.Json;
using Sungrow.TestServers;
using Xunit;
using static Sungrow.Vps.Tests.Shelly.QueueWorker;

namespace Sungrow.Vps.Tests.Shelly;

public class LoadsTests(Databases databases)
{
    private const string Everything = "--VIEWER_TOKENS=viewer:inverter-1,viewer:inverter-2,viewer:inverter-3,half:inverter-1,half:inverter-2";

    private static double Ago(TimeSpan ago) => (TimeProvider.System.GetUtcNow() - ago).ToUnixTimeSeconds() - Start;

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task A_load_shows_its_newest_reading_and_whether_it_is_stale(Kind kind)
    {
        await using var vps = await StartAsync(await databases.CreateAsync(kind));
        await vps.ShellyAsync(
            Message("plug-a", Ago(TimeSpan.FromSeconds(20)), "\"apower\":61"), Message("plug-a", Ago(TimeSpan.FromSeconds(21)), "\"apower\":60"),
            FourChannels("plug-b", Ago(TimeSpan.FromMinutes(5))));

        var loads = (await vps.GetAsync("/v1/loads?site_id=default", "viewer")).Json.GetProperty("loads").EnumerateArray().ToList();

        Assert.Equal(
            ["plug-a 0 61", "plug-b 0 0.5", "plug-b 1 1.5", "plug-b 2 2.5", "plug-b 3 3.5"],
            loads.Select(load => $"{load.GetProperty("device_id").GetString()} {load.GetProperty("channel")} {load.GetProperty("power_w")}"));
        Assert.Equal(
            ["device_id", "channel", "name", "power_w", "ts", "age_s", "stale"], loads[0].EnumerateObject().Select(member => member.Name));
        Assert.Equal([false, true], loads[..2].Select(load => load.GetProperty("stale").GetBoolean()));
        Assert.InRange(loads[0].GetProperty("age_s").GetDouble(), 19, 150);
        Assert.Equal(JsonValueKind.Null, loads[0].GetProperty("name").ValueKind);
        Assert.InRange(loads[1].GetProperty("ts").GetDateTimeOffset(), TimeProvider.System.GetUtcNow().AddMinutes(-10), TimeProvider.System.GetUtcNow());
    }

    [Fact]
    public async Task An_older_reading_changes_nothing_and_a_newer_one_of_the_same_minute_does()
    {
        await using var vps = await StartAsync(await databases.CreateAsync());

        await vps.ShellyAsync(Message("plug", 10, "\"apower\":1"));
        Assert.Equal("0 1 0 1 1", await vps.ShellyAsync(Message("plug", 20, "\"apower\":2")).CountsAsync());
        Assert.Equal(2, await PowerAsync(vps));
        Assert.Equal("1 0 0 1 1", await vps.ShellyAsync(Message("plug", -60, "\"apower\":3")).CountsAsync());
        Assert.Equal(2, await PowerAsync(vps));
    }

    [Fact]
    public async Task A_clock_that_was_ahead_is_stale_and_hides_nothing_that_comes_later()
    {
        await using var vps = await StartAsync(await databases.CreateAsync());

        await vps.ShellyAsync(Message("plug", Ago(TimeSpan.FromHours(-10)), "\"apower\":1"));
        Assert.True((await vps.GetAsync("/v1/loads", "viewer")).Json.GetProperty("loads")[0].GetProperty("stale").GetBoolean());
        await vps.ShellyAsync(Message("plug", Ago(TimeSpan.Zero), "\"apower\":2"));

        Assert.Equal(2, await PowerAsync(vps));
    }

    [Fact]
    public async Task Who_does_not_see_all_devices_of_a_site_sees_none_of_its_loads()
    {
        await using var vps = await StartAsync(await databases.CreateAsync());
        await vps.ShellyAsync(Message("plug"));

        Assert.Equal(HttpStatusCode.OK, (await vps.GetAsync("/v1/loads?site_id=default", "viewer")).Status);
        foreach (var (path, token) in new[] { ("default", "half"), ("nowhere", "viewer"), ("nowhere", "half"), ("%00", "viewer"), ("empty", "viewer") })
        {
            await vps.ExecuteAsync("INSERT INTO sites (tenant_id, name, time_zone) VALUES (1, 'empty', 'UTC') ON CONFLICT DO NOTHING");
            var refused = await vps.GetAsync($"/v1/loads?site_id={path}", token);
            Assert.Equal((HttpStatusCode.Forbidden, "SITE_NOT_VISIBLE"), (refused.Status, refused.Code));
        }

        // Of all that he sees: of no site as a whole, no load.
        Assert.Equal(0, (await vps.GetAsync("/v1/loads", "half")).Json.GetProperty("loads").GetArrayLength());
        Assert.Equal(1, (await vps.GetAsync("/v1/loads", "viewer")).Json.GetProperty("loads").GetArrayLength());
        await vps.ExecuteAsync("INSERT INTO devices (device_id, site_id) VALUES ('inverter-4', 1)");
        Assert.Equal("SITE_NOT_VISIBLE", (await vps.GetAsync("/v1/loads?site_id=default", "viewer")).Code);
    }

    [Fact]
    public async Task A_load_is_listed_assigned_and_named_by_commands()
    {
        var database = await databases.CreateAsync();
        await using var vps = await StartAsync(database);
        Assert.Contains("There is no load", await RunAsync("loads list"), StringComparison.Ordinal);
        await vps.ShellyAsync(FourChannels("pro4pm", Ago(TimeSpan.FromMinutes(1))), Message("plug"));
        await vps.ExecuteAsync("INSERT INTO sites (tenant_id, name, time_zone) VALUES (1, 'barn', 'UTC'); UPDATE devices SET site_id = 2 WHERE device_id = 'inverter-3'");

        await RunAsync("loads assign pro4pm --site barn");
        await RunAsync("loads name pro4pm 2 Heat|pump");

        var listed = await RunAsync("loads list");
        Assert.Contains("Heat pump", listed, StringComparison.Ordinal);
        Assert.All(listed.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
        var barn = JsonDocument.Parse(await RunAsync("loads list --site barn --json")).RootElement;
        Assert.Equal(4, barn.GetArrayLength());
        Assert.Equal(
            ["pro4pm", "2", "Heat pump", "default", "barn", "2.5"],
            new[] { "device_id", "channel", "name", "tenant", "site", "power_w" }.Select(name => barn[2].GetProperty(name).ToString()));
        Assert.Equal("plug", Assert.Single(await LoadsAsync("default")).GetProperty("device_id").GetString());
        Assert.Equal("Heat pump", (await LoadsAsync("barn"))[2].GetProperty("name").GetString());
        Assert.Equal(5, (await vps.GetAsync("/v1/loads", "viewer")).Json.GetProperty("loads").GetArrayLength());

        // A channel that comes later stands where its device does.
        await vps.ShellyAsync(Of("plug", 5, """{"switch:3":{"apower":1} }"""));
        Assert.Equal(2, (await LoadsAsync("default")).Count);
        Assert.Contains("has no name", await RunAsync("loads name pro4pm 2 "), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, (await LoadsAsync("barn"))[2].GetProperty("name").ValueKind);

        Assert.Contains("See: sungrow-vps loads list", await RunAsync("loads assign nobody --site barn", 1), StringComparison.Ordinal);
        Assert.Contains("has no site nowhere", await RunAsync("loads assign plug --site nowhere", 1), StringComparison.Ordinal);
        Assert.Contains("See: sungrow-vps loads list", await RunAsync("loads name plug 2 x", 1), StringComparison.Ordinal);
        Assert.Contains("--site", await RunAsync("loads assign plug", 2), StringComparison.Ordinal);
        await vps.ExecuteAsync("UPDATE devices SET site_id = 1");
        Assert.Contains("has 1 Shelly device: assign those", await RunAsync("sites remove barn", 1), StringComparison.Ordinal);
        await RunAsync("loads assign pro4pm --site default");
        await RunAsync("sites remove barn");

        async Task<List<JsonElement>> LoadsAsync(string site) =>
            [.. (await vps.GetAsync($"/v1/loads?site_id={site}", "viewer")).Json.GetProperty("loads").EnumerateArray()];

        async Task<string> RunAsync(string words, int exitCode = 0)
        {
            await using var program = ProgramProcess.StartOurs(
                "sungrow-vps", words.Split(' ').Select(word => word.Replace('|', ' ')).ToArray(),
                new Dictionary<string, string?>(StringComparer.Ordinal) { ["DATABASE_URL"] = database });
            Assert.True(await program.ExitCodeAsync() == exitCode, $"{words}:\n{program.Output}");
            return program.Output;
        }
    }

    [Fact]
    public async Task A_refused_reading_cannot_be_released()
    {
        var database = await databases.CreateAsync();
        await using var vps = await StartAsync(database);
        await vps.ShellyAsync(Message("plug", 0, "\"apower\":\"much\""));

        await using var program = ProgramProcess.StartOurs(
            "sungrow-vps", ["quarantine", "release", "1"], new Dictionary<string, string?>(StringComparer.Ordinal) { ["DATABASE_URL"] = database });

        Assert.Equal(1, await program.ExitCodeAsync());
        Assert.Equal("sungrow-vps: 1 is a reading that is no number: it can be looked at and dropped, and not stored.", program.Output.Trim());
    }

    private static Task<double> PowerAsync(VpsServer vps) => vps.AskAsync<double>("SELECT power_w FROM loads");

    private static Task<VpsServer> StartAsync(string database) => VpsServer.StartAsync(database, Setting, Everything);
}
