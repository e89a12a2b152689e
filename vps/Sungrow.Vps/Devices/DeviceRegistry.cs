using Microsoft.Extensions.Options;
using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices;

/// <summary>Tenants, sites, devices and their tokens, as the database holds them.</summary>
internal sealed class DeviceRegistry(Database database, IOptions<DevicesOptions> options)
{
    // Reading and "last seen" in one: an entry is read when the auth cache has none, so the row changes once in its time to live instead
    // of with each request.
    private const string Find =
        """
        UPDATE devices SET last_seen = now(), first_seen = coalesce(first_seen, now())
        FROM sites JOIN tenants ON tenants.id = sites.tenant_id
        WHERE sites.id = devices.site_id AND devices.device_id = {0}
        RETURNING devices.device_id, tenants.name, sites.name, sites.time_zone, devices.status, devices.poll_interval_s
        """;

    private static readonly string ByDevice = Find.Replace("{0}", "$1", StringComparison.Ordinal);

    private static readonly string ByToken = Find.Replace(
        "{0}",
        "(SELECT device_id FROM device_tokens WHERE digest = $1 AND not_before <= now() AND (not_after IS NULL OR not_after > now()))",
        StringComparison.Ordinal);

    private readonly EnvironmentTokens _environment = EnvironmentTokens.Parse(options.Value.DeviceTokens, oneDevicePerToken: true);

    /// <summary>At every start: the environment's devices exist, in tenant and site <c>default</c>, and that site has the environment's
    /// zone.</summary>
    public async Task EnsureAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await ExecuteAsync(
            """
            INSERT INTO devices (device_id, site_id)
            SELECT device_id, sites.id FROM unnest($1) AS device_id, sites JOIN tenants ON tenants.id = sites.tenant_id
            WHERE tenants.name = $2 AND sites.name = $3
            ON CONFLICT (device_id) DO NOTHING
            """,
            _environment.Devices.Order(StringComparer.Ordinal).ToArray(), SungrowDbContext.DefaultTenant, SungrowDbContext.DefaultSite);
        await ExecuteAsync(
            """
            UPDATE sites SET time_zone = $1
            FROM tenants
            WHERE tenants.id = sites.tenant_id AND tenants.name = $2 AND sites.name = $3 AND sites.time_zone <> $1
            """,
            options.Value.SiteTimeZone, SungrowDbContext.DefaultTenant, SungrowDbContext.DefaultSite);

        async Task ExecuteAsync(string sql, params object[] values)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            foreach (var value in values)
            {
                command.Parameters.Add(new() { Value = value });
            }

            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>A device of the environment. One that is not there, as after a restore, is made again: the environment is the
    /// authority.</summary>
    public async Task<AuthenticatedDevice?> FindEnvironmentDeviceAsync(string deviceId, CancellationToken cancellationToken)
    {
        if (await FindAsync(ByDevice, deviceId, cancellationToken) is { } device)
        {
            return device;
        }

        await using (var connection = await database.ConnectAsync(cancellationToken))
        {
            await EnsureAsync(connection, cancellationToken);
        }

        return await FindAsync(ByDevice, deviceId, cancellationToken);
    }

    /// <param name="digest">Of a token of ours that may be used now.</param>
    public Task<AuthenticatedDevice?> FindByTokenAsync(byte[] digest, CancellationToken cancellationToken) =>
        FindAsync(ByToken, digest, cancellationToken);

    /// <returns>Null where there is no such viewer token, or not now.</returns>
    public async Task<AuthenticatedViewer?> FindViewerAsync(byte[] digest, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            SELECT array(SELECT device_id FROM viewer_token_devices WHERE viewer_token_devices.digest = viewer_tokens.digest)
            FROM viewer_tokens
            WHERE digest = $1 AND not_before <= now() AND (not_after IS NULL OR not_after > now())
            """,
            connection);
        command.Parameters.Add(new() { Value = digest });
        return await command.ExecuteScalarAsync(cancellationToken) is string[] devices
            ? new AuthenticatedViewer(devices.ToHashSet(StringComparer.Ordinal))
            : null;
    }

    private async Task<AuthenticatedDevice?> FindAsync(string sql, object key, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new() { Value = key });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? new AuthenticatedDevice(
                row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4) == Device.Revoked,
                row.GetDouble(5))
            : null;
    }
}
