using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>Rows in and out of the file. The tables <c>samples</c>, <c>held</c> and <c>dead_letters</c> have these columns in common.</summary>
internal static class SampleRows
{
    public const string Columns = """
        seq, device, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w,
            sample_count, interval_s, boot, monotonic
        """;

    // Written in the place of a time while the clock is not trusted.
    private const long Untimed = 0;

    private const int NumbersAtOnce = 1024;

    private const long Year2200 = 7_258_118_400_000_000;

    /// <summary>A time that a row can have, in microseconds.</summary>
    public static bool IsTime(long ts) => ts is > Untimed and < Year2200;

    /// <summary>SQLite writes down the last number that it gave, a page more in each commit: it is told of numbers ahead of their rows, so
    /// that it has nothing to write but once in so many.</summary>
    public static void Insert(SqliteConnection connection, long seq, NewSample sample, long device, long boot) => connection.Execute(
        $"""
        UPDATE sqlite_sequence SET seq = $seq + {NumbersAtOnce} WHERE name = 'samples' AND seq < $seq;
        INSERT INTO samples ({Columns}) VALUES ($seq, $device, $ts, $pv_power_w, $pv_daily_kwh, $battery_power_w, $battery_soc_pct,
            $battery_temp_c, $load_power_w, $export_power_w, $sample_count, $interval_s, $boot, $monotonic);
        """,
        ("$seq", seq),
        ("$device", device),
        ("$ts", sample.Ts is { } ts ? Microseconds.From(ts) : Untimed),
        ("$pv_power_w", sample.Metrics.PvPowerWatts),
        ("$pv_daily_kwh", sample.Metrics.PvDailyKwh),
        ("$battery_power_w", sample.Metrics.BatteryPowerWatts),
        ("$battery_soc_pct", sample.Metrics.BatterySocPercent),
        ("$battery_temp_c", sample.Metrics.BatteryTemperatureCelsius),
        ("$load_power_w", sample.Metrics.LoadPowerWatts),
        ("$export_power_w", sample.Metrics.ExportPowerWatts),
        ("$sample_count", sample.SampleCount),
        ("$interval_s", sample.IntervalSeconds),
        ("$boot", boot),
        ("$monotonic", (long)sample.Uptime.TotalMilliseconds));

    /// <summary>The oldest rows of one device after <paramref name="after"/> and before <paramref name="before"/>.</summary>
    public static List<BufferedSample> Oldest(SqliteConnection connection, long device, long after, long before, int max) => connection.Rows(
        $"""
        SELECT {Columns} FROM samples WHERE seq > $after AND seq < $before AND device = $device ORDER BY seq LIMIT $max
        """,
        Map, ("$after", after), ("$before", before), ("$device", device), ("$max", max));

    /// <summary>The newest timed rows of one device after <paramref name="after"/>, in the order of their numbers.</summary>
    public static List<BufferedSample> Newest(SqliteConnection connection, long device, long after, long upTo, int max)
    {
        var rows = connection.Rows(
            $"""
            SELECT {Columns} FROM samples WHERE seq > $after AND seq <= $upTo AND device = $device AND ts <> {Untimed}
            ORDER BY seq DESC LIMIT $max
            """,
            Map, ("$after", after), ("$upTo", upTo), ("$device", device), ("$max", max));
        rows.Reverse();
        return rows;
    }

    /// <summary>Reads the columns of <see cref="Columns"/>.</summary>
    /// <exception cref="SqliteException">Damage.</exception>
    public static BufferedSample Map(SqliteDataReader reader)
    {
        var (ts, count) = (reader.GetInt64(2), reader.GetInt64(10));
        return (ts == Untimed || IsTime(ts)) && count is > 0 and <= int.MaxValue
            ? new(
                reader.GetInt64(0),
                Microseconds.ToTime(ts),
                new(
                    reader.DoubleOrNull(3),
                    reader.DoubleOrNull(4),
                    reader.DoubleOrNull(5),
                    reader.DoubleOrNull(6),
                    reader.DoubleOrNull(7),
                    reader.DoubleOrNull(8),
                    reader.DoubleOrNull(9)),
                (int)count,
                reader.GetDouble(11))
            : throw Sql.Damage("a row without sense");
    }
}
