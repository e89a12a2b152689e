using System.Data;
using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>One batch as a customer's VPS pushed it.</summary>
/// <param name="Bytes">Of the body, decompressed.</param>
/// <param name="Cursor">The highest number of its outbox in it.</param>
internal sealed record PushedBatch(string CustomerId, string Type, int Bytes, long? Cursor);

/// <summary>What became of its rows; the three add up to those sent.</summary>
internal sealed record FleetAnswer(int Accepted, int Duplicates, int Rejected);

/// <summary>Stores samples that another VPS pushes: a row that is there stays, whatever comes again and in which order. One batch is one
/// transaction, with its event and the customer's last sign of life.</summary>
internal sealed class FleetMeasurements(Database database, TimeProvider time, ILogger<FleetMeasurements> log)
{
    public const string Table = "fleet.measurements";

    /// <summary>What other VPSs push is complete sooner than what edges send: their outages are behind it.</summary>
    public static readonly TimeSpan CompressAfter = TimeSpan.FromDays(7);

    private const string Copy = $"COPY {Table} (customer_id, {Columns}) FROM STDIN (FORMAT binary)";
    private const short CopiedColumns = 13;

    // Two names of 64 characters, and per column its length and at most 8 bytes.
    private const int LargestRow = sizeof(short) + (CopiedColumns * (sizeof(int) + sizeof(long))) + (2 * ProtocolLimits.MaxDeviceIdLength);

    private const string Columns =
        """
        device_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w, sample_count,
        interval_s, seq
        """;

    private const string Insert =
        $"""
        INSERT INTO {Table} (customer_id, {Columns})
        SELECT $14, {Columns} FROM {SampleSql.Sent} ORDER BY ordinal
        ON CONFLICT (ts, customer_id, device_id) DO NOTHING
        """;

    // $1, $2, $3: customer, devices, and the first time of each. {0}, its day, is a literal so that the planner leaves out older chunks.
    private static readonly CompositeFormat AnyNewerFormat = CompositeFormat.Parse(
        """
        SELECT EXISTS (
            SELECT FROM unnest($2, $3) AS sent (device_id, first_ts)
            WHERE (SELECT true FROM fleet.measurements AS newer
                   WHERE newer.customer_id = $1 AND newer.device_id = sent.device_id AND newer.ts >= sent.first_ts
                     AND newer.ts >= TIMESTAMPTZ '{0}' LIMIT 1))
        """);

    private const double UsualIntervalS = 10;
    private const int Attempts = 4;

    /// <param name="samples">Sound ones.</param>
    /// <param name="rejected">How many were not.</param>
    /// <param name="error">The code of the first of those.</param>
    public async Task<FleetAnswer> WriteAsync(
        PushedBatch batch, IReadOnlyList<SungrowSample> samples, int rejected, string? error, CancellationToken cancellationToken)
    {
        var flush = samples.Count == 0 ? null : Flush.Of(
            [.. samples.GroupBy(sample => sample.DeviceId, StringComparer.Ordinal)
                .Select(device => new SampleBatch(device.Key, null, [.. device], UsualIntervalS).InOrder())]);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryAsync(batch, flush, rejected, error, cancellationToken);
            }
            catch (PostgresException failure) when (DatabaseErrors.IsRetryable(failure) && attempt < Attempts)
            {
                // Rolled back as a whole.
                await Task.Delay(TimeSpan.FromMilliseconds(20) * attempt * (1 + Random.Shared.NextDouble()), time, cancellationToken);
            }
        }
    }

    private async Task<FleetAnswer> TryAsync(
        PushedBatch batch, Flush? flush, int rejected, string? error, CancellationToken cancellationToken)
    {
        await using (var connection = await database.ConnectAsync(cancellationToken))
        {
            var copy = flush is not null && WritePolicy.MayCopy(flush, CompressAfter, time.GetUtcNow())
                && !await AnyNewerAsync(connection, batch.CustomerId, flush, cancellationToken);
            try
            {
                return await RunAsync(connection, batch, flush, copy, rejected, error, cancellationToken);
            }
            catch (PostgresException refused) when (copy && WritePolicy.FallsBack(refused.SqlState))
            {
                log.CopyRefused(refused.SqlState, flush!.Rows.Count);
            }
        }

        await using var fresh = await database.ConnectAsync(cancellationToken);
        return await RunAsync(fresh, batch, flush, copy: false, rejected, error, cancellationToken);
    }

    private async Task<FleetAnswer> RunAsync(
        NpgsqlConnection connection, PushedBatch batch, Flush? flush, bool copy, int rejected, string? error,
        CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        var accepted = 0;
        if (flush is not null && copy)
        {
            await CopyAsync(connection, batch.CustomerId, flush.Rows, cancellationToken);
            accepted = flush.Rows.Count;
        }
        else if (flush is not null)
        {
            await using var insert = new NpgsqlCommand(Insert, connection);
            SampleSql.AddRows(insert.Parameters, flush.Rows);
            insert.Parameters.Add(new() { Value = batch.CustomerId });
            accepted = await insert.ExecuteNonQueryAsync(cancellationToken);
        }

        var answer = new FleetAnswer(accepted, (flush?.Rows.Count ?? 0) - accepted, rejected);
        // In one round trip.
        await using NpgsqlBatch last = new(connection);
        var late = FleetAggregate.Late(time.GetUtcNow());
        if (accepted > 0 && flush!.First < late)
        {
            last.BatchCommands.Add(PendingRefresh.OfFleet(flush.First, flush.Last < late ? flush.Last : late));
        }

        last.BatchCommands.Add(FleetEvents.Row(batch, answer, flush?.First, flush?.Last, error));
        last.BatchCommands.Add(FleetEvents.Seen(batch.CustomerId));
        last.BatchCommands.Add(new("COMMIT"));
        await last.ExecuteNonQueryAsync(cancellationToken);
        return answer;
    }

    private static Task CopyAsync(
        NpgsqlConnection connection, string customer, IReadOnlyList<FlushRow> rows, CancellationToken cancellationToken) =>
        BinaryCopy.WriteAsync(
            connection, Copy, rows, LargestRow,
            (ref BinaryCopy copy, FlushRow row) =>
            {
                copy.Begin(CopiedColumns);
                copy.Field(customer);
                copy.Field(row.Batch.DeviceId);
                SampleCopy.Values(ref copy, row);
            },
            cancellationToken);

    private static async Task<bool> AnyNewerAsync(
        NpgsqlConnection connection, string customer, Flush flush, CancellationToken cancellationToken)
    {
        var day = new DateTimeOffset(flush.First.UtcDateTime.Date, TimeSpan.Zero);
        await using var command = new NpgsqlCommand(
            string.Format(CultureInfo.InvariantCulture, AnyNewerFormat, Rfc3339.Write(day)), connection);
        command.Parameters.Add(new() { Value = customer });
        SampleSql.AddColumn(command.Parameters, flush.Requests, NpgsqlDbType.Text, device => device.DeviceId);
        SampleSql.AddColumn(command.Parameters, flush.Requests, NpgsqlDbType.TimestampTz, device => device.Samples[0].Ts.UtcDateTime);
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }
}

/// <summary>The audit of what customers push.</summary>
internal static class FleetEvents
{
    private static readonly TimeSpan Kept = TimeSpan.FromDays(30);
    private const int RowsPerStatement = 10_000;

    public static NpgsqlBatchCommand Row(
        PushedBatch batch, FleetAnswer answer, DateTimeOffset? first, DateTimeOffset? last, string? error)
    {
        NpgsqlBatchCommand command = new(
            """
            INSERT INTO fleet.ingest_events
                (customer_id, batch_type, accepted, duplicates, rejected, bytes, client_cursor, first_ts, last_ts, error)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """);
        Add(batch.CustomerId, NpgsqlDbType.Text);
        Add(batch.Type, NpgsqlDbType.Text);
        Add(answer.Accepted, NpgsqlDbType.Integer);
        Add(answer.Duplicates, NpgsqlDbType.Integer);
        Add(answer.Rejected, NpgsqlDbType.Integer);
        Add(batch.Bytes, NpgsqlDbType.Integer);
        Add(batch.Cursor, NpgsqlDbType.Bigint);
        Add(first?.UtcDateTime, NpgsqlDbType.TimestampTz);
        Add(last?.UtcDateTime, NpgsqlDbType.TimestampTz);
        Add(error, NpgsqlDbType.Text);
        return command;

        void Add(object? value, NpgsqlDbType type) => command.Parameters.Add(new() { Value = value ?? DBNull.Value, NpgsqlDbType = type });
    }

    /// <summary>A sign of life. Last in its transaction: other batches of the customer wait for it.</summary>
    public static NpgsqlBatchCommand Seen(string customer) =>
        new("UPDATE fleet.customers SET first_seen = coalesce(first_seen, now()), last_seen = now() WHERE customer_id = $1")
        {
            Parameters = { new() { Value = customer } },
        };

    public static async Task RemoveOldAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"""
            DELETE FROM fleet.ingest_events WHERE id IN (
                SELECT id FROM fleet.ingest_events WHERE received_at < $1 ORDER BY received_at LIMIT {RowsPerStatement} FOR UPDATE SKIP LOCKED)
            """,
            connection);
        command.Parameters.Add(new() { Value = now - Kept });
        while (await command.ExecuteNonQueryAsync(cancellationToken) == RowsPerStatement)
        {
            // There may be more.
        }
    }
}
