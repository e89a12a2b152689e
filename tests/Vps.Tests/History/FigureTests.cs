using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.Vps.Tests.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.History;

/// <summary>The figures of generated series (gaps, values that were never read, steps of every length, days of the clocks' change) against
/// a recomputation from the samples one by one, with days as the site's own clock shows them.</summary>
public class FigureTests(Databases databases)
{
    public static TheoryData<Kind, string, string> Sites
    {
        get
        {
            TheoryData<Kind, string, string> sites = [];
            foreach (var kind in Enum.GetValues<Kind>())
            {
                sites.Add(kind, "Europe/Berlin", "2026-03-28T22:10Z"); // 23 hours,
                sites.Add(kind, "Europe/Berlin", "2025-10-25T05:00Z"); // and 25.
                sites.Add(kind, "Australia/Adelaide", "2026-04-03T05:00Z");
                sites.Add(kind, "Australia/Adelaide", "2025-10-03T15:07Z");
                sites.Add(kind, "Asia/Kolkata", "2026-05-30T11:00Z");
                sites.Add(kind, "Asia/Kathmandu", "2026-05-30T11:00Z");
            }

            return sites;
        }
    }

    [Theory]
    [MemberData(nameof(Sites))]
    public async Task Energy_of_days_and_months_equals_a_recomputation(Kind kind, string timeZone, string start)
    {
        var (server, samples) = await LoadAsync(kind, timeZone, start);
        await using var _ = server;
        var zone = TimeZoneInfo.FindSystemTimeZoneById(timeZone);

        foreach (var group in new[] { "day", "month" })
        {
            var energy = await server.HistoryAsync("energy", samples[0].Ts, samples[^1].Ts.AddSeconds(1), $"&group={group}");

            Assert.Equal(timeZone, energy.GetProperty("time_zone").GetString());
            var expected = samples.GroupBy(sample => Name(sample.Ts, group)).ToArray();
            var groups = energy.GetProperty("groups").EnumerateArray().ToArray();
            Assert.Equal(expected.Select(each => each.Key), groups.Select(each => Name(each.Time("from"), group)));
            Assert.All(groups.Zip(groups.Skip(1)), pair => Assert.Equal(pair.First.Time("to"), pair.Second.Time("from")));
            foreach (var (of, figures) in expected.Zip(groups))
            {
                AssertEnergy([.. of], figures);
            }
        }

        string Name(DateTimeOffset time, string group) =>
            TimeZoneInfo.ConvertTime(time, zone).ToString(group == "day" ? "yyyy-MM-dd" : "yyyy-MM");
    }

    [Theory]
    [MemberData(nameof(Sites))]
    public async Task Averages_minima_and_maxima_of_quarters_hours_and_days_equal_a_recomputation(Kind kind, string timeZone, string start)
    {
        var (server, samples) = await LoadAsync(kind, timeZone, start);
        await using var _ = server;
        var zone = TimeZoneInfo.FindSystemTimeZoneById(timeZone);

        foreach (var resolution in new[] { "15m", "1h", "1d" })
        {
            var history = await server.HistoryAsync("history", samples[0].Ts, samples[^1].Ts.AddSeconds(1), $"&resolution={resolution}");

            var expected = samples.GroupBy(sample => Name(sample.Ts, resolution)).ToArray();
            var points = history.GetProperty("points").EnumerateArray().ToArray();
            Assert.Equal(expected.Select(each => each.Key), points.Select(point => Name(point.Time("from"), resolution)));
            foreach (var (of, point) in expected.Zip(points))
            {
                AssertPoint([.. of], point);
            }
        }

        // Hours of a day that has one of them twice are told apart by their offset.
        string Name(DateTimeOffset time, string resolution)
        {
            var local = TimeZoneInfo.ConvertTime(time, zone);
            return resolution switch
            {
                "1d" => local.ToString("yyyy-MM-dd"),
                "1h" => local.ToString("yyyy-MM-dd HH zzz"),
                _ => local.AddMinutes(-(local.Minute % 15)).ToString("yyyy-MM-dd HH:mm zzz"),
            };
        }
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task A_sample_that_came_a_moment_ago_is_in_today(Kind kind)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(kind));
        await server.IngestAsync(Series.Samples(5000));
        await AggregatesTests.RefreshAsync(server);
        var now = TimeProvider.System.GetUtcNow();
        var before = await SumAsync();

        await server.IngestAsync(Series.Sample(0, now) with { PvPowerW = 360_000, IntervalS = 10 });

        Assert.Equal(before + 1, await SumAsync(), 6);

        async Task<double> SumAsync() => (await server.HistoryAsync("energy", now.AddDays(-2), now.AddHours(1)))
            .GetProperty("groups").EnumerateArray().Sum(group => group.Number("pv_kwh") ?? 0);
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task An_evening_s_reading_that_stands_until_morning_is_not_counted_twice(Kind kind)
    {
        await using var server = await StartAsync(kind, "Europe/Berlin");
        var midnight = new DateTimeOffset(2026, 6, 19, 22, 0, 0, TimeSpan.Zero);
        List<SungrowSample> samples = [];
        for (var day = 0; day < 4; day++)
        {
            for (var minute = 0; minute < 1440; minute++)
            {
                // Cleared at 00:07; between six and eighteen it rises by 1/72 kWh a minute, ten in all.
                var today = Math.Clamp(minute - 360, 0, 720) / 72.0;
                samples.Add(new()
                {
                    DeviceId = VpsServer.Device,
                    Ts = midnight.AddDays(day).AddMinutes(minute),
                    IntervalS = 60,
                    LoadPowerW = 1,
                    PvDailyKwh = Math.Round(minute < 7 ? 10 : today, 1),
                });
            }
        }

        await server.LoadAsync(samples);

        var groups = (await server.HistoryAsync("energy", midnight, midnight.AddDays(4))).GetProperty("groups").EnumerateArray();
        Assert.Equal([10, 10, 10, 10], groups.Select(group => group.Number("pv_counter_kwh")));
    }

    private static void AssertEnergy(SungrowSample[] samples, JsonElement figures)
    {
        var pv = Kwh(samples, sample => sample.PvPowerW);
        var load = Kwh(samples, sample => sample.LoadPowerW);
        var export = Kwh(samples, sample => sample.ExportPowerW is { } power ? Math.Max(power, 0) : null);
        var import = Kwh(samples, sample => sample.ExportPowerW is { } power ? Math.Max(-power, 0) : null);
        AssertNear(pv, figures.Number("pv_kwh"));
        AssertNear(load, figures.Number("load_kwh"));
        AssertNear(export, figures.Number("export_kwh"));
        AssertNear(import, figures.Number("import_kwh"));
        AssertNear(Kwh(samples, sample => sample.BatteryPowerW is { } power ? Math.Max(power, 0) : null), figures.Number("discharge_kwh"));
        AssertNear(Kwh(samples, sample => sample.BatteryPowerW is { } power ? Math.Max(-power, 0) : null), figures.Number("charge_kwh"));
        AssertNear(pv > 0 ? Math.Clamp(100 - (100 * export!.Value / pv.Value), 0, 100) : null, figures.Number("self_consumption_pct"), 1e-3);
        AssertNear(load > 0 ? Math.Clamp(100 - (100 * import!.Value / load.Value), 0, 100) : null, figures.Number("autarky_pct"), 1e-3);
        AssertNear(samples.Sum(Seconds), figures.Number("covered_s"), 1e-3);
    }

    private static void AssertPoint(SungrowSample[] samples, JsonElement point)
    {
        Assert.Equal(samples.Length, point.Number("samples"));
        AssertNear(samples.Sum(Seconds), point.Number("covered_s"), 1e-3);
        AssertNear(samples.LastOrDefault(sample => sample.PvDailyKwh is not null)?.PvDailyKwh, point.Number("pv_daily_kwh"));
        foreach (var metric in SampleRules.Metrics.Where(metric => metric.Name != "pv_daily_kwh"))
        {
            var read = samples.Where(sample => metric.Of(sample) is not null).ToArray();
            var summary = point.GetProperty(metric.Name);
            AssertNear(read.Length == 0 ? null : read.Sum(sample => metric.Of(sample) * Seconds(sample)) / read.Sum(Seconds), summary.Number("avg"));
            AssertNear(read.Length == 0 ? null : read.Min(metric.Of), summary.Number("min"));
            AssertNear(read.Length == 0 ? null : read.Max(metric.Of), summary.Number("max"));
        }
    }

    private static double Seconds(SungrowSample sample) => sample.IntervalS ?? 10;

    private static double? Kwh(SungrowSample[] samples, Func<SungrowSample, double?> power) =>
        samples.Any(sample => power(sample) is not null)
            ? samples.Sum(sample => (power(sample) ?? 0) * Seconds(sample)) / 3_600_000
            : null;

    private static void AssertNear(double? expected, double? actual, double within = 2e-6) =>
        Assert.True(
            expected is null ? actual is null : Math.Abs(expected.Value - (actual ?? double.NaN)) <= within * Math.Max(1, Math.Abs(expected.Value)),
            $"{actual} instead of {expected}");

    private async Task<(VpsServer Server, SungrowSample[] Samples)> LoadAsync(Kind kind, string timeZone, string start)
    {
        Random random = new(timeZone.Length + start.Length);
        List<SungrowSample> samples = [];
        for (var from = DateTimeOffset.Parse(start); samples.Count < 9_000; from = samples[^1].Ts.AddHours(random.Next(1, 5)))
        {
            samples.AddRange(AggregatesTests.Household(random, from, random.Next(100, 1500), random.Next(20, 60)));
        }

        var server = await StartAsync(kind, timeZone);
        await server.LoadAsync(samples);
        if (kind == Kind.Timescale && random.Next(2) == 0)
        {
            await AggregatesTests.RefreshAsync(server);
        }

        return (server, [.. samples]);
    }

    private async Task<VpsServer> StartAsync(Kind kind, string timeZone) =>
        await VpsServer.StartAsync(await databases.CreateAsync(kind), $"--SITE_TIMEZONE={timeZone}");
}
