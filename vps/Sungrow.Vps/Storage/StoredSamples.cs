using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>A sample with the buffer it came from.</summary>
/// <param name="ReceivedAt">When it came: a row moved since then is not a new one to the balance.</param>
internal sealed record BufferedSample(SungrowSample Sample, Guid? BufferId, DateTimeOffset ReceivedAt);

/// <summary>One stored sample by its key, to look at and to put another in its place. In the caller's transaction, which keeps everybody
/// else from writing.</summary>
internal static class StoredSamples
{
    // {0} is a literal, so that the planner leaves out every other chunk, and a compressed one is unpacked by no more than a batch.
    private const string Key = "device_id = $1 AND ts = $2 AND ts = TIMESTAMPTZ '{0}'";

    private const string Select =
        $"""
        SELECT pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w,
               sample_count, interval_s, seq, buffer_id, received_at
        FROM sungrow_samples WHERE {Key}
        """;

    private const string Update =
        $"""
        UPDATE sungrow_samples SET pv_power_w = $3, pv_daily_kwh = $4, battery_power_w = $5, battery_soc_pct = $6, battery_temp_c = $7,
               load_power_w = $8, export_power_w = $9, sample_count = $10, interval_s = coalesce($11, interval_s), seq = $12,
               buffer_id = $13, received_at = $14
        WHERE {Key}
        """;

    // Where retention or nobody has stored one.
    private const string Insert =
        """
        INSERT INTO sungrow_samples (device_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c,
                                     load_power_w, export_power_w, sample_count, interval_s, seq, buffer_id, received_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
               coalesce($11, $10 * coalesce((SELECT poll_interval_s FROM devices WHERE device_id = $1), 10)), $12, $13, $14
        """;

    public static async Task<BufferedSample?> FindAsync(
        NpgsqlConnection connection, string deviceId, DateTimeOffset ts, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Bounded(Select, ts), connection)
        {
            Parameters = { new() { Value = deviceId }, new() { Value = ts.UtcDateTime } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
        {
            return null;
        }

        var sample = new SungrowSample
        {
            DeviceId = deviceId,
            Ts = ts,
            PvPowerW = Metric(0),
            PvDailyKwh = Metric(1),
            BatteryPowerW = Metric(2),
            BatterySocPct = Metric(3),
            BatteryTempC = Metric(4),
            LoadPowerW = Metric(5),
            ExportPowerW = Metric(6),
            SampleCount = row.GetInt32(7),
            IntervalS = row.GetDouble(8),
            Seq = row.IsDBNull(9) ? null : row.GetInt64(9),
        };
        return new(sample, row.IsDBNull(10) ? null : row.GetGuid(10), row.GetFieldValue<DateTimeOffset>(11));

        double? Metric(int ordinal) => row.IsDBNull(ordinal) ? null : row.GetDouble(ordinal);
    }

    /// <summary>The sample stands under its key, whatever stood there.</summary>
    public static async Task PutAsync(NpgsqlConnection connection, BufferedSample put, CancellationToken cancellationToken)
    {
        if (await ExecuteAsync(Bounded(Update, put.Sample.Ts)) == 0)
        {
            await ExecuteAsync(Insert);
        }

        await PendingRefresh.AddAsync(connection, put.Sample.Ts, put.Sample.Ts, cancellationToken);

        async Task<int> ExecuteAsync(string sql)
        {
            var sample = put.Sample;
            await using var command = new NpgsqlCommand(sql, connection)
            {
                Parameters = { new() { Value = sample.DeviceId }, new() { Value = sample.Ts.UtcDateTime } },
            };
            foreach (var metric in SampleRules.Metrics)
            {
                Add(metric.Of(sample), NpgsqlDbType.Double);
            }

            Add(sample.SampleCount, NpgsqlDbType.Integer);
            Add(sample.IntervalS, NpgsqlDbType.Double);
            Add(sample.Seq, NpgsqlDbType.Bigint);
            Add(put.BufferId, NpgsqlDbType.Uuid);
            Add(put.ReceivedAt.UtcDateTime, NpgsqlDbType.TimestampTz);
            return await command.ExecuteNonQueryAsync(cancellationToken);

            void Add(object? value, NpgsqlDbType type) =>
                command.Parameters.Add(new() { Value = value ?? DBNull.Value, NpgsqlDbType = type });
        }
    }

    private static string Bounded(string sql, DateTimeOffset ts) =>
        sql.Replace("{0}", Rfc3339.Write(ts), StringComparison.Ordinal);
}
