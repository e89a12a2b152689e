using System.Data;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>Writes a flush: one transaction, and an answer for each of its requests.
/// The counts hold under concurrency: a row counts as inserted in the one transaction that inserted it; every other one waits for that,
/// then compares its own values with the row that stands.</summary>
/// <param name="events">Null keeps no audit.</param>
/// <param name="outbox">Null pushes nothing on.</param>
internal sealed class FlushTransaction(
    Database database, IngestEvents? events, IOptions<StorageOptions> options, TimeProvider time, ILogger<FlushTransaction> log,
    FleetOutbox? outbox = null)
{
    private const int Attempts = 4;
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(20);

    private readonly LastOutcomes _last = new();

    /// <param name="requests">As queued, each in order and none empty.</param>
    /// <returns>When all of it is committed: what became of each request.</returns>
    public async Task<IngestAnswer[]> WriteAsync(IReadOnlyList<SampleBatch> requests, CancellationToken cancellationToken)
    {
        var flush = Flush.Of(requests);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var answers = await TryAsync(flush, cancellationToken);
                _last.Learn(requests, answers);
                return answers;
            }
            catch (PostgresException failure) when (DatabaseErrors.IsRetryable(failure) && attempt < Attempts)
            {
                // Rolled back as a whole, so nothing is counted twice.
                await Task.Delay(FirstRetry * attempt * (1 + Random.Shared.NextDouble()), time, cancellationToken);
            }
        }
    }

    private async Task<IngestAnswer[]> TryAsync(Flush flush, CancellationToken cancellationToken)
    {
        await using (var connection = await database.ConnectToWriteAsync(cancellationToken))
        {
            var path = await ChooseAsync(connection, flush, _last.Expect(flush.Requests), cancellationToken);
            if (path == WritePath.Compare)
            {
                if (await CompareAsync(connection, flush, cancellationToken) is { } duplicates)
                {
                    return duplicates;
                }

                path = await ChooseAsync(connection, flush, Standing.Between, cancellationToken); // It was not what it looked like.
            }

            try
            {
                return path == WritePath.Copy && GoAlone(flush)
                    ? await CopyAsync(connection, flush, cancellationToken)
                    : await RunAsync(connection, flush, path, cancellationToken);
            }
            catch (PostgresException refused) when (path == WritePath.Copy && WritePolicy.FallsBack(refused.SqlState))
            {
                log.CopyRefused(refused.SqlState, flush.Rows.Count);
            }
        }

        // Another one: after 53400 the first is broken.
        await using var fresh = await database.ConnectToWriteAsync(cancellationToken);
        return await RunAsync(fresh, flush, WritePath.Insert, cancellationToken);
    }

    private async Task<WritePath> ChooseAsync(
        NpgsqlConnection connection, Flush flush, Standing expected, CancellationToken cancellationToken)
    {
        var (compressAfter, now) = (options.Value.CompressAfter, time.GetUtcNow());
        var uncompressed = WritePolicy.IsUncompressed(flush, compressAfter, now);
        if (expected == Standing.SentAgain && uncompressed)
        {
            return WritePath.Compare;
        }

        if (flush.Rows.Count < WritePolicy.CopyFromRows)
        {
            return WritePath.Insert;
        }

        var mayCopy = WritePolicy.MayCopy(flush, compressAfter, now);
        return WritePolicy.Choose(
            mayCopy, uncompressed,
            expected == Standing.New ? [Standing.New] : await AskAsync(connection, flush, askNewer: mayCopy, cancellationToken));
    }

    /// <returns>Null: not all of it is stored as it was sent; nothing was written.</returns>
    private async Task<IngestAnswer[]?> CompareAsync(NpgsqlConnection connection, Flush flush, CancellationToken cancellationToken)
    {
        IngestAnswer[] answers = [.. flush.Requests.Select(request => new IngestAnswer(0, request.Samples.Count, 0))];
        return events is not null && await IngestEvents.TryAddDuplicatesAsync(connection, flush, answers, cancellationToken) ? answers : null;
    }

    private static async Task<List<Standing>> AskAsync(
        NpgsqlConnection connection, Flush flush, bool askNewer, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(SampleSql.Standing(flush.First, flush.Last, askNewer), connection);
        SampleSql.AddColumn(command.Parameters, flush.Requests, NpgsqlDbType.Text, request => request.DeviceId);
        SampleSql.AddColumn(command.Parameters, flush.Requests, NpgsqlDbType.TimestampTz, request => request.Samples[0].Ts.UtcDateTime);
        SampleSql.AddColumn(command.Parameters, flush.Requests, NpgsqlDbType.TimestampTz, request => request.Samples[^1].Ts.UtcDateTime);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        List<Standing> standings = new(flush.Requests.Count);
        while (await row.ReadAsync(cancellationToken))
        {
            standings.Add(row.GetBoolean(0) ? Standing.SentAgain : row.GetBoolean(1) ? Standing.Between : Standing.New);
        }

        return standings;
    }

    // New single samples: no row of the audit, of the fleet's outbox or of a refresh goes with them.
    private bool GoAlone(Flush flush) =>
        flush.Requests.Count == flush.Rows.Count && outbox is not { IsOn: true } && !WritePolicy.IsLate(flush.First, time.GetUtcNow());

    /// <summary>A COPY is a transaction by itself: a BEGIN and a COMMIT would be one more answer to wait for.</summary>
    private async Task<IngestAnswer[]> CopyAsync(NpgsqlConnection connection, Flush flush, CancellationToken cancellationToken)
    {
        await SampleCopy.WriteAsync(connection, flush.Rows, cancellationToken);
        var answers = new IngestAnswer[flush.Requests.Count];
        Array.Fill(answers, new IngestAnswer(1, 0, 0));
        events?.AddSingles(flush.Requests, answers);
        return answers;
    }

    /// <param name="path">Compare has been tried: the insert finds out what differs.</param>
    private async Task<IngestAnswer[]> RunAsync(
        NpgsqlConnection connection, Flush flush, WritePath path, CancellationToken cancellationToken)
    {
        // The comparison must see what was committed while the insert waited: not a server's other default.
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        var inserted = new int[flush.Requests.Count];
        var conflicts = new int[flush.Requests.Count];
        if (path == WritePath.Copy)
        {
            await SampleCopy.WriteAsync(connection, flush.Rows, cancellationToken);
            CountAll(flush, inserted);
        }
        else
        {
            var found = path == WritePath.LookFirst
                ? await SampleComparison.ReadAsync(connection, flush, flush.Rows, cancellationToken)
                : null;
            // A release may change what stands between a look and a refusal; an insert waits for its end, and it for ours.
            if (found?.Found != flush.Rows.Count || found.Conflicting.Count > 0)
            {
                var others = await InsertAsync(connection, flush, inserted, cancellationToken);
                found = others.Count > 0 ? await SampleComparison.ReadAsync(connection, flush, others, cancellationToken) : null;
            }

            if (found is not null)
            {
                await KeepAsync(connection, flush, found, conflicts, cancellationToken);
            }
        }

        var answers = new IngestAnswer[flush.Requests.Count];
        for (var i = 0; i < answers.Length; i++)
        {
            answers[i] = new IngestAnswer(
                inserted[i], flush.Requests[i].Samples.Count - inserted[i] - conflicts[i], conflicts[i]);
        }

        if (WritePolicy.IsLate(flush.First, time.GetUtcNow()) && inserted.Sum() > 0)
        {
            await PendingRefresh.AddAsync(connection, flush.First, flush.Last, cancellationToken);
        }

        // In one round trip.
        await using NpgsqlBatch batch = new(connection);
        if (outbox?.Rows(flush.Requests, inserted) is { } stretches)
        {
            batch.BatchCommands.Add(stretches);
        }

        if (events is not null && IngestEvents.Rows(flush.Requests, answers) is { } rows)
        {
            batch.BatchCommands.Add(rows);
        }

        if (batch.BatchCommands.Count > 0)
        {
            batch.BatchCommands.Add(new("COMMIT"));
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }
        else
        {
            await transaction.CommitAsync(cancellationToken);
        }

        events?.AddSingles(flush.Requests, answers);
        return answers;
    }

    /// <returns>The rows that are not known to be inserted.</returns>
    private static async Task<IReadOnlyList<FlushRow>> InsertAsync(
        NpgsqlConnection connection, Flush flush, int[] inserted, CancellationToken cancellationToken)
    {
        var rows = flush.Rows;
        // Of one request the number says enough: a row of its own compares as equal.
        var alone = flush.Requests.Count == 1;
        await using var command = new NpgsqlCommand(alone ? SampleSql.Insert : SampleSql.InsertReturning, connection);
        SampleSql.AddRows(command.Parameters, rows);
        if (alone)
        {
            inserted[0] = await command.ExecuteNonQueryAsync(cancellationToken);
            return inserted[0] == rows.Count ? [] : rows;
        }

        HashSet<(string, DateTime)> keys = new(rows.Count);
        await using (var row = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await row.ReadAsync(cancellationToken))
            {
                keys.Add((row.GetString(0), row.GetDateTime(1)));
            }
        }

        List<FlushRow> others = [];
        foreach (var row in rows)
        {
            // The first of a key is the one that was inserted.
            if (keys.Remove((row.Batch.DeviceId, row.Sample.Ts.UtcDateTime)))
            {
                inserted[row.Request]++;
            }
            else
            {
                others.Add(row);
            }
        }

        return others;
    }

    /// <summary>Of what became no row: the values that differ, and the numbers that others stand for.</summary>
    private static async Task KeepAsync(
        NpgsqlConnection connection, Flush flush, SampleComparison found, int[] conflicts, CancellationToken cancellationToken)
    {
        foreach (var ofOne in found.Conflicting.GroupBy(row => row.Request))
        {
            var samples = ofOne.Select(row => row.Sample).ToList();
            conflicts[ofOne.Key] = samples.Count;
            await Quarantine.AddConflictsAsync(connection, flush.Requests[ofOne.Key], samples, cancellationToken);
        }

        foreach (var ofOne in found.Renumbered.GroupBy(row => row.Request))
        {
            await Quarantine.AddElsewhereAsync(
                connection, flush.Requests[ofOne.Key], [.. ofOne.Select(row => row.Sample)], cancellationToken);
        }
    }

    private static void CountAll(Flush flush, int[] inserted)
    {
        for (var i = 0; i < inserted.Length; i++)
        {
            inserted[i] = flush.Requests[i].Samples.Count;
        }
    }
}
