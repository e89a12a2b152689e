using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.History;

/// <summary>What this server and the edge's reports know of a device in some time.</summary>
internal sealed class CompletenessReader(Database database, TimeProvider time)
{
    /// <summary>Of gaps and of lost ranges in one answer; the rows of those beyond are unexplained.</summary>
    public const int MostEntries = 20_000;

    // A row takes this long from the inverter to here: what is younger is not missing yet.
    private static readonly TimeSpan Arrival = TimeSpan.FromSeconds(30);
    private const int ArrivalIntervals = 3;

    public async Task<List<CompletenessPeriod>> ReadAsync(
        string deviceId, IReadOnlyList<DateTimeOffset> boundaries, CancellationToken cancellationToken)
    {
        var (from, to) = (boundaries[0], boundaries[^1]);
        await using var connection = await database.ConnectAsync(cancellationToken);
        var stored = await CountAsync(
            connection,
            $"""
            SELECT width_bucket(bucket, $2) - 1, sum(samples)::bigint
            FROM {Aggregates.Source(database.HasContinuousAggregates, from, to)} GROUP BY 1
            """,
            deviceId, boundaries, cancellationToken);
        var conflicting = await CountAsync(
            connection,
            $"""
            SELECT width_bucket(ts, $2) - 1, count(*) FROM quarantine
            WHERE device_id = $1 AND code = '{ErrorCodes.ConflictingSample}'
              AND ts >= {Aggregates.Literal(from)} AND ts < {Aggregates.Literal(to)}
            GROUP BY 1
            """,
            deviceId, boundaries, cancellationToken);
        return CompletenessPolicy.Judge(
            boundaries, stored, conflicting, await ReadFactsAsync(connection, deviceId, from, to, cancellationToken));
    }

    private static async Task<long[]> CountAsync(
        NpgsqlConnection connection, string sql, string deviceId, IReadOnlyList<DateTimeOffset> boundaries,
        CancellationToken cancellationToken)
    {
        var counts = new long[boundaries.Count - 1];
        await using var command = new NpgsqlCommand(sql, connection)
        {
            Parameters = { new() { Value = deviceId }, HistoryReader.Boundaries(boundaries) },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            counts[row.GetInt32(0)] = row.GetInt64(1);
        }

        return counts;
    }

    private async Task<CompletenessFacts> ReadFactsAsync(
        NpgsqlConnection connection, string deviceId, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellationToken)
    {
        var intervals = await ListAsync(
            "SELECT from_ts, poll_interval_s, samples_per_row FROM poll_intervals WHERE device_id = $1 ORDER BY from_ts",
            row => new PollInterval(Time(row, 0), row.GetDouble(1), row.GetInt32(2)));
        var lost = await ListAsync(
            $"""
            SELECT from_ts, coalesce(to_ts, from_ts), rows, reason FROM missing_ranges
            WHERE device_id = $1 AND from_ts < $3 AND coalesce(to_ts, from_ts) >= $2 ORDER BY from_ts LIMIT {MostEntries}
            """,
            row => new LostRows(Time(row, 0), Time(row, 1), row.GetInt64(2), row.GetString(3)));
        // One that is open reaches to the report that told of it.
        var gaps = await ListAsync(
            $"""
            SELECT from_ts, greatest(from_ts, coalesce(to_ts, received_at)), missed, reason FROM gaps
            WHERE device_id = $1 AND from_ts < $3 AND coalesce(to_ts, received_at) >= $2 ORDER BY from_ts LIMIT {MostEntries}
            """,
            row => new ReportedGap(Time(row, 0), Time(row, 1), row.GetInt64(2), row.GetString(3)));
        var waiting = await ListAsync(
            """
            SELECT waiting_rows, waiting_oldest, waiting_newest FROM buffers
            WHERE device_id = $1 ORDER BY received_at DESC LIMIT 1
            """,
            row => new WaitingRows(
                row.GetInt64(0), row.IsDBNull(1) ? null : Time(row, 1), row.IsDBNull(2) ? null : Time(row, 2)));
        var first = await FirstSampleAsync(connection, deviceId, cancellationToken);
        DateTimeOffset? reported = intervals is [var earliest, ..] ? earliest.From : null;
        var now = time.GetUtcNow();
        var interval = intervals is [.., var last]
            ? TimeSpan.FromSeconds(last.PollIntervalS * last.SamplesPerRow)
            : TimeSpan.FromSeconds(CompletenessPolicy.DefaultPollIntervalS);
        return new(
            first is null || reported < first ? reported : first,
            now - (ArrivalIntervals * interval > Arrival ? ArrivalIntervals * interval : Arrival),
            intervals, lost, gaps, waiting is [var waits] ? waits : default);

        async Task<List<T>> ListAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
        {
            List<T> entries = [];
            await using var command = new NpgsqlCommand(sql, connection)
            {
                Parameters = { new() { Value = deviceId }, new() { Value = from.UtcDateTime }, new() { Value = to.UtcDateTime } },
            };
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            while (await row.ReadAsync(cancellationToken))
            {
                entries.Add(read(row));
            }

            return entries;
        }
    }

    private static DateTimeOffset Time(NpgsqlDataReader row, int ordinal) => row.GetFieldValue<DateTimeOffset>(ordinal);

    /// <summary>The first that is stored; where retention has dropped it, the quarter of an hour that it lay in.</summary>
    private async Task<DateTimeOffset?> FirstSampleAsync(NpgsqlConnection connection, string deviceId, CancellationToken cancellationToken)
    {
        var sample = await TimeAsync("SELECT ts FROM sungrow_samples WHERE device_id = $1 ORDER BY ts LIMIT 1");
        var bucket = database.HasContinuousAggregates
            ? await TimeAsync($"SELECT bucket FROM {Aggregates.View} WHERE device_id = $1 ORDER BY bucket LIMIT 1")
            : null;
        return sample is null || bucket < Aggregates.Floor(sample.Value) ? bucket : sample;

        async Task<DateTimeOffset?> TimeAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = deviceId } } };
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            return await row.ReadAsync(cancellationToken) ? row.GetFieldValue<DateTimeOffset>(0) : null;
        }
    }
}
