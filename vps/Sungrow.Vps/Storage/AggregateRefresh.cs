using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>Keeps the continuous aggregates true: every few seconds what <c>pending_refresh</c> asks for, each minute the last days. Not
/// TimescaleDB's own policy: after days without one it would refresh the last days alone, and what lies before them would be seen by
/// nobody. One replica at a time. At shutdown the piece under way is finished, and the rest stays asked for.</summary>
internal sealed class AggregateRefresh(Database database, TimeProvider time, ILogger<AggregateRefresh> log) : BackgroundService
{
    // Beside DatabaseStart's: "sungrow" + 1.
    public const long LockKey = 0x73_75_6e_67_72_6f_78;

    private const int RowsPerRun = 10_000;
    private const int RunsPerRegular = 12;
    private const int PieceTimeoutSeconds = 600;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    /// <summary>Refreshes what is asked for now.</summary>
    /// <param name="regular">Also the last days.</param>
    /// <returns>False when another replica is at it.</returns>
    public async Task<bool> RunAsync(bool regular, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        if (!regular && !await AskAsync<bool>(connection, "SELECT EXISTS (SELECT FROM pending_refresh)", cancellationToken))
        {
            return true;
        }

        if (!await AskAsync<bool>(connection, $"SELECT pg_try_advisory_lock({LockKey})", cancellationToken))
        {
            return false;
        }

        try
        {
            foreach (var aggregate in Aggregates.All)
            {
                if (await Aggregates.IsContinuousAsync(connection, aggregate.View, cancellationToken))
                {
                    await RefreshAsync(connection, aggregate, regular, cancellationToken);
                }
                else
                {
                    await ExecuteAsync(connection, "DELETE FROM pending_refresh WHERE view = $1", aggregate.View); // A view is always true.
                }
            }

            return true;
        }
        finally
        {
            await UnlockAsync(connection);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var run = 0; ; run = (run + 1) % RunsPerRegular)
        {
            await Task.Delay(Pause, time, stoppingToken);
            try
            {
                await RunAsync(regular: run == 0, stoppingToken);
            }
            catch (DatabaseNotReadyException)
            {
                // The start says why.
            }
            catch (Exception failure)
                when (failure is not OperationCanceledException && (failure is NpgsqlException || DatabaseErrors.IsUnavailable(failure)))
            {
                log.RefreshWaits(DatabaseErrors.Describe(failure)); // The rows are still there; the next run takes them.
            }
        }
    }

    private async Task RefreshAsync(
        NpgsqlConnection connection, KeptAggregate aggregate, bool regular, CancellationToken cancellationToken)
    {
        var pending = await ReadPendingAsync(connection, aggregate.View, cancellationToken);
        var oldest = await OldestAsync(connection, aggregate.Table, cancellationToken);
        var watermark = await WatermarkAsync(connection, aggregate.View, cancellationToken);
        foreach (var range in RefreshPolicy.Plan(aggregate, pending, regular, watermark, oldest, time.GetUtcNow()))
        {
            foreach (var (from, to) in RefreshPolicy.Pieces(range))
            {
                cancellationToken.ThrowIfCancellationRequested();
                // Alone in its statement, which is its transaction. To its end, whoever wants to stop: a piece is short.
                await ExecuteAsync(
                    connection,
                    $"CALL refresh_continuous_aggregate('{aggregate.View}', {Aggregates.Literal(from)}, {Aggregates.Literal(to)})");
            }

            if (range.Ids.Count > 0 && aggregate.Next is { } next)
            {
                // Its turn comes in this same run, and after a crash in the next.
                await ExecuteAsync(connection, "UPDATE pending_refresh SET view = $2 WHERE id = ANY($1)", range.Ids.ToArray(), next);
            }
            else if (range.Ids.Count > 0)
            {
                await ExecuteAsync(connection, "DELETE FROM pending_refresh WHERE id = ANY($1)", range.Ids.ToArray());
                log.Refreshed(aggregate.View, range.From, range.To, range.Ids.Count);
            }
        }
    }

    private static async Task<List<PendingRange>> ReadPendingAsync(
        NpgsqlConnection connection, string view, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"SELECT id, from_ts, to_ts FROM pending_refresh WHERE view = '{view}' ORDER BY from_ts LIMIT {RowsPerRun}", connection);
        List<PendingRange> pending = [];
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            pending.Add(new(row.GetInt64(0), row.GetFieldValue<DateTimeOffset>(1), row.GetFieldValue<DateTimeOffset>(2)));
        }

        return pending;
    }

    // The oldest chunk that retention leaves alone for a while; without retention the oldest. Null: there are none. What is made of another
    // aggregate goes back as far as that one does, which is kept longer than the samples.
    private static async Task<DateTimeOffset?> OldestAsync(
        NpgsqlConnection connection, string table, CancellationToken cancellationToken) =>
        await AskAsync<DateTime?>(
            connection,
            $"""
            SELECT min(range_start) FROM timescaledb_information.chunks
            WHERE ({Aggregates.Names(table, "hypertable")}
               OR (hypertable_schema, hypertable_name) = (
                   SELECT materialization_hypertable_schema, materialization_hypertable_name
                   FROM timescaledb_information.continuous_aggregates WHERE {Aggregates.Names(table, "view")}))
            AND range_end > coalesce(
                (SELECT now() - (config->>'drop_after')::interval + $1 FROM timescaledb_information.jobs
                 WHERE {Aggregates.Names(table, "hypertable")} AND proc_name = 'policy_retention'),
                '-infinity')
            """,
            cancellationToken, RefreshPolicy.DropMargin) is { } oldest ? new DateTimeOffset(oldest, TimeSpan.Zero) : null;

    private static async Task<DateTimeOffset> WatermarkAsync(
        NpgsqlConnection connection, string view, CancellationToken cancellationToken) =>
        // Of an aggregate that was never refreshed it is long before Christ, which .NET has no time for.
        new(await AskAsync<DateTime>(
            connection,
            $"""
            SELECT greatest(_timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(hypertable.id)),
                            TIMESTAMPTZ '2000-01-01 00:00:00+00')
            FROM timescaledb_information.continuous_aggregates AS aggregate
            JOIN _timescaledb_catalog.hypertable ON hypertable.table_name = aggregate.materialization_hypertable_name
            WHERE {Aggregates.Names(view, "view")}
            """,
            cancellationToken), TimeSpan.Zero);

    private async Task UnlockAsync(NpgsqlConnection connection)
    {
        try
        {
            await ExecuteAsync(connection, $"SELECT pg_advisory_unlock({LockKey})");
        }
        catch (Exception gone) when (gone is NpgsqlException or InvalidOperationException)
        {
            log.RefreshWaits(DatabaseErrors.Describe(gone)); // The session has ended, and its lock with it.
        }
    }

    private static async Task<T?> AskAsync<T>(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(connection, sql, values);
        return await command.ExecuteScalarAsync(cancellationToken) is T answer ? answer : default;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, params object[] values)
    {
        await using var command = Command(connection, sql, values);
        command.CommandTimeout = PieceTimeoutSeconds;
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, object[] values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return command;
    }
}
