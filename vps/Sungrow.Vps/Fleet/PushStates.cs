using Npgsql;
using NpgsqlTypes;

namespace Sungrow.Vps.Fleet;

/// <summary>The rows of <c>fleet_push_state</c>: how each resource goes, for whichever replica pushes next; and that pushing is switched on
/// at all, which is when the past goes into the outbox.</summary>
internal static class PushStates
{
    /// <summary>Replicas are switched on one after the other, and what the last of them took before stands in no outbox: who starts this
    /// soon after the first enqueues the past once more. It costs duplicates.</summary>
    private static readonly TimeSpan Rollout = TimeSpan.FromHours(1);

    /// <summary>Where pushing is switched off: the next time it is on, the past is enqueued again.</summary>
    public static async Task ForgetAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("DELETE FROM fleet_push_state", connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <param name="isStart">Of this process: a person may have mended what failed, so nobody waits for the next try.</param>
    /// <returns>The devices whose past has been enqueued now; null where there was nothing to do.</returns>
    public static async Task<int?> EnsureAsync(NpgsqlConnection connection, bool isStart, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var begin = new NpgsqlCommand(
            """
            INSERT INTO fleet_push_state AS known (resource, failures)
            SELECT resource, 0 FROM unnest(ARRAY['sites', 'devices', 'measurements']) AS resource
            ON CONFLICT (resource) DO UPDATE SET next_try = NULL WHERE $1
            RETURNING since > now() - $2
            """,
            connection)
        {
            Parameters = { new() { Value = isStart }, new() { Value = Rollout } },
        };
        if (await begin.ExecuteScalarAsync(cancellationToken) is not true)
        {
            await transaction.CommitAsync(cancellationToken);
            return null;
        }

        // The first and the last of each by the key: no look at what lies between. Whatever lies there by the time it is read is pushed.
        await using var enqueue = new NpgsqlCommand(
            """
            INSERT INTO fleet_outbox (device_id, from_ts, to_ts)
            SELECT devices.device_id, oldest.ts, newest.ts FROM devices
            CROSS JOIN LATERAL (SELECT ts FROM sungrow_samples WHERE device_id = devices.device_id ORDER BY ts LIMIT 1) AS oldest
            CROSS JOIN LATERAL (SELECT ts FROM sungrow_samples WHERE device_id = devices.device_id ORDER BY ts DESC LIMIT 1) AS newest
            ORDER BY devices.device_id
            """,
            connection)
        {
            CommandTimeout = 0,
        };
        var devices = await enqueue.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return devices;
    }

    public static async Task<PushState> ReadAsync(NpgsqlConnection connection, string resource, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "SELECT failures, next_try, succeeded_at, error FROM fleet_push_state WHERE resource = $1", connection)
        {
            Parameters = { new() { Value = resource } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? new(resource, row.GetInt32(0), Time(1), Time(2), row.IsDBNull(3) ? null : row.GetString(3))
            : new(resource, 0, null, null, null);

        DateTimeOffset? Time(int column) => row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
    }

    public static async Task WriteAsync(NpgsqlConnection connection, PushState state, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "UPDATE fleet_push_state SET failures = $2, next_try = $3, succeeded_at = $4, error = $5 WHERE resource = $1", connection);
        command.Parameters.Add(new() { Value = state.Resource });
        command.Parameters.Add(new() { Value = state.Failures });
        Add(state.NextTry?.UtcDateTime, NpgsqlDbType.TimestampTz);
        Add(state.SucceededAt?.UtcDateTime, NpgsqlDbType.TimestampTz);
        Add(state.Error, NpgsqlDbType.Text);
        await command.ExecuteNonQueryAsync(cancellationToken);

        void Add(object? value, NpgsqlDbType type) => command.Parameters.Add(new() { Value = value ?? DBNull.Value, NpgsqlDbType = type });
    }
}
