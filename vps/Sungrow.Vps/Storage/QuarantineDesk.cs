using Npgsql;
using NpgsqlTypes;

namespace Sungrow.Vps.Storage;

/// <summary>One row of quarantine as an operator sees it.</summary>
/// <param name="Ts">Null where the sender named none.</param>
/// <param name="Payload">JSON; null over the bound and once dropped.</param>
internal sealed record QuarantinedRow(
    long Id, string DeviceId, DateTimeOffset? Ts, string Code, DateTimeOffset ReceivedAt, string? Payload, Guid? BufferId, long? Seq,
    string? Resolution, DateTimeOffset? ResolvedAt);

/// <param name="DeviceId">Null: of all.</param>
/// <param name="Code">Null: all.</param>
/// <param name="Resolved">Also what an operator has dealt with.</param>
internal sealed record QuarantineFilter(string? DeviceId, string? Code, bool Resolved, int Limit);

/// <summary>What an operator does with quarantine. All but looking is in the caller's transaction, together with its event.</summary>
internal static class QuarantineDesk
{
    private const string Columns = "id, device_id, ts, code, received_at, payload::text, buffer_id, seq, resolution, resolved_at";

    // A release compares a stored row with a refused one and changes both. Writers of either wait for its end, a few milliseconds, and it
    // waits for theirs; readers of both pass. ONLY: a writer of any chunk holds the hypertable too.
    private const string Hold =
        """
        SET LOCAL lock_timeout = '10s';
        LOCK TABLE ONLY sungrow_samples, ONLY telemetry, quarantine IN SHARE ROW EXCLUSIVE MODE
        """;

    private const string AddEvent =
        """
        INSERT INTO ingest_events (device_id, summed, requests, inserted, duplicates, conflicts, buffer_id, first_ts, last_ts, code, actor)
        VALUES ($1, false, 0, 0, 0, 0, $2, $3, $3, $4, $5)
        """;

    private const string AddReplaced =
        """
        INSERT INTO quarantine (device_id, ts, code, payload_hash, payload, buffer_id, seq, received_at, resolution, resolved_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'REPLACED', now())
        ON CONFLICT (device_id, ts, code, payload_hash) DO NOTHING
        """;

    /// <summary>The newest first.</summary>
    public static async Task<List<QuarantinedRow>> ListAsync(
        NpgsqlConnection connection, QuarantineFilter filter, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"""
            SELECT {Columns} FROM quarantine
            WHERE ($1 IS NULL OR device_id = $1) AND ($2 IS NULL OR code = $2) AND ($3 OR resolution IS NULL)
            ORDER BY id DESC LIMIT $4
            """,
            connection)
        {
            Parameters =
            {
                Text(filter.DeviceId), Text(filter.Code), new() { Value = filter.Resolved }, new() { Value = filter.Limit },
            },
        };
        List<QuarantinedRow> rows = [];
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            rows.Add(Read(row));
        }

        return rows;
    }

    public static async Task<QuarantinedRow?> FindAsync(NpgsqlConnection connection, long id, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand($"SELECT {Columns} FROM quarantine WHERE id = $1", connection)
        {
            Parameters = { new() { Value = id } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? Read(row) : null;
    }

    /// <summary>Until the transaction ends nobody writes samples, telemetry or quarantine.</summary>
    public static async Task HoldAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Hold, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The payload goes; the key stays, as a buffer's balance counts it.</summary>
    public static async Task DropAsync(NpgsqlConnection connection, QuarantinedRow row, string actor, CancellationToken cancellationToken)
    {
        await ExecuteAsync(
            connection, "UPDATE quarantine SET payload = NULL, resolution = 'DROPPED', resolved_at = now() WHERE id = $1",
            cancellationToken, new NpgsqlParameter { Value = row.Id });
        await AddEventAsync(connection, row, "DROPPED", actor, cancellationToken);
    }

    /// <summary>What is stored now is no longer refused.</summary>
    /// <param name="replaced">What stood in its place: it is what quarantine holds from now on, so that a release can be undone.</param>
    public static async Task MarkReleasedAsync(
        NpgsqlConnection connection, QuarantinedRow row, QuarantinedRow? replaced, string actor, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, "DELETE FROM quarantine WHERE id = $1", cancellationToken, new NpgsqlParameter { Value = row.Id });
        if (replaced is { Payload: { } payload, Ts: { } ts })
        {
            await ExecuteAsync(
                connection, AddReplaced, cancellationToken,
                new NpgsqlParameter { Value = row.DeviceId }, new NpgsqlParameter { Value = ts.UtcDateTime },
                new NpgsqlParameter { Value = replaced.Code }, new NpgsqlParameter { Value = Quarantine.HashOf(replaced.Code, payload) },
                new NpgsqlParameter { Value = payload, NpgsqlDbType = NpgsqlDbType.Jsonb },
                Parameter(replaced.BufferId, NpgsqlDbType.Uuid), Parameter(replaced.Seq, NpgsqlDbType.Bigint),
                new NpgsqlParameter { Value = replaced.ReceivedAt.UtcDateTime });
        }

        await AddEventAsync(connection, row, "RELEASED", actor, cancellationToken);
    }

    private static Task AddEventAsync(
        NpgsqlConnection connection, QuarantinedRow row, string code, string actor, CancellationToken cancellationToken) =>
        ExecuteAsync(
            connection, AddEvent, cancellationToken,
            new NpgsqlParameter { Value = row.DeviceId }, Parameter(row.BufferId, NpgsqlDbType.Uuid),
            Parameter(row.Ts?.UtcDateTime ?? row.ReceivedAt.UtcDateTime, NpgsqlDbType.TimestampTz),
            new NpgsqlParameter { Value = code }, new NpgsqlParameter { Value = actor });

    private static async Task ExecuteAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static QuarantinedRow Read(NpgsqlDataReader row) =>
        new(
            row.GetInt64(0), row.GetString(1), row.GetDateTime(2) == DateTime.MinValue ? null : row.GetFieldValue<DateTimeOffset>(2),
            row.GetString(3), row.GetFieldValue<DateTimeOffset>(4), row.IsDBNull(5) ? null : row.GetString(5),
            row.IsDBNull(6) ? null : row.GetGuid(6), row.IsDBNull(7) ? null : row.GetInt64(7),
            row.IsDBNull(8) ? null : row.GetString(8), row.IsDBNull(9) ? null : row.GetFieldValue<DateTimeOffset>(9));

    private static NpgsqlParameter Text(string? value) => Parameter(value, NpgsqlDbType.Text);

    private static NpgsqlParameter Parameter(object? value, NpgsqlDbType type) =>
        new() { Value = value ?? DBNull.Value, NpgsqlDbType = type };
}
