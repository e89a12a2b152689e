using System.Collections.Concurrent;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices;

/// <summary>What a report is answered with.</summary>
internal sealed record Asks(IReadOnlyList<ResendRange> Resend, DateTimeOffset? RepeatSince)
{
    public static readonly Asks Nothing = new([], null);
}

/// <summary>Holds each report against what is stored here. What was counted once is kept in <c>buffer_balance</c>, so that a report costs
/// the rows that came since the last one and no more. Only where those do not add up, all rows of the device are searched, at most once an
/// hour, and the numbers that are not here are asked for.</summary>
internal sealed class BufferBalance(Database database, ReportMetrics metrics, TimeProvider time, ILogger<BufferBalance> log)
    : IDisposable
{
    // Of all that wait for the database: after a restore every device is searched.
    private const int ChecksAtOnce = 10;

    // A check that takes longer is worth less than the answer that waits for it.
    private static readonly TimeSpan LongestCheck = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _checks = new(ChecksAtOnce);
    private readonly ConcurrentDictionary<string, bool> _underCheck = new();

    /// <summary>The report itself is kept already: what cannot be checked now is checked with the next one. One device has one check at a
    /// time, so that no token takes every connection.</summary>
    public async Task<Asks> TryCheckAsync(string deviceId, EdgeReport report, CancellationToken cancellationToken)
    {
        if (!_underCheck.TryAdd(deviceId, true))
        {
            return Asks.Nothing;
        }

        using var deadline = new CancellationTokenSource(LongestCheck, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await _checks.WaitAsync(either.Token);
            try
            {
                return await CheckAsync(deviceId, report, either.Token);
            }
            finally
            {
                _checks.Release();
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            log.BalanceNotChecked(deviceId, report.BufferId, $"it takes longer than {LongestCheck.TotalSeconds} s");
            return Asks.Nothing;
        }
        catch (Exception failure)
            when (failure is not OperationCanceledException && (failure is NpgsqlException || DatabaseErrors.IsUnavailable(failure)))
        {
            log.BalanceNotChecked(deviceId, report.BufferId, DatabaseErrors.Describe(failure));
            return Asks.Nothing;
        }
        finally
        {
            _underCheck.TryRemove(deviceId, out _);
        }
    }

    public void Dispose() => _checks.Dispose();

    private async Task<Asks> CheckAsync(string deviceId, EdgeReport report, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        var table = new BufferBalanceTable(connection, report.BufferId, deviceId);
        var (before, now) = await table.ReadAsync(cancellationToken);
        if (BufferSighting.IsLate(before, report))
        {
            return Asks.Nothing;
        }

        var account = See(deviceId, before, report, now) with { Reports = before.Reports + 1, ReportedAt = now };
        IReadOnlyList<ResendRange> resend = [];
        if (!Balance.IsComparable(account, report, now))
        {
            account = account with { Verdict = Balance.Unchecked };
        }
        else
        {
            var found = await CountAsync(connection, account, report, everywhere: false, cancellationToken);
            var difference = Balance.DifferenceOf(account, report, found);
            if (difference > 0 && Balance.MaySearch(await table.ReadSearchedAtAsync(cancellationToken), now))
            {
                // Said first: a search that does not end is not begun anew with each report, and not for ever.
                account = account with { SearchedAt = now, Asked = account.Asked + 1 };
                if (!await table.SaveAsync(account, cancellationToken))
                {
                    return Asks.Nothing;
                }

                account = account with { Reports = account.Reports + 1 };
                (account, found) = await SearchAsync(connection, account, report, cancellationToken);
                difference = Balance.DifferenceOf(account, report, found);
                if (difference > 0 && !Balance.IsGivenUp(account))
                {
                    resend = await FindMissingAsync(connection, account, report, deviceId, cancellationToken);
                }
            }

            account = Judge(deviceId, account, report, found, difference, now);
        }

        var asks = new Asks(resend, Balance.RepeatSince(before, report, now));
        return await table.SaveAsync(account, cancellationToken) ? asks : Asks.Nothing;
    }

    private BufferAccount See(string deviceId, BufferAccount before, EdgeReport report, DateTimeOffset now)
    {
        var anomaly = BufferSighting.Anomaly(before, report);
        if (anomaly is not null && anomaly != before.Anomaly)
        {
            log.BufferCopied(deviceId, report.BufferId, anomaly);
        }

        // Of an older copy everything is counted anew.
        var account = anomaly == BufferSighting.Restored
            ? before with { Cursors = BufferAccount.Unknown.Cursors, Found = default, RowsSince = null, Unexplained = 0, Asked = 0 }
            : before;
        return account with
        {
            SentAt = report.SentAt,
            Committed = report.Counters.Committed,
            Runs = BufferSighting.Remember(before.Runs, report),
            Anomaly = anomaly ?? before.Anomaly,
            AnomalyAt = anomaly is null ? before.AnomalyAt : now,
        };
    }

    private BufferAccount Judge(
        string deviceId, BufferAccount account, EdgeReport report, Found found, long difference, DateTimeOffset now)
    {
        var verdict = Balance.VerdictOf(account, report, difference);
        if (verdict != Balance.Balanced && (verdict, difference) != (account.Verdict, account.Difference))
        {
            metrics.Mismatched(verdict);
            log.BufferDoesNotBalance(deviceId, report.BufferId, verdict, difference);
        }

        account = account with { Verdict = verdict, Difference = difference };
        if (found.Doubled > 0 && account.Anomaly is null)
        {
            // Two rows under one number: two files gave it out.
            log.BufferCopied(deviceId, report.BufferId, BufferSighting.Cloned);
            account = account with { Anomaly = BufferSighting.Cloned, AnomalyAt = now };
        }

        var givenUp = difference > 0 && Balance.IsGivenUp(account);
        if (givenUp)
        {
            log.RowsGivenUp(deviceId, report.BufferId, difference);
        }

        return difference > 0 && !givenUp
            ? account // The same rows are looked for again, when those that were asked for have come.
            : account with
            {
                Cursors = report.Cursors,
                // What is past these cursors was past the last ones too.
                RowsSince = Balance.RowsSince(report) ?? account.RowsSince,
                CheckedAt = now,
                Found = account.Found + found,
                Unexplained = account.Unexplained + Math.Max(0, difference),
                Asked = 0,
            };
    }

    private static async Task<(BufferAccount Account, Found Found)> SearchAsync(
        NpgsqlConnection connection, BufferAccount account, EdgeReport report, CancellationToken cancellationToken)
    {
        var found = await CountAsync(connection, account, report, everywhere: true, cancellationToken);
        if (Balance.DifferenceOf(account, report, found) <= 0)
        {
            return (account, found);
        }

        // A row behind the cursor that was stored before the last check, and acknowledged after it, was counted in neither. Where
        // retention has removed rows since, what was counted before is more.
        var all = await CountAsync(connection, BufferAccount.Unknown, report, everywhere: true, cancellationToken);
        return all.Rows > (account.Found + found).Rows ? (account with { Found = default }, all) : (account, found);
    }

    private static async Task<Found> CountAsync(
        NpgsqlConnection connection, BufferAccount account, EdgeReport report, bool everywhere, CancellationToken cancellationToken)
    {
        var found = default(Found);
        foreach (var (device, cursor) in report.Cursors)
        {
            var counted = account.Cursors.GetValueOrDefault(device);
            // Rows that were held, or dead-lettered and tried again, arrive behind the cursor.
            var numbers = everywhere && account.CheckedAt is not null
                ? "((seq > $3 AND seq <= $4) OR (seq <= $3 AND received_at > $5))"
                : "seq > $3 AND seq <= $4";
            await using var command = new NpgsqlCommand(
                $"""
                SELECT count(*) FILTER (WHERE place = 0), count(*) FILTER (WHERE place = 1), count(*) FILTER (WHERE place = 2),
                       coalesce(sum(times - 1) FILTER (WHERE place = 0), 0)::bigint
                FROM (
                    SELECT seq, min(place) AS place, count(*) FILTER (WHERE place = 0) AS times
                    FROM (
                        SELECT seq, 0 AS place FROM sungrow_samples
                        WHERE device_id = $1 AND buffer_id = $2 AND {numbers}{(everywhere ? "" : Times(account, report))}
                        UNION ALL
                        SELECT seq, 1 FROM quarantine WHERE device_id = $1 AND buffer_id = $2 AND code = $6 AND {numbers}
                        UNION ALL
                        SELECT seq, 2 FROM elsewhere WHERE device_id = $1 AND buffer_id = $2 AND {numbers}
                    ) AS rows
                    GROUP BY seq
                ) AS numbers
                """,
                connection);
            command.Parameters.Add(new() { Value = device });
            command.Parameters.Add(new() { Value = report.BufferId });
            command.Parameters.Add(new() { Value = counted });
            command.Parameters.Add(new() { Value = cursor });
            command.Parameters.Add(new() { Value = (object?)account.CheckedAt ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
            command.Parameters.Add(new() { Value = ErrorCodes.ConflictingSample });
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            await row.ReadAsync(cancellationToken);
            found += new Found(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3));
        }

        return found;
    }

    // As literals, so that the planner leaves out every other chunk.
    private static string Times(BufferAccount account, EdgeReport report) =>
        (account.RowsSince is { } since ? $" AND ts >= TIMESTAMPTZ '{Rfc3339.Write(since)}'" : "")
        + (Balance.RowsUntil(report) is { } until ? $" AND ts <= TIMESTAMPTZ '{Rfc3339.Write(until)}'" : "");

    /// <summary>Numbers that the device's cursor has passed and that are neither here nor reported as missing.</summary>
    private static async Task<IReadOnlyList<ResendRange>> FindMissingAsync(
        NpgsqlConnection connection, BufferAccount account, EdgeReport report, string deviceId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT reached + 1, from_seq - 1
            FROM (
                SELECT from_seq,
                       max(to_seq) OVER (ORDER BY from_seq, to_seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
                FROM (
                    SELECT $3 AS from_seq, $3 AS to_seq
                    UNION ALL
                    SELECT seq, seq FROM sungrow_samples
                    WHERE device_id = ANY ($1) AND buffer_id = $2 AND seq > $3 AND seq <= $4
                    UNION ALL
                    SELECT seq, seq FROM quarantine WHERE buffer_id = $2 AND code = $5 AND seq > $3 AND seq <= $4
                    UNION ALL
                    SELECT seq, seq FROM elsewhere WHERE buffer_id = $2 AND seq > $3 AND seq <= $4
                    UNION ALL
                    SELECT from_seq, to_seq FROM missing_ranges WHERE buffer_id = $2 AND rows > 0 AND to_seq > $3 AND from_seq <= $4
                    UNION ALL
                    SELECT past, past FROM (SELECT least($4, 9223372036854775806) + 1 AS past) AS cursor
                ) AS known
            ) AS steps
            WHERE from_seq - 1 > reached
            ORDER BY from_seq
            LIMIT $6
            """,
            connection);
        command.Parameters.Add(new() { Value = report.Cursors.Keys.ToArray() });
        command.Parameters.Add(new() { Value = report.BufferId });
        command.Parameters.Add(new() { Value = account.Cursors.GetValueOrDefault(deviceId) });
        command.Parameters.Add(new() { Value = report.Cursors.GetValueOrDefault(deviceId) });
        command.Parameters.Add(new() { Value = ErrorCodes.ConflictingSample });
        command.Parameters.Add(new() { Value = ProtocolLimits.MaxReportEntries });
        List<ResendRange> ranges = [];
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            ranges.Add(new(report.BufferId, row.GetInt64(0), row.GetInt64(1)));
        }

        return ranges;
    }
}
