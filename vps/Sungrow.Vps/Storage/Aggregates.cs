using System.Globalization;
using System.Text;
using Npgsql;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>What 15 minutes of a device amount to: the base of every figure of history. All offsets of the world's zones are multiples of
/// it, so a site's hours, days and months are sums of these. One SELECT: a continuous aggregate that adds the newest samples itself where
/// TimescaleDB is used, a view elsewhere. Sums and their weights are kept, as averages of averages would be wrong. On TimescaleDB hours are
/// kept too, made of the quarters: a year is read from a fourth of the rows.</summary>
internal static class Aggregates
{
    public const string View = "samples_15m";
    public const string HourView = "samples_1h";

    public static readonly TimeSpan Bucket = TimeSpan.FromMinutes(15);

    public static readonly KeptAggregate Samples =
        new(View, "sungrow_samples", Bucket, RefreshPolicy.RegularWindow, Next: HourView);
    public static readonly KeptAggregate Hours = new(HourView, View, TimeSpan.FromHours(1), RefreshPolicy.RegularWindow);
    public static readonly KeptAggregate Loads = new(LoadAggregate.View, "power_logs", Bucket, RefreshPolicy.RegularWindow);
    public static readonly KeptAggregate Fleet =
        new(FleetAggregate.View, FleetMeasurements.Table, TimeSpan.FromHours(1), TimeSpan.FromDays(30));

    /// <summary>All of them, each after what it is made of; the fleet's is there where others push to this server.</summary>
    public static readonly KeptAggregate[] All = [Samples, Hours, Loads, Fleet];

    // time_bucket's own origin: both functions cut at the same moments.
    private const string TimescaleBucket = "time_bucket(INTERVAL '15 minutes', ts)";
    private const string PlainBucket = "date_bin(INTERVAL '15 minutes', ts, TIMESTAMPTZ '2000-01-03 00:00:00+00')";

    // Energy in watt-seconds, split by sign sample by sample: a house that imports and exports in one quarter of an hour did both. CASE and
    // greatest() would make 0 of what was never read. The counter's first and last reading are the least and the greatest of (seconds,
    // reading): first() and last() are TimescaleDB's alone, and an order inside an aggregate sorts each bucket.
    public const string Columns =
        """
        count(*) AS samples,
        sum(interval_s) AS covered_s,
        sum(pv_power_w * interval_s) AS pv_power_w_sum,
        sum(interval_s) FILTER (WHERE pv_power_w IS NOT NULL) AS pv_power_w_s,
        min(pv_power_w) AS pv_power_w_min,
        max(pv_power_w) AS pv_power_w_max,
        sum(battery_power_w * interval_s) AS battery_power_w_sum,
        sum(interval_s) FILTER (WHERE battery_power_w IS NOT NULL) AS battery_power_w_s,
        min(battery_power_w) AS battery_power_w_min,
        max(battery_power_w) AS battery_power_w_max,
        sum(battery_soc_pct * interval_s) AS battery_soc_pct_sum,
        sum(interval_s) FILTER (WHERE battery_soc_pct IS NOT NULL) AS battery_soc_pct_s,
        min(battery_soc_pct) AS battery_soc_pct_min,
        max(battery_soc_pct) AS battery_soc_pct_max,
        sum(battery_temp_c * interval_s) AS battery_temp_c_sum,
        sum(interval_s) FILTER (WHERE battery_temp_c IS NOT NULL) AS battery_temp_c_s,
        min(battery_temp_c) AS battery_temp_c_min,
        max(battery_temp_c) AS battery_temp_c_max,
        sum(load_power_w * interval_s) AS load_power_w_sum,
        sum(interval_s) FILTER (WHERE load_power_w IS NOT NULL) AS load_power_w_s,
        min(load_power_w) AS load_power_w_min,
        max(load_power_w) AS load_power_w_max,
        sum(export_power_w * interval_s) AS export_power_w_sum,
        sum(interval_s) FILTER (WHERE export_power_w IS NOT NULL) AS export_power_w_s,
        min(export_power_w) AS export_power_w_min,
        max(export_power_w) AS export_power_w_max,
        sum(export_power_w * interval_s) FILTER (WHERE export_power_w > 0) AS export_ws,
        sum(-export_power_w * interval_s) FILTER (WHERE export_power_w < 0) AS import_ws,
        sum(battery_power_w * interval_s) FILTER (WHERE battery_power_w > 0) AS discharge_ws,
        sum(-battery_power_w * interval_s) FILTER (WHERE battery_power_w < 0) AS charge_ws,
        min(ARRAY[extract(epoch FROM ts - TIMESTAMPTZ '2000-01-03 00:00:00+00')::double precision, pv_daily_kwh])
            FILTER (WHERE pv_daily_kwh IS NOT NULL) AS pv_daily_first,
        max(ARRAY[extract(epoch FROM ts - TIMESTAMPTZ '2000-01-03 00:00:00+00')::double precision, pv_daily_kwh])
            FILTER (WHERE pv_daily_kwh IS NOT NULL) AS pv_daily_last,
        max(pv_daily_kwh) AS pv_daily_max
        """;

    // {0}: the bucket function; {1}: which rows, for a reader that asks without the view.
    private static readonly CompositeFormat SelectFormat = CompositeFormat.Parse(
        $"SELECT device_id, {{0}} AS bucket,\n{Columns}\nFROM sungrow_samples{{1}}\nGROUP BY device_id, bucket");

    private static readonly string[] Averaged =
        ["pv_power_w", "battery_power_w", "battery_soc_pct", "battery_temp_c", "load_power_w", "export_power_w"];

    // The same columns, of quarters.
    private static readonly string SelectHours =
        $"""
        SELECT device_id, time_bucket(INTERVAL '1 hour', bucket) AS bucket, sum(samples)::bigint AS samples, sum(covered_s) AS covered_s,
        {string.Join('\n', Averaged.Select(name =>
            $"sum({name}_sum) AS {name}_sum, sum({name}_s) AS {name}_s, min({name}_min) AS {name}_min, max({name}_max) AS {name}_max,"))}
        sum(export_ws) AS export_ws, sum(import_ws) AS import_ws, sum(discharge_ws) AS discharge_ws, sum(charge_ws) AS charge_ws,
        min(pv_daily_first) AS pv_daily_first, max(pv_daily_last) AS pv_daily_last, max(pv_daily_max) AS pv_daily_max
        FROM {View}
        GROUP BY device_id, time_bucket(INTERVAL '1 hour', bucket)
        """;

    /// <summary>In the start's transaction. A view becomes a continuous aggregate when TimescaleDB comes, an empty one: until
    /// the first refreshes have gone through what is stored, oldest first, it adds that itself. Hours are no view of plain PostgreSQL:
    /// nobody would read it.</summary>
    /// <param name="fleet">Also of what other VPSs push.</param>
    public static async Task EnsureAsync(NpgsqlConnection connection, bool continuous, bool fleet, CancellationToken cancellationToken)
    {
        await EnsureAsync(connection, View, Select(continuous ? TimescaleBucket : PlainBucket), continuous, cancellationToken);
        if (continuous)
        {
            await EnsureAsync(connection, HourView, SelectHours, continuous, cancellationToken);
        }

        await EnsureAsync(connection, LoadAggregate.View, LoadAggregate.Select(continuous), continuous, cancellationToken);
        if (fleet)
        {
            await EnsureAsync(connection, FleetAggregate.View, FleetAggregate.Select(continuous), continuous, cancellationToken);
        }
    }

    private static async Task EnsureAsync(
        NpgsqlConnection connection, string view, string select, bool continuous, CancellationToken cancellationToken)
    {
        if (!continuous)
        {
            await ExecuteAsync(
                $"""
                DO $do$ BEGIN
                    IF to_regclass('{view}') IS NULL THEN CREATE VIEW {view} AS {select}; END IF;
                END $do$
                """);
            return;
        }

        if (await IsContinuousAsync(connection, view, cancellationToken))
        {
            return;
        }

        await ExecuteAsync($"DROP VIEW IF EXISTS {view}");
        await ExecuteAsync(
            $"""
            CREATE MATERIALIZED VIEW {view} WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
            {select}
            WITH NO DATA
            """);

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Asked of the database and not remembered: another replica's start may have made it.</summary>
    public static async Task<bool> IsContinuousAsync(NpgsqlConnection connection, string view, CancellationToken cancellationToken)
    {
        // Where the extension is missing, the second question could not even be read.
        await using var extension = new NpgsqlCommand(
            "SELECT to_regclass('timescaledb_information.continuous_aggregates')::text", connection);
        if (await extension.ExecuteScalarAsync(cancellationToken) is not string)
        {
            return false;
        }

        await using var aggregate = new NpgsqlCommand(
            $"SELECT 1 FROM timescaledb_information.continuous_aggregates WHERE {Names(view, "view")}", connection);
        return await aggregate.ExecuteScalarAsync(cancellationToken) is not null;
    }

    /// <summary>What a query reads the quarters of an hour of $1 from: those from <paramref name="from"/> on and before
    /// <paramref name="to"/>. Times are literals, so that the planner leaves out every other chunk.</summary>
    /// <param name="continuous">False: without the view, whose bucket no index knows; the times of the rows themselves it does.</param>
    public static string Quarters(bool continuous, DateTimeOffset from, DateTimeOffset to) =>
        continuous
            ? Buckets(View, from, to)
            : $"({Select(PlainBucket, $" WHERE device_id = $1 AND ts >= {Literal(from)} AND ts < {Literal(to)}")}) AS buckets";

    /// <summary>What a query reads the figures of whole periods of $1 from: buckets of which none lies in two of them. Hours where every
    /// period begins with one, as in most zones; quarters where a zone is off by half an hour.</summary>
    /// <param name="boundaries">Of the periods, in order.</param>
    public static string Periods(bool continuous, IReadOnlyList<DateTimeOffset> boundaries) =>
        continuous && boundaries.All(boundary => Hours.Floor(boundary) == boundary)
            ? Buckets(HourView, boundaries[0], boundaries[^1])
            : Quarters(continuous, boundaries[0], boundaries[^1]);

    public static string Literal(DateTimeOffset time) => $"TIMESTAMPTZ '{Rfc3339.Write(time)}'";

    /// <summary>The start of the bucket that holds <paramref name="time"/>.</summary>
    public static DateTimeOffset Floor(DateTimeOffset time) => Samples.Floor(time);

    public static DateTimeOffset Ceiling(DateTimeOffset time) => Samples.Ceiling(time);

    /// <summary>Which row of one of TimescaleDB's own views names <paramref name="relation"/>, of whatever schema.</summary>
    /// <param name="kind"><c>view</c> or <c>hypertable</c>.</param>
    public static string Names(string relation, string kind) =>
        $"to_regclass(quote_ident({kind}_schema) || '.' || quote_ident({kind}_name)) = to_regclass('{relation}')";

    private static string Buckets(string view, DateTimeOffset from, DateTimeOffset to) =>
        $"(SELECT * FROM {view} WHERE device_id = $1 AND bucket >= {Literal(from)} AND bucket < {Literal(to)}) AS buckets";

    private static string Select(string bucket, string where = "") =>
        string.Format(CultureInfo.InvariantCulture, SelectFormat, bucket, where);
}
