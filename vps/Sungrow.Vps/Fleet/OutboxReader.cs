using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <summary>Samples that are pushed together, and what of the outbox is done with once they are stored.</summary>
/// <param name="Done">Rows that are done.</param>
/// <param name="Begun">Rows of a stretch of which more is to come, and the time it has come to; null: none.</param>
/// <param name="Cursor">The highest number in it.</param>
internal sealed record PushedSamples(
    IReadOnlyList<SungrowSample> Samples, IReadOnlyList<long> Done, (IReadOnlyList<long> Ids, DateTimeOffset Until)? Begun, long Cursor);

/// <summary>Fills batches from the outbox, oldest first. What has been read of a stretch counts for the next batch; a batch that is not
/// stored ends the reader, and its rows are read again by another.</summary>
internal sealed class OutboxReader(NpgsqlConnection connection, List<PushRange> ranges, bool isFull)
{
    private const int MostRows = 10_000;
    private static readonly TimeSpan Microsecond = TimeSpan.FromMicroseconds(1);

    private int _next;

    /// <summary>Whether the outbox may hold more than what this one reads.</summary>
    public bool IsFull => isFull;

    public static async Task<OutboxReader> OpenAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // Of a month in which it believes in a few rows, the planner would read and sort all for each batch; by the key they come in order.
        // Until the connection goes back to the pool.
        await using NpgsqlBatch command = new(connection)
        {
            BatchCommands =
            {
                new("SET enable_bitmapscan = off"),
                new($"SELECT id, device_id, from_ts, to_ts FROM fleet_outbox ORDER BY id LIMIT {MostRows}"),
            },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        List<OutboxRow> rows = [];
        while (await row.ReadAsync(cancellationToken))
        {
            rows.Add(new(row.GetInt64(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.GetFieldValue<DateTimeOffset>(3)));
        }

        return new(connection, PushRanges.Join(rows), isFull: rows.Count == MostRows);
    }

    /// <returns>Null where nothing is left. A batch without samples is one of stretches whose samples are gone.</returns>
    public async Task<PushedSamples?> NextAsync(int most, CancellationToken cancellationToken)
    {
        List<SungrowSample> samples = [];
        List<long> done = [];
        var (first, cursor) = (_next, 0L);
        var begun = false;
        while (_next < ranges.Count && samples.Count < most)
        {
            var left = most - samples.Count;
            var together = ranges.GetRange(_next, PushRanges.Together(ranges, _next, left));
            var last = together.Count > 1 || together[0].To - together[0].From <= PushRanges.Piece
                ? together[^1].To
                : together[0].From + PushRanges.Piece;
            var at = await ReadAsync(together, last, left, samples, cancellationToken);
            cursor = Math.Max(cursor, together.Take(at + 1).Max(range => range.Ids[^1]));
            done.AddRange(together.Take(at).SelectMany(range => range.Ids));
            _next += at;
            begun = at < together.Count;
            if (begun)
            {
                // Filled in the middle of a stretch, or at the end of a piece of it.
                var until = samples.Count == most ? samples[^1].Ts : last;
                begun = until < together[at].To;
                if (begun)
                {
                    ranges[_next] = together[at] with { From = until + Microsecond };
                }
                else
                {
                    done.AddRange(together[at].Ids);
                    _next++;
                }
            }
        }

        return _next == first && !begun ? null
            : new(samples, done, begun ? (ranges[_next].Ids, ranges[_next].From - Microsecond) : null, cursor);
    }

    /// <summary>In the caller's order of batches: what is acknowledged behind one that was not stored would be lost.</summary>
    public static async Task AcknowledgeAsync(NpgsqlConnection connection, PushedSamples batch, CancellationToken cancellationToken)
    {
        await using NpgsqlBatch commands = new(connection)
        {
            BatchCommands = { new("DELETE FROM fleet_outbox WHERE id = ANY($1)") { Parameters = { Ids(batch.Done) } } },
        };
        if (batch.Begun is { } begun)
        {
            var until = new NpgsqlParameter { Value = begun.Until.UtcDateTime };
            commands.BatchCommands.Add(new("DELETE FROM fleet_outbox WHERE id = ANY($1) AND to_ts <= $2")
            {
                Parameters = { Ids(begun.Ids), until },
            });
            commands.BatchCommands.Add(
                new("UPDATE fleet_outbox SET from_ts = $2 + interval '1 microsecond' WHERE id = ANY($1) AND from_ts <= $2")
                {
                    Parameters = { Ids(begun.Ids), until.Clone() },
                });
        }

        await commands.ExecuteNonQueryAsync(cancellationToken);

        static NpgsqlParameter Ids(IReadOnlyList<long> ids) =>
            new() { Value = ids.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint };
    }

    /// <returns>How many of the ranges are read to their end; fewer than all where the next one is not.</returns>
    private async Task<int> ReadAsync(
        List<PushRange> together, DateTimeOffset last, int most, List<SungrowSample> samples, CancellationToken cancellationToken)
    {
        // The ranges one after the other, each by its key: a join by anything else is not possible, so they come in their order.
        await using var command = new NpgsqlCommand(
            $"""
            SELECT range.ordinal, stored.* FROM unnest($1, $2, $3) WITH ORDINALITY AS range (device_id, first_ts, last_ts, ordinal)
            CROSS JOIN LATERAL (
                SELECT ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w,
                       sample_count, interval_s, seq
                FROM sungrow_samples
                WHERE device_id = range.device_id AND ts BETWEEN range.first_ts AND range.last_ts
                  AND ts >= {Aggregates.Literal(Day(together.Min(range => range.From)))}
                  AND ts < {Aggregates.Literal(Day(together.Count > 1 ? together.Max(range => range.To) : last).AddDays(1))}
                ORDER BY ts LIMIT $4
            ) AS stored LIMIT $4
            """,
            connection);
        SampleSql.AddColumn(command.Parameters, together, NpgsqlDbType.Text, range => range.DeviceId);
        SampleSql.AddColumn(command.Parameters, together, NpgsqlDbType.TimestampTz, range => range.From.UtcDateTime);
        SampleSql.AddColumn(
            command.Parameters, together, NpgsqlDbType.TimestampTz, range => (together.Count > 1 ? range.To : last).UtcDateTime);
        command.Parameters.Add(new() { Value = (long)most });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var (at, read) = (0, 0);
        while (await row.ReadAsync(cancellationToken))
        {
            var range = (int)row.GetInt64(0) - 1;
            if (range < at)
            {
                throw new InvalidOperationException("The stretches of the outbox were not read in their order.");
            }

            at = range;
            read++;
            samples.Add(Read(row, together[at].DeviceId));
        }

        return read == most ? at : together.Count > 1 || last == together[0].To ? together.Count : 0;
    }

    private static DateTimeOffset Day(DateTimeOffset time) => new(time.UtcDateTime.Date, TimeSpan.Zero);

    private static SungrowSample Read(NpgsqlDataReader row, string deviceId)
    {
        return new()
        {
            DeviceId = deviceId,
            Ts = row.GetFieldValue<DateTimeOffset>(1),
            PvPowerW = Metric(2),
            PvDailyKwh = Metric(3),
            BatteryPowerW = Metric(4),
            BatterySocPct = Metric(5),
            BatteryTempC = Metric(6),
            LoadPowerW = Metric(7),
            ExportPowerW = Metric(8),
            SampleCount = row.GetInt32(9),
            IntervalS = row.GetDouble(10),
            Seq = row.IsDBNull(11) ? null : row.GetInt64(11),
        };

        double? Metric(int ordinal) => row.IsDBNull(ordinal) ? null : row.GetDouble(ordinal);
    }
}
