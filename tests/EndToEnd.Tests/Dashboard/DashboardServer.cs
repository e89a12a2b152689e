using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Dashboard;

/// <summary>The VPS as a process of its own, with a day of the past in it whose figures are known, and a neighbour. The site lies in India:
/// its days begin at half past.</summary>
public sealed class DashboardServer : IAsyncLifetime
{
    public const string Viewer = "a-viewer-token-of-the-owner";
    public const string House = "house-1";
    public const string Garage = "garage-1";
    public const string Neighbour = "neighbour-1";

    /// <summary>Polls of a day, and those of the hour in which the inverter did not answer.</summary>
    public const int Expected = 8640;
    public const int Missed = 360;

    private const string IngestKey = "the-key-of-the-queue-worker";
    private const string TimeZone = "Asia/Kolkata";
    private const int IntervalS = 10;
    private const int BatchSamples = 2000;

    private static readonly TimeSpan Offset = TimeSpan.FromHours(5.5);

    private readonly HttpClient _http = new();
    private PostgresServer? _postgres;
    private RedisServer? _redis;
    private ProgramProcess? _vps;

    public string Url { get; } = $"http://localhost:{FreePort.Next()}";

    /// <summary>The day before yesterday, so that no midnight passes it during a run.</summary>
    public DateTimeOffset Day { get; } = new DateTimeOffset(DateTime.SpecifyKind(
        TimeProvider.System.GetUtcNow().ToOffset(Offset).Date.AddDays(-2), DateTimeKind.Unspecified), Offset);

    public string Output => _vps?.Output ?? "";

    public async ValueTask InitializeAsync()
    {
        var cancelled = TestContext.Current.CancellationToken;
        _postgres = await PostgresServer.StartAsync(cancellationToken: cancelled);
        _redis = await RedisServer.StartAsync(cancellationToken: cancelled);
        var database = await _postgres.CreateDatabaseAsync(cancelled);
        _vps = ProgramProcess.Start("dotnet", [Programs.Vps], new Dictionary<string, string?>
        {
            ["ASPNETCORE_URLS"] = Url,
            ["DATABASE_URL"] = database,
            ["INGEST_API_KEY"] = IngestKey,
            ["REDIS_URL"] = _redis.Url,
            ["SITE_TIMEZONE"] = TimeZone,
            ["DEVICE_TOKENS"] = $"{TokenOf(House)}:{House},{TokenOf(Garage)}:{Garage},{TokenOf(Neighbour)}:{Neighbour}",
            ["VIEWER_TOKENS"] = $"{Viewer}:{House},{Viewer}:{Garage}",
            ["RATE_LIMIT_FAILED_AUTH_PER_MINUTE"] = "0",
        });
        await Until.TrueAsync(
            async () =>
            {
                Assert.False(_vps.HasExited, _vps.Output);
                try
                {
                    return (await _http.GetAsync($"{Url}/readyz", cancelled)).IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            cancellationToken: cancelled);
        await MoveNeighbourAsync(database, cancelled);
        await SendAsync(House, PastDay());
        await ReportAsync(House);
        await SendAsync(Neighbour, [Sample(Neighbour, TimeProvider.System.GetUtcNow(), 7777, 0, 0)]);
    }

    /// <summary>A sample of this moment.</summary>
    public Task SendNowAsync(string device, double pvWatts) =>
        SendAsync(device, [Sample(device, TimeProvider.System.GetUtcNow(), pvWatts, 500, pvWatts - 500)]);

    /// <summary>A reading of this moment, as a queue worker brings it.</summary>
    public async Task SendLoadAsync(string plug, double watts)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, $"{Url}/api/ingest/batch")
        {
            Content = JsonContent.Create(new JsonObject
            {
                ["messages"] = new JsonArray(new JsonObject
                {
                    ["src"] = plug,
                    ["timestamp"] = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(),
                    ["params"] = new JsonObject { ["switch:0"] = new JsonObject { ["apower"] = watts } },
                }),
            }),
        };
        request.Headers.Add("X-Api-Key", IngestKey);
        using var answer = await _http.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    public async Task<HttpStatusCode> AskAsync(string path, string cookie)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, Url + path);
        request.Headers.Add("Cookie", cookie);
        using var answer = await _http.SendAsync(request);
        return answer.StatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in new IAsyncDisposable?[] { _vps, _redis, _postgres })
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }
        }

        _http.Dispose();
    }

    // To a site of his own: who sees all devices of a site sees its loads.
    private static async Task MoveNeighbourAsync(string database, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = new(database);
        await connection.OpenAsync(cancellationToken);
        await using NpgsqlCommand move = new(
            $"""
            WITH site AS (INSERT INTO sites (tenant_id, name, time_zone) SELECT tenant_id, 'next-door', time_zone FROM sites RETURNING id)
            UPDATE devices SET site_id = site.id FROM site WHERE device_id = '{Neighbour}'
            """,
            connection);
        Assert.Equal(1, await move.ExecuteNonQueryAsync(cancellationToken));
    }

    /// <summary>500 W all day; 3000 W of sun from 10 to 14 h; nothing from 3 to 4 h. So 12.0 kWh from the sun, 11.5 kWh used, 10.0 kWh sold and
    /// 9.5 kWh bought: 17 % each of self-consumption and autarky.</summary>
    private IEnumerable<JsonObject> PastDay() =>
        from poll in Enumerable.Range(0, Expected)
        let ts = Day.AddSeconds(poll * IntervalS)
        where ts.Hour != 3
        let pv = ts.Hour is >= 10 and < 14 ? 3000.0 : 0
        select Sample(House, ts, pv, 500, pv - 500);

    private async Task SendAsync(string device, IEnumerable<JsonObject> samples)
    {
        foreach (var batch in samples.Chunk(BatchSamples))
        {
            await PostAsync("/v1/ingest", device, new() { ["samples"] = new JsonArray([.. batch]) });
        }
    }

    private async Task ReportAsync(string device)
    {
        var now = TimeProvider.System.GetUtcNow();
        JsonObject Gap(DateTimeOffset from, DateTimeOffset to, string reason, int missed) =>
            new() { ["from"] = Text(from), ["to"] = Text(to), ["reason"] = reason, ["missed"] = missed };
        await PostAsync("/v1/heartbeat", device, new()
        {
            ["buffer_id"] = Guid.NewGuid().ToString(),
            ["boot_id"] = "boot",
            ["version"] = "1",
            ["started_at"] = Text(Day),
            ["sent_at"] = Text(now),
            ["clock_trusted"] = true,
            ["poll_interval_s"] = IntervalS,
            ["samples_per_row"] = 1,
            ["inverter"] = new JsonObject { ["model"] = "SH10RT", ["serial"] = "A2240312345", ["reachable"] = true, ["last_poll"] = Text(now) },
            ["cursors"] = new JsonObject { [device] = Expected - Missed },
            ["waiting"] = new JsonObject { ["rows"] = 0, ["held"] = 0, ["oldest"] = null, ["newest"] = null },
            ["counters"] = new JsonObject
            {
                ["committed"] = Expected - Missed,
                ["acknowledged"] = Expected - Missed,
                ["dead_lettered"] = 0,
                ["evicted"] = 0,
            },
            ["missing"] = new JsonArray(),
            ["gaps"] = new JsonArray(Gap(Day.AddHours(3), Day.AddHours(4), "inverter_unreachable", Missed)),
        });
    }

    private async Task PostAsync(string path, string device, JsonObject body)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, Url + path) { Content = JsonContent.Create(body) };
        request.Headers.Authorization = new("Bearer", TokenOf(device));
        using var answer = await _http.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static JsonObject Sample(string device, DateTimeOffset ts, double pv, double load, double export) => new()
    {
        ["device_id"] = device,
        ["ts"] = Text(ts),
        ["pv_power_w"] = pv,
        ["pv_daily_kwh"] = 12.1,
        ["battery_power_w"] = 0,
        ["battery_soc_pct"] = 50,
        ["battery_temp_c"] = 21,
        ["load_power_w"] = load,
        ["export_power_w"] = export,
        ["interval_s"] = IntervalS,
    };

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static string TokenOf(string device) => $"the-token-of-{device}";
}
