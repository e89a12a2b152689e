using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>Makes hypertables of the tables that grow with time, and keeps their policies at the settings. Looks before it changes
/// anything: a second start changes nothing. Runs in the transaction of its connection, under the lock of
/// <see cref="DatabaseStart"/>.</summary>
internal sealed class TimescaleBootstrap(NpgsqlConnection connection)
{
    // Compressed rows lie together by what queries ask for, and by time within that.
    private static readonly (string Table, string Time, string Segment, string Order)[] Hypertables =
    [
        ("sungrow_samples", "ts", "device_id", "ts DESC"),
        ("telemetry", "ts", "tenant, device_id", "ts DESC, type"),
        // By the key, whose order is that of time: an insert looks for its key, and otherwise unpacks every device of its minute.
        ("power_logs", "minute", "device_id, channel", "idempotency_key DESC, minute DESC"),
    ];

    private static readonly (string Table, string Time, string Segment, string Order) Fleet =
        (FleetMeasurements.Table, "ts", "customer_id, device_id", "ts DESC");

    /// <summary>The index of the chunk being written should fit in memory; a week's does for thousands of inverters.</summary>
    private static readonly TimeSpan ChunkInterval = TimeSpan.FromDays(7);

    public async Task<TimescaleServer> LookAsync(CancellationToken cancellationToken)
    {
        // The loader defines this parameter in every session; shared_preload_libraries itself may be hidden from an ordinary user.
        await using var command = Command(
            """
            SELECT (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'),
                   (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
                   current_setting('timescaledb.disable_load', true) IS NOT NULL
            """);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new(row.IsDBNull(0) ? null : row.GetString(0), row.IsDBNull(1) ? null : row.GetString(1), row.GetBoolean(2));
    }

    /// <returns>False where the database's user may not create it; the transaction goes on.</returns>
    public async Task<bool> TryCreateExtensionAsync(NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        await transaction.SaveAsync("extension", cancellationToken);
        try
        {
            await ExecuteAsync("CREATE EXTENSION IF NOT EXISTS timescaledb", cancellationToken);
            return true;
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            await transaction.RollbackAsync("extension", cancellationToken);
            return false;
        }
    }

    /// <returns>Whether old chunks are compressed and dropped: the server's Apache edition does neither.</returns>
    /// <param name="fleet">Also what other VPSs push.</param>
    public async Task<bool> ApplyAsync(StorageOptions options, bool fleet, CancellationToken cancellationToken)
    {
        var whole = true;
        foreach (var hypertable in Hypertables)
        {
            whole &= await ApplyAsync(hypertable, options.CompressAfter, options.RawRetention, cancellationToken);
        }

        return whole
            & (!fleet || await ApplyAsync(Fleet, FleetMeasurements.CompressAfter, options.RawRetention, cancellationToken));
    }

    /// <summary>A refresh that reaches back to where samples were dropped finds none, and takes their figures out of the aggregate. Ours
    /// does not; a policy that somebody added might.</summary>
    /// <exception cref="StartRefusedException">There is such a policy.</exception>
    public async Task RefuseErasingPolicyAsync(TimeSpan rawRetention, CancellationToken cancellationToken)
    {
        if (rawRetention == TimeSpan.Zero)
        {
            return;
        }

        // A chunk is dropped as a whole, and the job that does it may be a day late or early.
        var longest = rawRetention - ChunkInterval - TimeSpan.FromDays(1);
        // What is made of another aggregate has nothing to fear: that one is kept for ever.
        foreach (var aggregate in Aggregates.All.Where(each => each.Table != Aggregates.View))
        {
            await RefuseErasingPolicyAsync(aggregate.View, longest, cancellationToken);
        }
    }

    private async Task RefuseErasingPolicyAsync(string view, TimeSpan longest, CancellationToken cancellationToken)
    {
        var job = await AskAsync<int>(
            $"""
            SELECT job_id FROM timescaledb_information.jobs
            WHERE {Aggregates.Names(view, "hypertable")} AND proc_name = 'policy_refresh_continuous_aggregate'
              AND coalesce((config->>'start_offset')::interval > $1, true)
            """,
            cancellationToken, longest);
        if (job != 0)
        {
            throw new StartRefusedException(
                $"Job {job} of TimescaleDB refreshes {view} from before the oldest samples that Storage__RawRetention keeps, and would "
                + $"erase their figures; allowed is a start_offset up to {longest}, or none: remove_continuous_aggregate_policy.");
        }
    }

    private async Task<bool> ApplyAsync(
        (string Table, string Time, string Segment, string Order) hypertable, TimeSpan compressAfter, TimeSpan rawRetention,
        CancellationToken cancellationToken)
    {
        var (table, time, segment, order) = hypertable;
        // Null: no hypertable yet.
        var compressed =
            $"SELECT compression_enabled FROM timescaledb_information.hypertables WHERE {Aggregates.Names(table, "hypertable")}";
        if (await AskAsync<bool?>(compressed, cancellationToken) is null)
        {
            // migrate_data: plain PostgreSQL may have filled it before the extension came. No default index: it is on ts alone, which no
            // query of ours asks for, and costs a third of the inserts.
            await ExecuteAsync(
                """
                SELECT create_hypertable($1::text::regclass, $2, chunk_time_interval => $3::interval, create_default_indexes => false,
                                         migrate_data => true)
                """,
                cancellationToken, table, time, ChunkInterval);
        }

        if (await AskAsync<string>("SELECT current_setting('timescaledb.license')", cancellationToken) != "timescale")
        {
            return false;
        }

        if (await AskAsync<bool?>(compressed, cancellationToken) == false)
        {
            await ExecuteAsync(
                $"""
                ALTER TABLE {table} SET (timescaledb.compress, timescaledb.compress_segmentby = '{segment}',
                                         timescaledb.compress_orderby = '{order}')
                """,
                cancellationToken);
        }

        await KeepPolicyAsync(table, "compression", "compress_after", compressAfter, cancellationToken);
        await KeepPolicyAsync(table, "retention", "drop_after", rawRetention, cancellationToken);
        return true;
    }

    /// <param name="after">Zero: no such policy.</param>
    private async Task KeepPolicyAsync(string table, string policy, string key, TimeSpan after, CancellationToken cancellationToken)
    {
        // Adding a policy again with another interval only warns and keeps the old one.
        var isAsSet = await AskAsync<bool?>(
            $"""
            SELECT (config->>$1)::interval = $3 FROM timescaledb_information.jobs
            WHERE {Aggregates.Names(table, "hypertable")} AND proc_name = 'policy_' || $2
            """,
            cancellationToken, key, policy, after);
        if (isAsSet == true)
        {
            return;
        }

        if (isAsSet == false)
        {
            await ExecuteAsync($"SELECT remove_{policy}_policy($1::text::regclass)", cancellationToken, table);
        }

        if (after > TimeSpan.Zero)
        {
            await ExecuteAsync($"SELECT add_{policy}_policy($1::text::regclass, {key} => $2::interval)", cancellationToken, table, after);
        }
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<T?> AskAsync<T>(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteScalarAsync(cancellationToken) is T answer ? answer : default;
    }

    private NpgsqlCommand Command(string sql, params object[] values)
    {
        // Moving the rows of a grown table into chunks takes as long as it takes.
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return command;
    }
}
