using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>What the server was sent and what became of it. A request of more than one sample, or with anything but an insert, is a row in
/// the transaction that stores it. Single new samples, one per device every few seconds, are summed per device and minute, in memory until
/// the minute is over: a row changed by each would cost as much as the sample. A process that is killed takes the sums of its last minute
/// along, never a sample.</summary>
internal sealed class IngestEvents(Database database, TimeProvider time, ILogger<IngestEvents> log)
{
    // Reached only where samples can be written for many minutes and their sums cannot.
    private const int MostSums = 200_000;
    private const int SumsPerStatement = 5_000;

    private const string Into =
        """
        INSERT INTO ingest_events (device_id, summed, requests, inserted, duplicates, conflicts, buffer_id, first_ts, last_ts)
        SELECT device_id, false, 1, inserted, duplicates, conflicts, buffer_id, first_ts, last_ts
        """;

    private const string Request = "request (device_id, inserted, duplicates, conflicts, buffer_id, first_ts, last_ts)";
    public const string Add = $"{Into} FROM unnest($1, $2, $3, $4, $5, $6, $7) AS {Request}";

    // Behind the samples' own and their ranges'.
    private const string AddIf = $"{Into} FROM unnest($18, $19, $20, $21, $22, $23, $24) AS {Request} WHERE";

    // For this transaction. The plan is the same whatever is sent, yet PostgreSQL would make it anew each time: on a hypertable that takes
    // longer than the reading.
    private const string PlanOnce = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)";

    // In one order everywhere: two replicas add to the same sums.
    private const string AddSums =
        """
        INSERT INTO ingest_events AS stored (device_id, received_at, summed, requests, inserted, duplicates, conflicts, first_ts, last_ts)
        SELECT device_id, minute, true, samples, samples, 0, 0, first_ts, last_ts
        FROM unnest($1, $2, $3, $4, $5) AS sum (device_id, minute, samples, first_ts, last_ts)
        ORDER BY device_id, minute
        ON CONFLICT (device_id, received_at) WHERE summed DO UPDATE SET
            requests = stored.requests + excluded.requests, inserted = stored.inserted + excluded.inserted,
            first_ts = least(stored.first_ts, excluded.first_ts), last_ts = greatest(stored.last_ts, excluded.last_ts)
        """;

    private readonly Lock _lock = new();
    private Dictionary<(string DeviceId, DateTimeOffset Minute), Sum> _sums = [];
    private long _lost;

    /// <summary>For the transaction that stores them: the requests that get a row of their own.</summary>
    /// <returns>Null where none does.</returns>
    public static NpgsqlBatchCommand? Rows(IReadOnlyList<SampleBatch> requests, IReadOnlyList<IngestAnswer> answers)
    {
        List<(SampleBatch Request, IngestAnswer Answer)> own = [];
        for (var i = 0; i < requests.Count; i++)
        {
            if (!IsCleanSingle(answers[i], requests[i]))
            {
                own.Add((requests[i], answers[i]));
            }
        }

        if (own.Count == 0)
        {
            return null;
        }

        NpgsqlBatchCommand command = new(Add);
        AddRequests(command.Parameters, own);
        return command;
    }

    /// <summary>Requests of which all is stored as it was sent: in one statement, and so in one transaction, that looks whether it
    /// is.</summary>
    /// <returns>False: something differs, is not there, or stands between; nothing was written.</returns>
    public static async Task<bool> TryAddDuplicatesAsync(
        NpgsqlConnection connection, Flush flush, IReadOnlyList<IngestAnswer> answers, CancellationToken cancellationToken)
    {
        NpgsqlBatchCommand command = new($"{AddIf} {SampleSql.Stands(flush.First, flush.Last)}");
        SampleSql.AddRows(command.Parameters, flush.Rows);
        SampleSql.AddRanges(
            command.Parameters, SampleRange.Of(flush.Rows, SampleRange.LongestStep), rows => rows + 1); // One more, and it differs.
        AddRequests(command.Parameters, [.. flush.Requests.Zip(answers)]);
        await using NpgsqlBatch batch = new(connection) { BatchCommands = { new(PlanOnce), command } };
        return await batch.ExecuteNonQueryAsync(cancellationToken) > 0;
    }

    public static void AddRequests(NpgsqlParameterCollection parameters, List<(SampleBatch Request, IngestAnswer Answer)> requests)
    {
        AddColumn(NpgsqlDbType.Text, each => each.Request.DeviceId);
        AddColumn(NpgsqlDbType.Bigint, each => (long)each.Answer.Inserted);
        AddColumn(NpgsqlDbType.Bigint, each => (long)each.Answer.Duplicates);
        AddColumn(NpgsqlDbType.Bigint, each => (long)each.Answer.Conflicts);
        AddColumn(NpgsqlDbType.Uuid, each => each.Request.BufferId);
        AddColumn(NpgsqlDbType.TimestampTz, each => each.Request.Samples[0].Ts.UtcDateTime);
        AddColumn(NpgsqlDbType.TimestampTz, each => each.Request.Samples[^1].Ts.UtcDateTime);

        void AddColumn<T>(NpgsqlDbType type, Func<(SampleBatch Request, IngestAnswer Answer), T> column) =>
            SampleSql.AddColumn(parameters, requests, type, column);
    }

    /// <summary>After the commit: the requests that are summed.</summary>
    public void AddSingles(IReadOnlyList<SampleBatch> requests, IReadOnlyList<IngestAnswer> answers)
    {
        var now = time.GetUtcNow();
        var minute = new DateTimeOffset(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMinute), TimeSpan.Zero);
        lock (_lock)
        {
            for (var i = 0; i < requests.Count; i++)
            {
                if (IsCleanSingle(answers[i], requests[i]))
                {
                    var ts = requests[i].Samples[0].Ts;
                    AddLocked((requests[i].DeviceId, minute), new Sum(1, ts, ts));
                }
            }
        }
    }

    /// <summary>Writes the sums; what fails is written the next time. A connection lost in the middle of a commit can count up to
    /// <see cref="SumsPerStatement"/> of them twice.</summary>
    public async Task WriteSumsAsync(CancellationToken cancellationToken)
    {
        KeyValuePair<(string DeviceId, DateTimeOffset Minute), Sum>[] sums;
        long lost;
        lock (_lock)
        {
            sums = [.. _sums];
            _sums = [];
            lost = _lost;
            _lost = 0;
        }

        if (lost > 0)
        {
            log.IngestEventsLost(lost);
        }

        var written = 0;
        try
        {
            foreach (var some in sums.Chunk(SumsPerStatement))
            {
                await WriteAsync(some, cancellationToken);
                written += some.Length;
            }
        }
        finally
        {
            lock (_lock)
            {
                foreach (var (key, sum) in sums.AsSpan(written))
                {
                    AddLocked(key, sum);
                }
            }
        }
    }

    private async Task WriteAsync(
        KeyValuePair<(string DeviceId, DateTimeOffset Minute), Sum>[] sums, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(AddSums, connection);
        SampleSql.AddColumn(command.Parameters, sums, NpgsqlDbType.Text, each => each.Key.DeviceId);
        SampleSql.AddColumn(command.Parameters, sums, NpgsqlDbType.TimestampTz, each => each.Key.Minute.UtcDateTime);
        SampleSql.AddColumn(command.Parameters, sums, NpgsqlDbType.Bigint, each => each.Value.Samples);
        SampleSql.AddColumn(command.Parameters, sums, NpgsqlDbType.TimestampTz, each => each.Value.First.UtcDateTime);
        SampleSql.AddColumn(command.Parameters, sums, NpgsqlDbType.TimestampTz, each => each.Value.Last.UtcDateTime);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private void AddLocked((string DeviceId, DateTimeOffset Minute) key, Sum sum)
    {
        if (_sums.TryGetValue(key, out var known))
        {
            _sums[key] = new Sum(
                known.Samples + sum.Samples, known.First < sum.First ? known.First : sum.First, known.Last > sum.Last ? known.Last : sum.Last);
        }
        else if (_sums.Count < MostSums)
        {
            _sums[key] = sum;
        }
        else
        {
            _lost += sum.Samples;
        }
    }

    private static bool IsCleanSingle(IngestAnswer answer, SampleBatch request) => request.Samples.Count == 1 && answer.Inserted == 1;

    private readonly record struct Sum(long Samples, DateTimeOffset First, DateTimeOffset Last);
}
