using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

/// <summary>What a quarter of an hour amounts to, computed here from the stored rows one by one, and what the server's view says of
/// it.</summary>
internal static class Figures
{
    private static readonly string[] Metrics =
        ["pv_power_w", "battery_power_w", "battery_soc_pct", "battery_temp_c", "load_power_w", "export_power_w"];

    /// <summary>By device and bucket: each column of the view, as numbers.</summary>
    public static async Task<SortedDictionary<string, Dictionary<string, double?>>> OfViewAsync(VpsServer server)
    {
        SortedDictionary<string, Dictionary<string, double?>> figures = new(StringComparer.Ordinal);
        await using var command = server.Database.CreateCommand($"SELECT * FROM {Aggregates.View}");
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            Dictionary<string, double?> columns = new(StringComparer.Ordinal);
            for (var i = 2; i < row.FieldCount; i++)
            {
                columns[row.GetName(i)] = row.IsDBNull(i) ? null
                    : row.GetValue(i) is double[] reading ? reading[1]
                    : Convert.ToDouble(row.GetValue(i));
            }

            figures.Add(Key(row.GetString(0), row.GetFieldValue<DateTimeOffset>(1)), columns);
        }

        return figures;
    }

    public static async Task<SortedDictionary<string, Dictionary<string, double?>>> OfSamplesAsync(VpsServer server)
    {
        SortedDictionary<string, Dictionary<string, double?>> figures = new(StringComparer.Ordinal);
        await using var command = server.Database.CreateCommand(
            $"SELECT device_id, ts, interval_s, pv_daily_kwh, {string.Join(", ", Metrics)} FROM sungrow_samples ORDER BY ts");
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            var ts = row.GetFieldValue<DateTimeOffset>(1);
            var quarter = new DateTimeOffset(ts.Year, ts.Month, ts.Day, ts.Hour, ts.Minute / 15 * 15, 0, TimeSpan.Zero);
            var key = Key(row.GetString(0), quarter);
            var figure = figures.GetValueOrDefault(key) ?? (figures[key] = Empty());
            var seconds = row.GetDouble(2);
            figure["samples"] += 1;
            figure["covered_s"] += seconds;
            if (!row.IsDBNull(3))
            {
                var reading = row.GetDouble(3);
                figure["pv_daily_first"] ??= reading;
                figure["pv_daily_last"] = reading;
                figure["pv_daily_max"] = Math.Max(figure["pv_daily_max"] ?? reading, reading);
            }

            for (var i = 0; i < Metrics.Length; i++)
            {
                if (!row.IsDBNull(4 + i))
                {
                    Add(figure, Metrics[i], row.GetDouble(4 + i), seconds);
                }
            }
        }

        return figures;
    }

    public static void AssertEqual(
        SortedDictionary<string, Dictionary<string, double?>> expected, SortedDictionary<string, Dictionary<string, double?>> actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        foreach (var (key, figure) in expected)
        {
            Assert.Equal(figure.Keys.Order(StringComparer.Ordinal), actual[key].Keys.Order(StringComparer.Ordinal));
            foreach (var (column, value) in figure)
            {
                var other = actual[key][column];
                Assert.True(
                    value is null ? other is null : Math.Abs(value.Value - (other ?? double.NaN)) <= 1e-9 * Math.Max(1, Math.Abs(value.Value)),
                    $"{key} {column}: {other} instead of {value}");
            }
        }
    }

    private static void Add(Dictionary<string, double?> figure, string metric, double value, double seconds)
    {
        figure[metric + "_sum"] = (figure[metric + "_sum"] ?? 0) + (value * seconds);
        figure[metric + "_s"] = (figure[metric + "_s"] ?? 0) + seconds;
        figure[metric + "_min"] = Math.Min(figure[metric + "_min"] ?? value, value);
        figure[metric + "_max"] = Math.Max(figure[metric + "_max"] ?? value, value);
        var split = (metric, value) switch
        {
            ("export_power_w", > 0) => "export_ws",
            ("export_power_w", < 0) => "import_ws",
            ("battery_power_w", > 0) => "discharge_ws",
            ("battery_power_w", < 0) => "charge_ws",
            _ => null,
        };
        if (split is not null)
        {
            figure[split] = (figure[split] ?? 0) + (Math.Abs(value) * seconds);
        }
    }

    private static Dictionary<string, double?> Empty()
    {
        Dictionary<string, double?> figure = new(StringComparer.Ordinal) { ["samples"] = 0, ["covered_s"] = 0 };
        foreach (var column in Metrics.SelectMany(metric => new[] { "_sum", "_s", "_min", "_max" }.Select(end => metric + end))
            .Concat(["export_ws", "import_ws", "discharge_ws", "charge_ws", "pv_daily_first", "pv_daily_last", "pv_daily_max"]))
        {
            figure[column] = null;
        }

        return figure;
    }

    private static string Key(string device, DateTimeOffset bucket) => $"{device} {bucket.UtcDateTime:yyyy-MM-dd HH:mm}";
}
