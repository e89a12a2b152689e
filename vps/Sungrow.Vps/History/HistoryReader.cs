using System.Runtime.CompilerServices;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.History;

/// <summary>Points of one device, in order of time, as they come from the database.</summary>
internal sealed class HistoryReader(Database database)
{
    private const string Sums =
        """
        sum(samples)::bigint, sum(covered_s),
        sum(pv_power_w_sum) / nullif(sum(pv_power_w_s), 0), min(pv_power_w_min), max(pv_power_w_max),
        sum(battery_power_w_sum) / nullif(sum(battery_power_w_s), 0), min(battery_power_w_min), max(battery_power_w_max),
        sum(battery_soc_pct_sum) / nullif(sum(battery_soc_pct_s), 0), min(battery_soc_pct_min), max(battery_soc_pct_max),
        sum(battery_temp_c_sum) / nullif(sum(battery_temp_c_s), 0), min(battery_temp_c_min), max(battery_temp_c_max),
        sum(load_power_w_sum) / nullif(sum(load_power_w_s), 0), min(load_power_w_min), max(load_power_w_max),
        sum(export_power_w_sum) / nullif(sum(export_power_w_s), 0), min(export_power_w_min), max(export_power_w_max),
        (max(pv_daily_last))[2]
        """;

    public async IAsyncEnumerable<RawPoint> ReadRawAsync(
        HistoryRange range, int? limit, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            $"""
            SELECT ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w,
                   sample_count, interval_s, seq
            FROM sungrow_samples
            WHERE device_id = $1 AND ts >= {Aggregates.Literal(range.From)} AND ts < {Aggregates.Literal(range.To)}
            ORDER BY ts LIMIT $2
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = range.DeviceId },
                new() { Value = limit is { } most ? most : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint },
            },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            yield return new(
                row.GetFieldValue<DateTimeOffset>(0), Number(row, 1), Number(row, 2), Number(row, 3), Number(row, 4), Number(row, 5),
                Number(row, 6), Number(row, 7), row.GetInt32(8), row.GetDouble(9), row.IsDBNull(10) ? null : row.GetInt64(10));
        }
    }

    /// <summary>Whole periods: the first is the one that <c>from</c> lies in, the last the one before <c>to</c>. Those without a sample are
    /// left out.</summary>
    public async IAsyncEnumerable<HistoryPoint> ReadAsync(
        HistoryRange range, string resolution, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var boundaries = resolution switch
        {
            Resolution.Hour => range.Calendar.Boundaries(Period.Hour, range.From, range.To),
            Resolution.Day => range.Calendar.Boundaries(Period.Day, range.From, range.To),
            _ => [Aggregates.Floor(range.From), Aggregates.Ceiling(range.To)],
        };
        var isQuarter = resolution == Resolution.Quarter;
        var continuous = database.HasContinuousAggregates;
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            $"""
            SELECT {(isQuarter ? "bucket" : "width_bucket(bucket, $2) - 1")} AS period, {Sums}
            FROM {(isQuarter ? Aggregates.Quarters(continuous, boundaries[0], boundaries[^1]) : Aggregates.Periods(continuous, boundaries))}
            GROUP BY period ORDER BY period
            """,
            connection)
        {
            Parameters = { new() { Value = range.DeviceId } },
        };
        if (!isQuarter)
        {
            command.Parameters.Add(Boundaries(boundaries));
        }

        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            var from = isQuarter ? row.GetFieldValue<DateTimeOffset>(0) : boundaries[row.GetInt32(0)];
            var to = isQuarter ? from + Aggregates.Bucket : boundaries[row.GetInt32(0) + 1];
            yield return new(
                from, to, Math.Round(row.GetDouble(2), 3), row.GetInt64(1),
                Summary(3), Summary(6), Summary(9), Summary(12), Summary(15), Summary(18), Number(row, 21));
        }

        MetricSummary Summary(int ordinal) =>
            new(Number(row, ordinal) is { } average ? Math.Round(average, 6) : null, Number(row, ordinal + 1), Number(row, ordinal + 2));
    }

    public static NpgsqlParameter Boundaries(IReadOnlyList<DateTimeOffset> boundaries) => new()
    {
        Value = boundaries.Select(boundary => boundary.UtcDateTime).ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
    };

    public static double? Number(NpgsqlDataReader row, int ordinal) => row.IsDBNull(ordinal) ? null : row.GetDouble(ordinal);
}
