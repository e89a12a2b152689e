using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices;

/// <summary>Keeps what the edges report: the other end's half of every balance. One report is one transaction and one round trip.</summary>
internal sealed class EdgeReports(Database database, TimeProvider time, ILogger<EdgeReports> log)
{
    /// <summary>A device's share of the tables: one token cannot fill the disk. The newest stay.</summary>
    public const int MostBuffers = 100;
    public const int MostMissingRanges = 50_000;
    public const int MostGaps = 100_000;
    public const int MostPollIntervals = 10_000;

    /// <returns>The report as it was kept.</returns>
    public async Task<EdgeReport> StoreAsync(string deviceId, EdgeReport sent, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var report = ReportTimes.Sound(sent, now);
        if (report.Gaps.Count < sent.Gaps.Count)
        {
            log.GapsLeftOut(deviceId, sent.Gaps.Count - report.Gaps.Count);
        }

        await using var connection = await database.ConnectAsync(cancellationToken);
        // A batch outside a transaction is one by itself.
        await using var batch = new NpgsqlBatch(connection)
        {
            // The device's row first: two reports of one device, a slow one and its repetition, then follow each other.
            BatchCommands =
            {
                Device(deviceId, report), Buffer(deviceId, report), OldBuffers(deviceId), PollInterval(deviceId, report, now),
                OldPollIntervals(deviceId),
            },
        };
        if (report.Missing.Count > 0)
        {
            batch.BatchCommands.Add(Missing(deviceId, report));
            batch.BatchCommands.Add(OldMissing(deviceId));
        }

        if (report.Gaps.Count > 0)
        {
            batch.BatchCommands.Add(Gaps(deviceId, report));
            batch.BatchCommands.Add(OldGaps(deviceId));
        }

        await batch.ExecuteNonQueryAsync(cancellationToken);
        return report;
    }

    private static NpgsqlBatchCommand Device(string deviceId, EdgeReport report) =>
        Command(
            """
            UPDATE devices SET poll_interval_s = $2, last_seen = now(), first_seen = coalesce(first_seen, now()) WHERE device_id = $1
            """,
            Text(deviceId), Number(report.PollIntervalS));

    private static NpgsqlBatchCommand Buffer(string deviceId, EdgeReport report) =>
        Command(
            """
            INSERT INTO buffers (buffer_id, device_id, replaces, salvaged, lost, boot_id, version, started_at, sent_at, clock_trusted,
                                 inverter_model, inverter_serial, inverter_reachable, inverter_last_poll, cursors,
                                 waiting_rows, waiting_held, waiting_oldest, waiting_newest, committed, acknowledged, dead_lettered,
                                 evicted, received_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, now())
            ON CONFLICT (buffer_id, device_id) DO UPDATE SET
                -- Reported until acknowledged, and then no more: it is not forgotten with the next report.
                replaces = coalesce(excluded.replaces, buffers.replaces), salvaged = coalesce(excluded.salvaged, buffers.salvaged),
                lost = coalesce(excluded.lost, buffers.lost),
                boot_id = excluded.boot_id, version = excluded.version, started_at = excluded.started_at, sent_at = excluded.sent_at,
                clock_trusted = excluded.clock_trusted, inverter_model = excluded.inverter_model,
                inverter_serial = excluded.inverter_serial, inverter_reachable = excluded.inverter_reachable,
                inverter_last_poll = excluded.inverter_last_poll, cursors = excluded.cursors, waiting_rows = excluded.waiting_rows,
                waiting_held = excluded.waiting_held, waiting_oldest = excluded.waiting_oldest, waiting_newest = excluded.waiting_newest,
                committed = excluded.committed, acknowledged = excluded.acknowledged, dead_lettered = excluded.dead_lettered,
                evicted = excluded.evicted, received_at = excluded.received_at
            -- One that a later report of the same process has overtaken says nothing new.
            WHERE NOT (buffers.boot_id = excluded.boot_id AND buffers.started_at = excluded.started_at
                       AND buffers.sent_at > excluded.sent_at AND buffers.committed >= excluded.committed)
            """,
            Parameter(report.BufferId, NpgsqlDbType.Uuid), Text(deviceId),
            Parameter(report.Replaces?.BufferId, NpgsqlDbType.Uuid), Count(report.Replaces?.Salvaged), Count(report.Replaces?.Lost),
            Text(report.BootId), Text(report.Version), Time(report.StartedAt), Time(report.SentAt),
            Parameter(report.ClockTrusted, NpgsqlDbType.Boolean),
            Text(report.Inverter.Model), Text(report.Inverter.Serial), Parameter(report.Inverter.Reachable, NpgsqlDbType.Boolean),
            Time(report.Inverter.LastPoll),
            Parameter(JsonSerializer.Serialize(report.Cursors, ProtocolJson.Default.IReadOnlyDictionaryStringInt64), NpgsqlDbType.Jsonb),
            Count(report.Waiting.Rows), Count(report.Waiting.Held), Time(report.Waiting.Oldest), Time(report.Waiting.Newest),
            Count(report.Counters.Committed), Count(report.Counters.Acknowledged), Count(report.Counters.DeadLettered),
            Count(report.Counters.Evicted));

    private static NpgsqlBatchCommand OldBuffers(string deviceId) =>
        Command(
            """
            WITH old AS (
                DELETE FROM buffers WHERE device_id = $1 AND buffer_id IN (
                    SELECT buffer_id FROM buffers WHERE device_id = $1 ORDER BY received_at DESC OFFSET $2)
                RETURNING buffer_id),
            -- Not of the old ones alone: a balance may have been kept after its buffer went.
            balances AS (
                DELETE FROM buffer_balance WHERE device_id = $1 AND buffer_id NOT IN (
                    SELECT buffer_id FROM buffers WHERE device_id = $1 ORDER BY received_at DESC LIMIT $2))
            DELETE FROM missing_ranges USING old WHERE missing_ranges.buffer_id = old.buffer_id AND device_id = $1
            """,
            Text(deviceId), Parameter(MostBuffers, NpgsqlDbType.Integer));

    private static NpgsqlBatchCommand PollInterval(string deviceId, EdgeReport report, DateTimeOffset now) =>
        Command(
            """
            INSERT INTO poll_intervals (device_id, from_ts, poll_interval_s, samples_per_row)
            SELECT $1, $2, $3, $4
            WHERE ($3, $4) IS DISTINCT FROM (
                SELECT ROW (poll_interval_s, samples_per_row) FROM poll_intervals
                WHERE device_id = $1 AND from_ts <= $2 ORDER BY from_ts DESC LIMIT 1)
            ON CONFLICT (device_id, from_ts) DO UPDATE SET
                poll_interval_s = excluded.poll_interval_s, samples_per_row = excluded.samples_per_row
            """,
            Text(deviceId), Time(InForceSince(report, now)), Number(report.PollIntervalS),
            Parameter(report.SamplesPerRow, NpgsqlDbType.Integer));

    private static NpgsqlBatchCommand OldPollIntervals(string deviceId) =>
        Command(
            """
            DELETE FROM poll_intervals WHERE device_id = $1 AND from_ts <= (
                SELECT from_ts FROM poll_intervals WHERE device_id = $1 ORDER BY from_ts DESC OFFSET $2 LIMIT 1)
            """,
            Text(deviceId), Parameter(MostPollIntervals, NpgsqlDbType.Integer));

    private static NpgsqlBatchCommand Missing(string deviceId, EdgeReport report) =>
        Command(
            """
            INSERT INTO missing_ranges (buffer_id, device_id, from_seq, to_seq, rows, from_ts, to_ts, reason, received_at)
            SELECT DISTINCT ON (from_seq) $1, $2, from_seq, to_seq, rows, from_ts, to_ts, reason, now()
            FROM unnest($3, $4, $5, $6, $7, $8) AS missing (from_seq, to_seq, rows, from_ts, to_ts, reason)
            ON CONFLICT (buffer_id, from_seq) DO UPDATE SET
                to_seq = excluded.to_seq, rows = excluded.rows, from_ts = excluded.from_ts, to_ts = excluded.to_ts,
                reason = excluded.reason, received_at = excluded.received_at
            WHERE missing_ranges.device_id = excluded.device_id
            """,
            Parameter(report.BufferId, NpgsqlDbType.Uuid), Text(deviceId),
            Column(report.Missing, NpgsqlDbType.Bigint, range => range.FromSeq),
            Column(report.Missing, NpgsqlDbType.Bigint, range => range.ToSeq),
            Column(report.Missing, NpgsqlDbType.Bigint, range => range.Rows),
            Column(report.Missing, NpgsqlDbType.TimestampTz, range => range.From),
            Column(report.Missing, NpgsqlDbType.TimestampTz, range => range.To),
            Column(report.Missing, NpgsqlDbType.Text, range => range.Reason));

    private static NpgsqlBatchCommand OldMissing(string deviceId) =>
        Command(
            """
            DELETE FROM missing_ranges WHERE device_id = $1 AND (buffer_id, from_seq) IN (
                SELECT buffer_id, from_seq FROM missing_ranges WHERE device_id = $1 ORDER BY received_at DESC, from_seq DESC OFFSET $2)
            """,
            Text(deviceId), Parameter(MostMissingRanges, NpgsqlDbType.Integer));

    private static NpgsqlBatchCommand Gaps(string deviceId, EdgeReport report) =>
        Command(
            """
            INSERT INTO gaps (device_id, from_ts, to_ts, reason, missed, received_at)
            SELECT DISTINCT ON (from_ts, reason) $1, from_ts, to_ts, reason, missed, now()
            FROM unnest($2, $3, $4, $5) AS gap (from_ts, to_ts, reason, missed)
            ON CONFLICT (device_id, from_ts, reason) DO UPDATE SET
                to_ts = excluded.to_ts, missed = excluded.missed, received_at = excluded.received_at
            """,
            Text(deviceId),
            Column(report.Gaps, NpgsqlDbType.TimestampTz, gap => gap.From),
            Column(report.Gaps, NpgsqlDbType.TimestampTz, gap => gap.To),
            Column(report.Gaps, NpgsqlDbType.Text, gap => gap.Reason),
            Column(report.Gaps, NpgsqlDbType.Bigint, gap => gap.Missed));

    private static NpgsqlBatchCommand OldGaps(string deviceId) =>
        Command(
            """
            DELETE FROM gaps WHERE device_id = $1 AND from_ts <= (
                SELECT from_ts FROM gaps WHERE device_id = $1 ORDER BY from_ts DESC OFFSET $2 LIMIT 1)
            """,
            Text(deviceId), Parameter(MostGaps, NpgsqlDbType.Integer));

    /// <summary>A poll interval changes with a restart only, and rows made since then may still wait on the edge. A start by a clock
    /// nobody trusts is no time.</summary>
    private static DateTimeOffset InForceSince(EdgeReport report, DateTimeOffset now)
    {
        var possible = report.StartedAt >= ProtocolLimits.OldestTimestamp && report.StartedAt <= now + ProtocolLimits.MaxAhead;
        return report.ClockTrusted && possible ? report.StartedAt : now;
    }

    private static NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    private static NpgsqlParameter Parameter(object? value, NpgsqlDbType type) =>
        new() { Value = value ?? DBNull.Value, NpgsqlDbType = type };

    private static NpgsqlParameter Text(string? value) => Parameter(value, NpgsqlDbType.Text);

    private static NpgsqlParameter Number(double value) => Parameter(value, NpgsqlDbType.Double);

    private static NpgsqlParameter Count(long? value) => Parameter(value, NpgsqlDbType.Bigint);

    private static NpgsqlParameter Time(DateTimeOffset? value) => Parameter(value, NpgsqlDbType.TimestampTz);

    private static NpgsqlParameter Column<TEntry, T>(IReadOnlyList<TEntry> entries, NpgsqlDbType type, Func<TEntry, T> column) =>
        Parameter(entries.Select(column).ToArray(), NpgsqlDbType.Array | type);
}
