using Npgsql;

namespace Sungrow.Vps.Fleet;

/// <summary>The full sets of this VPS, as they are pushed.</summary>
internal static class FleetSource
{
    public static Task<List<SiteEntry>> SitesAsync(NpgsqlConnection connection, CancellationToken cancellationToken) => QueryAsync(
        connection,
        """
        SELECT tenants.name || '/' || sites.name, sites.name, sites.time_zone FROM sites JOIN tenants ON tenants.id = sites.tenant_id ORDER BY 1
        """,
        row => new SiteEntry(row.GetString(0), row.GetString(1), row.GetString(2)),
        cancellationToken);

    public static Task<List<DeviceEntry>> DevicesAsync(NpgsqlConnection connection, CancellationToken cancellationToken) => QueryAsync(
        connection,
        """
        SELECT devices.device_id, tenants.name || '/' || sites.name, buffer.inverter_model, buffer.inverter_serial, devices.status,
               devices.poll_interval_s, devices.first_seen, devices.last_seen
        FROM devices JOIN sites ON sites.id = devices.site_id JOIN tenants ON tenants.id = sites.tenant_id
        LEFT JOIN LATERAL (
            SELECT * FROM buffers WHERE buffers.device_id = devices.device_id ORDER BY received_at DESC LIMIT 1) AS buffer ON true
        ORDER BY devices.device_id
        """,
        row => new DeviceEntry(
            row.GetString(0), row.GetString(1), Text(row, 2), Text(row, 3), row.GetString(4), row.GetDouble(5), Time(row, 6), Time(row, 7)),
        cancellationToken);

    private static async Task<List<T>> QueryAsync<T>(
        NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        List<T> entries = [];
        while (await row.ReadAsync(cancellationToken))
        {
            entries.Add(read(row));
        }

        return entries;
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static DateTimeOffset? Time(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
}
