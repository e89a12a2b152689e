using System.Net;
using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Realtime;
using Xunit;

namespace Sungrow.Vps.Tests.Realtime;

public sealed class RealtimeEndpointTests(Databases databases) : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _started = [];

    private static readonly DateTimeOffset Now = Rfc3339.Truncate(TimeProvider.System.GetUtcNow());

    [Fact]
    public async Task The_newest_sample_is_shown_with_its_age()
    {
        var server = await StartAsync();
        var newest = new SungrowSample
        {
            DeviceId = "inverter-1",
            Ts = Now.AddSeconds(-30),
            PvPowerW = 4200.5,
            PvDailyKwh = 12.3,
            BatteryPowerW = -1500,
            BatterySocPct = 55.5,
            BatteryTempC = null,
            LoadPowerW = 800,
            ExportPowerW = 0,
            SampleCount = 3,
        };
        (await server.IngestAsync(newest, newest with { Ts = Now.AddSeconds(-40) })).Counts();
        await server.StoreAsync(Now.AddDays(-3), 1); // Stored last, and older.

        for (var read = 0; read < 2; read++)
        {
            var answer = await server.RealtimeAsync("one");

            Assert.Equal((HttpStatusCode.OK, "application/json"), (answer.Status, answer.ContentType));
            var json = answer.Json;
            Assert.Equal(
                ["device_id", "ts", "pv_power_w", "pv_daily_kwh", "battery_power_w", "battery_soc_pct", "battery_temp_c",
                    "load_power_w", "export_power_w", "sample_count", "age_s", "stale"],
                json.EnumerateObject().Select(member => member.Name));
            Assert.Equal("inverter-1", json.GetProperty("device_id").GetString());
            Assert.Equal(Rfc3339.Write(newest.Ts), json.GetProperty("ts").GetString());
            Assert.Equal(4200.5, json.GetProperty("pv_power_w").GetDouble());
            Assert.Equal(JsonValueKind.Null, json.GetProperty("battery_temp_c").ValueKind);
            Assert.Equal(3, json.GetProperty("sample_count").GetInt32());
            Assert.InRange(json.GetProperty("age_s").GetDouble(), 30, (TimeProvider.System.GetUtcNow() - newest.Ts).TotalSeconds + 0.001); // Rounded.
        }
    }

    [Fact]
    public async Task A_device_silent_for_a_year_still_shows_its_last_sample()
    {
        var server = await StartAsync();
        await server.StoreAsync(Now.AddDays(-366), 1);

        var answer = await server.RealtimeAsync("one");

        Assert.True(answer.Json.GetProperty("stale").GetBoolean(), answer.Body);
    }

    [Theory]
    [InlineData(10, 59, false)] // Never before a minute, however short the interval.
    [InlineData(10, 60, false)]
    [InlineData(10, 60.001, true)]
    [InlineData(0.1, 59, false)]
    [InlineData(20, 60.001, true)]
    [InlineData(300, 900, false)]
    [InlineData(300, 900.001, true)]
    [InlineData(3600, 10_799, false)]
    [InlineData(10, -299, false)]
    public void A_sample_is_stale_after_a_minute_or_three_intervals(double interval, double age, bool stale) =>
        Assert.Equal(stale, RealtimeAnswer.Of(Samples.Of("a", 0) with { IntervalS = interval }, Samples.Noon.AddSeconds(age)).Stale);

    [Fact]
    public void A_sample_ahead_of_our_clock_has_no_negative_age() =>
        Assert.Equal(0, RealtimeAnswer.Of(Samples.Of("a", 0), Samples.Noon.AddMinutes(-4)).AgeS);

    [Fact]
    public void Age_is_that_of_the_answer_and_not_of_the_cached_value() =>
        Assert.Equal(12.346, RealtimeAnswer.Of(Samples.Of("a", 0), Samples.Noon.AddSeconds(12.3456)).AgeS);

    [Theory]
    [InlineData(null, "", HttpStatusCode.Unauthorized, "TOKEN_MISSING")]
    [InlineData("nobody", "", HttpStatusCode.Unauthorized, "TOKEN_INVALID")]
    [InlineData("device-1", "?device_id=inverter-1", HttpStatusCode.Unauthorized, "TOKEN_INVALID")]
    [InlineData("two", "", HttpStatusCode.BadRequest, "DEVICE_ID_REQUIRED")]
    [InlineData("two", "?device_id=", HttpStatusCode.BadRequest, "DEVICE_ID_REQUIRED")]
    [InlineData("one", "", HttpStatusCode.NotFound, "NO_DATA")]
    [InlineData("two", "?device_id=inverter-2", HttpStatusCode.NotFound, "NO_DATA")]
    [InlineData("one", "?device_id=inverter-1&device_id=inverter-1", HttpStatusCode.Forbidden, "DEVICE_NOT_VISIBLE")]
    public async Task A_refusal_names_its_reason(string? viewer, string query, HttpStatusCode expected, string code)
    {
        var server = await StartAsync();

        var answer = await server.RealtimeAsync(viewer, query);

        Assert.Equal((expected, code, Problem.ContentType), (answer.Status, answer.Code, answer.ContentType));
    }

    [Fact]
    public async Task A_device_of_somebody_else_and_one_that_does_not_exist_get_the_same_answer()
    {
        var server = await StartAsync();
        await server.StoreAsync(Now, 1, device: 3);

        var somebodys = await server.RealtimeAsync("two", "?device_id=inverter-3");
        var nobodys = await server.RealtimeAsync("two", "?device_id=inverter-4");
        var malformed = await server.RealtimeAsync("two", "?device_id=%27%3B%20--");

        Assert.Equal((HttpStatusCode.Forbidden, "DEVICE_NOT_VISIBLE"), (somebodys.Status, somebodys.Code));
        Assert.Equal((somebodys.Status, somebodys.Body), (nobodys.Status, nobodys.Body));
        Assert.Equal((somebodys.Status, somebodys.Body), (malformed.Status, malformed.Body));
    }

    [Fact]
    public async Task A_viewer_of_several_devices_reads_each_by_its_name()
    {
        var server = await StartAsync();
        await server.StoreAsync(Now, 1, device: 1);
        await server.StoreAsync(Now, 2, device: 2);

        for (var number = 1; number <= 2; number++)
        {
            var answer = await server.RealtimeAsync("two", $"?device_id=inverter-{number}");
            Assert.Equal(number, answer.Json.GetProperty("pv_power_w").GetDouble());
        }
    }

    [Fact]
    public async Task Ingest_is_seen_at_once_with_Redis_without_it_and_while_it_is_frozen()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await RealtimeRequests.StartAsync(await databases.CreateAsync(), redis.Url);
        await server.RedisIsAsync("up");
        var number = 0;
        await StoreAndReadAsync();

        await redis.FreezeAsync();
        await StoreAndReadAsync();
        await server.RedisIsAsync("degraded");
        redis.Thaw();
        Assert.Equal(number, await server.PvPowerAsync());
        await server.RedisIsAsync("up");
        await StoreAndReadAsync();

        await redis.KillAsync();
        await StoreAndReadAsync();
        await server.RedisIsAsync("degraded");
        await redis.RestartAsync();
        Assert.Equal(number, await server.PvPowerAsync());
        await server.RedisIsAsync("up");
        await StoreAndReadAsync();

        async Task StoreAndReadAsync()
        {
            for (var i = 0; i < 10; i++)
            {
                number++;
                await server.StoreAsync(Now.AddMilliseconds(number), number);
                Assert.Equal(number, await server.PvPowerAsync());
                Assert.Equal(number, await server.PvPowerAsync());
            }
        }
    }

    [Fact]
    public async Task A_wrong_Redis_password_costs_the_cache_and_nothing_else()
    {
        await using var locked = await RedisServer.StartAsync(password: "hunter2");
        var database = await databases.CreateAsync();
        var wrong = locked.Url.Replace("hunter2", "hunter3", StringComparison.Ordinal);
        await using (var server = await RealtimeRequests.StartAsync(database, wrong))
        {
            await server.StoreAsync(Now, 7);
            Assert.Equal(7, await server.PvPowerAsync());
            await server.RedisIsAsync("degraded");
        }

        await using var right = await RealtimeRequests.StartAsync(database, locked.Url);
        await right.RedisIsAsync("up");
        Assert.Equal(7, await right.PvPowerAsync());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var each in Enumerable.Reverse(_started))
        {
            await each.DisposeAsync();
        }
    }

    private async Task<VpsServer> StartAsync()
    {
        var redis = await RedisServer.StartAsync();
        _started.Add(redis);
        var server = await RealtimeRequests.StartAsync(await databases.CreateAsync(), redis.Url);
        _started.Add(server);
        await server.RedisIsAsync("up");
        return server;
    }
}
