using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>The statements that write samples, and their parameters: a column each, an element a row.</summary>
internal static class SampleSql
{
    public const string Columns =
        """
        device_id, buffer_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w,
        sample_count, interval_s, seq
        """;

    public const string Sent =
        $"""
        unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) WITH ORDINALITY AS sent ({Columns}, ordinal)
        """;

    /// <summary>Unnest: one statement for any number of rows, and it passes over a row that is there, compressed or not.</summary>
    public const string Insert =
        $"""
        INSERT INTO sungrow_samples ({Columns})
        SELECT {Columns} FROM {Sent} ORDER BY ordinal
        ON CONFLICT (device_id, ts) DO NOTHING
        """;

    /// <summary>The same, with the keys that it inserted.</summary>
    public const string InsertReturning = $"{Insert} RETURNING device_id, ts";

    // $1 .. $13: the rows; $14 .. $17: the ranges they lie in, as below. What stands there is made into the columns that were sent, as a join
    // of the two would look up each row by itself, ten times as long on a hypertable.
    private static readonly CompositeFormat StandsFormat = CompositeFormat.Parse(
        $"""
        (SELECT (array_agg(device_id), array_agg(ts), array_agg(pv_power_w), array_agg(pv_daily_kwh), array_agg(battery_power_w),
                 array_agg(battery_soc_pct), array_agg(battery_temp_c), array_agg(load_power_w), array_agg(export_power_w),
                 array_agg(sample_count), array_agg(seq), array_agg(buffer_id))
         FROM (SELECT range.device_id, stored.* FROM {Ranges(14)} ORDER BY range.ordinal, stored.ts) AS stored)
        IS NOT DISTINCT FROM ($1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $13, $2)
        """);

    public const string Copy = $"COPY sungrow_samples ({Columns}) FROM STDIN (FORMAT binary)";

    private static readonly CompositeFormat StoredFormat = CompositeFormat.Parse($"SELECT range.ordinal, stored.* FROM {Ranges(1)}");

    // $1, $2, $3: device, first and last time of each request. Sub-queries with LIMIT, as an EXISTS may be answered by reading all of the
    // table first. {2}: whether anything of the device stands at or after the first.
    private static readonly CompositeFormat StandingFormat = CompositeFormat.Parse(
        """
        SELECT (SELECT true FROM sungrow_samples AS stored
                WHERE stored.device_id = sent.device_id AND stored.ts = sent.first_ts
                  AND stored.ts BETWEEN TIMESTAMPTZ '{0}' AND TIMESTAMPTZ '{1}' LIMIT 1) IS NOT NULL
               AND (SELECT true FROM sungrow_samples AS stored
                    WHERE stored.device_id = sent.device_id AND stored.ts = sent.last_ts
                      AND stored.ts BETWEEN TIMESTAMPTZ '{0}' AND TIMESTAMPTZ '{1}' LIMIT 1) IS NOT NULL,
               {2}
        FROM unnest($1, $2, $3) WITH ORDINALITY AS sent (device_id, first_ts, last_ts, ordinal)
        ORDER BY ordinal
        """);

    private static readonly CompositeFormat AnyNewerFormat = CompositeFormat.Parse(
        """
        (SELECT true FROM sungrow_samples AS newer
         WHERE newer.device_id = sent.device_id AND newer.ts >= sent.first_ts AND newer.ts >= TIMESTAMPTZ '{0}' LIMIT 1) IS NOT NULL
        """);

    /// <summary>Whether each of the rows is stored with these values, <c>seq</c> and <c>buffer_id</c>, and no other between them; for
    /// <c>WHERE</c>.</summary>
    public static string Stands(DateTimeOffset first, DateTimeOffset last) => Format(StandsFormat, first, last);

    public static string Stored(DateTimeOffset first, DateTimeOffset last) => Format(StoredFormat, first, last);

    /// <param name="askNewer">Only where COPY is possible: the answer looks at every chunk from the first time on.</param>
    public static string Standing(DateTimeOffset first, DateTimeOffset last, bool askNewer) =>
        Format(StandingFormat, first, last, askNewer ? Format(AnyNewerFormat, first) : "true");

    /// <param name="most">Rows read of a range that holds so many of the sent ones.</param>
    public static void AddRanges(NpgsqlParameterCollection parameters, IReadOnlyList<SampleRange> ranges, Func<int, int> most)
    {
        AddColumn(parameters, ranges, NpgsqlDbType.Text, range => range.DeviceId);
        AddColumn(parameters, ranges, NpgsqlDbType.TimestampTz, range => range.First.UtcDateTime);
        AddColumn(parameters, ranges, NpgsqlDbType.TimestampTz, range => range.Last.UtcDateTime);
        AddColumn(parameters, ranges, NpgsqlDbType.Integer, range => most(range.Rows));
    }

    public static void AddRows(NpgsqlParameterCollection parameters, IReadOnlyList<FlushRow> rows)
    {
        Add(NpgsqlDbType.Text, static row => row.Batch.DeviceId);
        Add(NpgsqlDbType.Uuid, static row => row.Batch.BufferId);
        Add(NpgsqlDbType.TimestampTz, static row => row.Sample.Ts.UtcDateTime);
        Add(NpgsqlDbType.Double, static row => row.Sample.PvPowerW);
        Add(NpgsqlDbType.Double, static row => row.Sample.PvDailyKwh);
        Add(NpgsqlDbType.Double, static row => row.Sample.BatteryPowerW);
        Add(NpgsqlDbType.Double, static row => row.Sample.BatterySocPct);
        Add(NpgsqlDbType.Double, static row => row.Sample.BatteryTempC);
        Add(NpgsqlDbType.Double, static row => row.Sample.LoadPowerW);
        Add(NpgsqlDbType.Double, static row => row.Sample.ExportPowerW);
        Add(NpgsqlDbType.Integer, static row => row.Sample.SampleCount);
        Add(NpgsqlDbType.Double, IntervalS);
        Add(NpgsqlDbType.Bigint, static row => row.Sample.Seq);

        void Add<T>(NpgsqlDbType type, Func<FlushRow, T> column) => AddColumn(parameters, rows, type, column);
    }

    public static void AddColumn<TRow, T>(
        NpgsqlParameterCollection parameters, IReadOnlyList<TRow> rows, NpgsqlDbType type, Func<TRow, T> column)
    {
        var values = new T[rows.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = column(rows[i]);
        }

        parameters.Add(new NpgsqlParameter<T[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | type });
    }

    public static double IntervalS(FlushRow row) => row.Sample.IntervalS ?? row.Batch.PollIntervalS * row.Sample.SampleCount;

    // From parameter on: device, first and last time, and most rows of each range. {0} and {1}, the days of the first and the last of all, are
    // literals so that the planner leaves out every other chunk: 2 ms instead of up to seconds. LIMIT also keeps it from joining the table as
    // a whole: without statistics it read that from end to end.
    private static string Ranges(int parameter) =>
        $$"""
        unnest(${{parameter}}, ${{parameter + 1}}, ${{parameter + 2}}, ${{parameter + 3}})
            WITH ORDINALITY AS range (device_id, first_ts, last_ts, most, ordinal)
        CROSS JOIN LATERAL (
            SELECT ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w,
                   sample_count, seq, buffer_id
            FROM sungrow_samples
            WHERE device_id = range.device_id AND ts BETWEEN range.first_ts AND range.last_ts
              AND ts BETWEEN TIMESTAMPTZ '{0}' AND TIMESTAMPTZ '{1}'
            LIMIT range.most
        ) AS stored
        """;

    private static string Format(CompositeFormat format, DateTimeOffset first) =>
        string.Format(CultureInfo.InvariantCulture, format, Literal(first, days: 0));

    private static string Format(CompositeFormat format, DateTimeOffset first, DateTimeOffset last, string more = "") =>
        string.Format(CultureInfo.InvariantCulture, format, Literal(first, days: 0), Literal(last, days: 1), more);

    // Of whole days: the same text all day long is prepared, and planned, once.
    private static string Literal(DateTimeOffset ts, int days) =>
        Rfc3339.Write(new DateTimeOffset(ts.UtcDateTime.Date, TimeSpan.Zero).AddDays(days));
}
