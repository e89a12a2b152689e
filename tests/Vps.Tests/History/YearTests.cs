using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;
using Sungrow.Vps.Tests.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.History;

/// <summary>A year on a real TimescaleDB, its old chunks compressed: what comes late is in the figures of its day, and of no
/// other.</summary>
public class YearTests(Databases databases)
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private static readonly SiteCalendar Calendar = SiteCalendar.Of("Europe/Berlin");
    private static readonly DateTimeOffset Late = Calendar.StartOf(Calendar.DateOf(Now.AddDays(-335)));
    private static readonly DateTimeOffset LateEnd = Calendar.StartOf(Calendar.DateOf(Now.AddDays(-335)).AddDays(1));

    [Fact]
    public async Task A_day_replayed_from_eleven_months_ago_changes_that_day_s_energy_alone()
    {
        await using var server = await StartAsync();
        var before = await EnergyAsync(server);
        Assert.InRange(before.Count, 365, 367);
        Assert.Equal(0, before[Late].GetProperty("covered_s").GetDouble());
        Assert.Equal(await RecomputeAsync(server), Brief(before));

        List<SungrowSample> day = [];
        for (var ts = Late; ts < LateEnd; ts = ts.AddMinutes(5))
        {
            day.Add(new()
            {
                DeviceId = VpsServer.Device,
                Ts = ts,
                PvPowerW = 1_234.5,
                PvDailyKwh = 7,
                LoadPowerW = 800,
                ExportPowerW = -20.5,
                BatteryPowerW = ts.Minute % 2 == 0 ? 100 : -50,
                IntervalS = 300,
            });
        }

        foreach (var batch in day.Chunk(100))
        {
            Assert.Equal(batch.Length, (await server.IngestAsync(batch)).Counts().Inserted);
        }

        await Until.TrueAsync(async () => await server.CountAsync("pending_refresh") == 0);
        var after = await EnergyAsync(server);

        Assert.Equal([Late], after.Keys.Where(each => after[each].GetRawText() != before[each].GetRawText()));
        Assert.Equal(300 * day.Count, after[Late].GetProperty("covered_s").GetDouble());
        Assert.Equal(await RecomputeAsync(server), Brief(after));
        Figures.AssertEqual(await Figures.OfSamplesAsync(server, minutes: 60), await Figures.OfViewAsync(server, Aggregates.HourView));
    }

    /// <summary>Every five minutes of a year and two devices but for the day that is to come, as it is after a year.</summary>
    private async Task<VpsServer> StartAsync()
    {
        var server = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale), "--SITE_TIMEZONE=Europe/Berlin");
        await server.ExecuteAsync(
            $"""
            INSERT INTO sungrow_samples (device_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, load_power_w,
                                         export_power_w, sample_count, interval_s)
            SELECT 'inverter-' || device, ts, number % 4000, number % 288 / 10.0, 2000 - number % 4001, number % 101, 500,
                   number % 3001 - 1500, 1, 300
            FROM generate_series(1, 2) AS device, generate_series(0, 365 * 288) AS number,
            LATERAL (SELECT TIMESTAMPTZ '{Aggregates.Floor(Now.AddDays(-365)):O}' + number * interval '5 minutes' AS ts) AS times
            WHERE ts <= now() AND (device = 2 OR ts < '{Late:O}' OR ts >= '{LateEnd:O}')
            """);
        await AggregatesTests.RefreshAsync(server);
        await server.ExecuteAsync(
            "SELECT compress_chunk(chunk) FROM show_chunks('sungrow_samples', older_than => interval '30 days') AS chunk");
        return server;
    }

    private static async Task<SortedDictionary<DateTimeOffset, JsonElement>> EnergyAsync(VpsServer server)
    {
        var answer = await server.HistoryAsync("energy", Now.AddDays(-365), Now);
        return new(answer.GetProperty("groups").EnumerateArray().ToDictionary(group => group.Time("from")));
    }

    private static string[] Brief(SortedDictionary<DateTimeOffset, JsonElement> days) =>
    [
        .. days.Values.Where(day => day.Number("covered_s") > 0).Select(day => Line(
            day.Time("from"), day.Number("pv_kwh"), day.Number("load_kwh"), day.Number("import_kwh"), day.Number("export_kwh"),
            day.Number("charge_kwh"), day.Number("discharge_kwh"), day.Number("covered_s"))),
    ];

    /// <summary>From the samples, by a query that knows nothing of the aggregates.</summary>
    private static async Task<string[]> RecomputeAsync(VpsServer server)
    {
        await using var command = server.Database.CreateCommand(
            $"""
            SELECT date_trunc('day', ts, 'Europe/Berlin') AS day,
                   sum(pv_power_w * interval_s) / 3.6e6, sum(load_power_w * interval_s) / 3.6e6,
                   sum(greatest(-export_power_w, 0) * interval_s) / 3.6e6, sum(greatest(export_power_w, 0) * interval_s) / 3.6e6,
                   sum(greatest(-battery_power_w, 0) * interval_s) / 3.6e6, sum(greatest(battery_power_w, 0) * interval_s) / 3.6e6,
                   sum(interval_s)
            FROM sungrow_samples WHERE device_id = '{VpsServer.Device}' GROUP BY day ORDER BY day
            """);
        List<string> days = [];
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            days.Add(Line(
                row.GetFieldValue<DateTimeOffset>(0),
                [.. Enumerable.Range(1, 7).Select(ordinal => row.IsDBNull(ordinal) ? null : (double?)row.GetDouble(ordinal))]));
        }

        return [.. days];
    }

    private static string Line(DateTimeOffset day, params double?[] figures) =>
        FormattableString.Invariant($"{day:yyyy-MM-dd HH:mm}: {string.Join(' ', figures.Select(figure => $"{figure:F6}"))}");
}
