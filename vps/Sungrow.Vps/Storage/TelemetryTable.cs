using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>What a device that is no inverter sent, ready to be stored.</summary>
/// <param name="Type"><see cref="Telemetry"/> or <see cref="Heartbeat"/>.</param>
/// <param name="Metrics">A JSON object as PostgreSQL can hold it.</param>
internal sealed record TelemetryRecord(string Tenant, string DeviceId, string SiteId, DateTimeOffset Ts, string Type, string Metrics)
{
    public const string Telemetry = "telemetry";
    public const string Heartbeat = "heartbeat";
}

/// <summary>Telemetry, each record once by its key (tenant, device, ts, type). What comes again with other metrics is counted as a
/// duplicate and kept in quarantine: its sender has been told that it arrived.</summary>
internal sealed class TelemetryTable(Database database)
{
    // "Last seen" to the minute: once for many records.
    private const string Insert =
        """
        WITH seen AS (
            UPDATE devices SET last_seen = now(), first_seen = coalesce(first_seen, now())
            WHERE device_id = $2 AND (last_seen IS NULL OR last_seen < now() - interval '1 minute'))
        INSERT INTO telemetry (tenant, device_id, ts, type, site_id, metrics) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant, device_id, ts, type) DO NOTHING
        """;

    // {0} is a literal, so that the planner leaves out every other chunk.
    private static readonly CompositeFormat Stored = CompositeFormat.Parse(
        """
        SELECT site_id, metrics::text, metrics IS DISTINCT FROM $6 FROM telemetry
        WHERE tenant = $1 AND device_id = $2 AND ts = $3 AND type = $4 AND ts = TIMESTAMPTZ '{0}'
        """);

    private static readonly CompositeFormat Update = CompositeFormat.Parse(
        """
        UPDATE telemetry SET site_id = $5, metrics = $6, received_at = now()
        WHERE tenant = $1 AND device_id = $2 AND ts = $3 AND type = $4 AND ts = TIMESTAMPTZ '{0}'
        """);

    /// <returns>False for a duplicate.</returns>
    public async Task<bool> AddAsync(TelemetryRecord record, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var inserted = await ExecuteAsync(connection, Insert, record, cancellationToken) == 1;
        if (!inserted && await FindAsync(connection, record, cancellationToken) is { Differs: true })
        {
            await Quarantine.AddTelemetryAsync(
                connection,
                new(record.DeviceId, record.Ts, ErrorCodes.ConflictingTelemetry, QuarantinedTelemetry.Of(record)),
                cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return inserted;
    }

    public async Task RefuseAsync(RefusedTelemetry refused, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await Quarantine.AddTelemetryAsync(connection, refused, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>In the caller's transaction: the record stands under its key, whatever stood there.</summary>
    /// <returns>What stood there and is different; null otherwise.</returns>
    public static async Task<TelemetryRecord?> PutAsync(
        NpgsqlConnection connection, TelemetryRecord record, CancellationToken cancellationToken)
    {
        if (await ExecuteAsync(connection, Insert, record, cancellationToken) == 1
            || await FindAsync(connection, record, cancellationToken) is not { Differs: true } stored)
        {
            return null;
        }

        await ExecuteAsync(connection, Bounded(Update, record), record, cancellationToken);
        return record with { SiteId = stored.SiteId, Metrics = stored.Metrics };
    }

    private static async Task<(string SiteId, string Metrics, bool Differs)?> FindAsync(
        NpgsqlConnection connection, TelemetryRecord record, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, Bounded(Stored, record), record);
        command.Parameters[4].Value = DBNull.Value;
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? (row.GetString(0), row.GetString(1), row.GetBoolean(2)) : null;
    }

    private static async Task<int> ExecuteAsync(
        NpgsqlConnection connection, string sql, TelemetryRecord record, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, sql, record);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string Bounded(CompositeFormat sql, TelemetryRecord record) =>
        string.Format(CultureInfo.InvariantCulture, sql, Rfc3339.Write(record.Ts));

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, TelemetryRecord record) =>
        new(sql, connection)
        {
            Parameters =
            {
                new() { Value = record.Tenant },
                new() { Value = record.DeviceId },
                new() { Value = record.Ts.UtcDateTime },
                new() { Value = record.Type },
                new() { Value = record.SiteId, NpgsqlDbType = NpgsqlDbType.Text },
                new() { Value = record.Metrics, NpgsqlDbType = NpgsqlDbType.Jsonb },
            },
        };
}
