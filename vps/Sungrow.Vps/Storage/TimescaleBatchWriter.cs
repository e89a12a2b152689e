using System.Data;
using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>The samples of one request, all of one device.</summary>
/// <param name="PollIntervalS">What a sample without <c>interval_s</c> stands for, per poll.</param>
internal sealed record SampleBatch(string DeviceId, Guid? BufferId, IReadOnlyList<SungrowSample> Samples, double PollIntervalS);

/// <summary>Writes samples exactly once. One batch is one transaction, and an answer means that it is committed.
/// The counts hold under concurrency: a row counts as inserted in the one transaction that inserted it; every other one waits for that,
/// then compares its own values with the row that stands.</summary>
internal sealed class TimescaleBatchWriter(Database database, TimeProvider time)
{
    private const int Attempts = 4;
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(20);

    private const string Sent =
        """
        unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) WITH ORDINALITY
        AS sent (ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w,
                 sample_count, interval_s, seq, ordinal)
        """;

    // Unnest and not COPY: COPY cannot pass over a row that is there, and where that one is compressed it unpacks it, deadlocks or fails.
    private const string Insert =
        $"""
        INSERT INTO sungrow_samples (device_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c,
                                     load_power_w, export_power_w, sample_count, interval_s, seq, buffer_id)
        SELECT $1, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c,
               load_power_w, export_power_w, sample_count, interval_s, seq, $2
        FROM {Sent}
        ORDER BY ordinal
        ON CONFLICT (device_id, ts) DO NOTHING
        """;

    // Each sample sent beside the row that stands under its key, which may be its own. {0} and {1}, the first and the last time, are
    // literals so that the planner leaves out every other chunk: 2 ms instead of up to seconds.
    private static readonly CompositeFormat Compare = CompositeFormat.Parse(
        $$"""
        SELECT ordinal, differs
        FROM (
            SELECT sent.ordinal,
                   (stored.pv_power_w, stored.pv_daily_kwh, stored.battery_power_w, stored.battery_soc_pct, stored.battery_temp_c,
                    stored.load_power_w, stored.export_power_w, stored.sample_count)
                   IS DISTINCT FROM
                   (sent.pv_power_w, sent.pv_daily_kwh, sent.battery_power_w, sent.battery_soc_pct, sent.battery_temp_c,
                    sent.load_power_w, sent.export_power_w, sent.sample_count) AS differs,
                   (stored.buffer_id, stored.seq) IS DISTINCT FROM ($2, sent.seq) AS renumbered
            FROM {{Sent}}
            JOIN sungrow_samples AS stored ON stored.device_id = $1 AND stored.ts = sent.ts
            WHERE stored.ts BETWEEN TIMESTAMPTZ '{0}' AND TIMESTAMPTZ '{1}'
        ) AS compared
        WHERE differs OR renumbered
        ORDER BY ordinal
        """);

    public async Task<IngestAnswer> WriteAsync(SampleBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Samples.Count == 0)
        {
            return new IngestAnswer(0, 0, 0);
        }

        // By time: two batches that overlap take their keys in one order, so neither waits for the other in a circle. Stable: of two
        // samples with one key the first one sent is the first one written.
        batch = batch with { Samples = [.. batch.Samples.OrderBy(sample => sample.Ts)] };
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await WriteOnceAsync(batch, cancellationToken);
            }
            catch (PostgresException failure) when (DatabaseErrors.IsRetryable(failure) && attempt < Attempts)
            {
                // Rolled back as a whole, so nothing is counted twice.
                await Task.Delay(FirstRetry * attempt * (1 + Random.Shared.NextDouble()), time, cancellationToken);
            }
        }
    }

    private async Task<IngestAnswer> WriteOnceAsync(SampleBatch batch, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        // The comparison must see what was committed while the insert waited: not a server's other default.
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);

        var inserted = await InsertAsync(connection, batch, cancellationToken);
        var conflicts = inserted == batch.Samples.Count ? 0 : await CompareAsync(connection, batch, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new IngestAnswer(inserted, batch.Samples.Count - inserted - conflicts, conflicts);
    }

    private static async Task<int> InsertAsync(NpgsqlConnection connection, SampleBatch batch, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Insert, connection);
        AddColumns(command.Parameters, batch);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <returns>How many samples conflict.</returns>
    private static async Task<int> CompareAsync(NpgsqlConnection connection, SampleBatch batch, CancellationToken cancellationToken)
    {
        var (samples, first, last) = (batch.Samples, batch.Samples[0].Ts, batch.Samples[^1].Ts);
        List<SungrowSample> conflicting = [];
        List<SungrowSample> renumbered = [];

        var sql = string.Format(CultureInfo.InvariantCulture, Compare, Rfc3339.Write(first), Rfc3339.Write(last));
        await using (var command = new NpgsqlCommand(sql, connection))
        {
            AddColumns(command.Parameters, batch);
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            while (await row.ReadAsync(cancellationToken))
            {
                var sample = samples[(int)row.GetInt64(0) - 1];
                (row.GetBoolean(1) ? conflicting : renumbered).Add(sample);
            }
        }

        await Quarantine.AddConflictsAsync(connection, batch, conflicting, cancellationToken);
        await Quarantine.AddElsewhereAsync(connection, batch, renumbered, cancellationToken);
        return conflicting.Count;
    }

    private static void AddColumns(NpgsqlParameterCollection parameters, SampleBatch batch)
    {
        var samples = batch.Samples;
        parameters.Add(new() { Value = batch.DeviceId });
        parameters.Add(new() { Value = (object?)batch.BufferId ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        Add(NpgsqlDbType.TimestampTz, sample => sample.Ts.UtcDateTime);
        Add(NpgsqlDbType.Double, sample => sample.PvPowerW);
        Add(NpgsqlDbType.Double, sample => sample.PvDailyKwh);
        Add(NpgsqlDbType.Double, sample => sample.BatteryPowerW);
        Add(NpgsqlDbType.Double, sample => sample.BatterySocPct);
        Add(NpgsqlDbType.Double, sample => sample.BatteryTempC);
        Add(NpgsqlDbType.Double, sample => sample.LoadPowerW);
        Add(NpgsqlDbType.Double, sample => sample.ExportPowerW);
        Add(NpgsqlDbType.Integer, sample => sample.SampleCount);
        Add(NpgsqlDbType.Double, sample => sample.IntervalS ?? batch.PollIntervalS * sample.SampleCount);
        Add(NpgsqlDbType.Bigint, sample => sample.Seq);

        void Add<T>(NpgsqlDbType type, Func<SungrowSample, T> column)
        {
            var values = new T[samples.Count];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = column(samples[i]);
            }

            parameters.Add(new NpgsqlParameter<T[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | type });
        }
    }
}
