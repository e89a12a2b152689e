using Microsoft.Extensions.Options;
using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices;

/// <summary>Tenants, sites, devices and their tokens, as the database holds them.</summary>
internal sealed class DeviceRegistry(Database database, IOptions<DevicesOptions> options)
{
    private const string GoodTokens =
        "FROM device_tokens AS good WHERE good.device_id = devices.device_id "
        + "AND good.not_before <= now() AND (good.not_after IS NULL OR good.not_after > now()) ORDER BY good.digest";

    private const string Columns =
        $"""
        devices.device_id, tenants.name, sites.name, sites.time_zone, devices.status, devices.poll_interval_s,
        array(SELECT good.digest {GoodTokens}), array(SELECT good.not_after {GoodTokens})
        """;

    // Reading and "last seen" in one: an entry is read when the auth cache has none, so the row changes once in its time to live instead
    // of with each request.
    private const string Seen =
        """
        UPDATE devices SET last_seen = now(), first_seen = coalesce(first_seen, now())
        FROM sites JOIN tenants ON tenants.id = sites.tenant_id
        WHERE sites.id = devices.site_id AND devices.device_id =
        """;

    private const string ByDevice = $"{Seen} $1 RETURNING {Columns}";

    private const string ByToken =
        $"""
        {Seen} (
            SELECT device_id FROM device_tokens WHERE digest = $1 AND not_before <= now() AND (not_after IS NULL OR not_after > now()))
        RETURNING {Columns}
        """;

    private const string ByName =
        $"""
        SELECT {Columns}
        FROM devices JOIN sites ON sites.id = devices.site_id JOIN tenants ON tenants.id = sites.tenant_id
        WHERE tenants.name = $1 AND devices.device_id = $2
        """;

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
    public async Task<RegisteredDevice?> FindEnvironmentDeviceAsync(string deviceId, CancellationToken cancellationToken)
    {
        if (await FindAsync(ByDevice, cancellationToken, deviceId) is { } device)
        {
            return device;
        }

        await using (var connection = await database.ConnectAsync(cancellationToken))
        {
            await EnsureAsync(connection, cancellationToken);
        }

        return await FindAsync(ByDevice, cancellationToken, deviceId);
    }

    /// <param name="digest">Of a token of ours that may be used now.</param>
    public Task<RegisteredDevice?> FindByTokenAsync(byte[] digest, CancellationToken cancellationToken) =>
        FindAsync(ByToken, cancellationToken, digest);

    /// <summary>A device by its names. Whoever names it is nobody yet, so this is no sign of life of the device.</summary>
    public Task<RegisteredDevice?> FindByNameAsync(string tenant, string deviceId, CancellationToken cancellationToken) =>
        FindAsync(ByName, cancellationToken, tenant, deviceId);

    /// <returns>Null where there is no such viewer token, or not now.</returns>
    public async Task<GoodViewer?> FindViewerAsync(byte[] digest, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            SELECT array(SELECT device_id FROM viewer_token_devices WHERE viewer_token_devices.digest = viewer_tokens.digest), fleet,
                   not_after
            FROM viewer_tokens
            WHERE digest = $1 AND not_before <= now() AND (not_after IS NULL OR not_after > now())
            """,
            connection);
        command.Parameters.Add(new() { Value = digest });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? new(
                new(row.GetFieldValue<string[]>(0).ToHashSet(StringComparer.Ordinal), row.GetBoolean(1)),
                row.IsDBNull(2) ? null : row.GetFieldValue<DateTimeOffset>(2))
            : null;
    }

    private async Task<RegisteredDevice?> FindAsync(string sql, CancellationToken cancellationToken, params object[] keys)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var key in keys)
        {
            command.Parameters.Add(new() { Value = key });
        }

        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
        {
            return null;
        }

        var device = new AuthenticatedDevice(
            row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4) == Device.Revoked, row.GetDouble(5));
        var issued = row.GetFieldValue<byte[][]>(6).Zip(row.GetFieldValue<DateTime?[]>(7), (digest, end) => new GoodToken(digest, end));
        // The environment is the authority for its tokens, also where one of ours was put there for another device.
        return new RegisteredDevice(
            device,
            [
                .. issued.Where(token => _environment.Find(token.Digest) is null),
                .. _environment.TokensOf(device.DeviceId).Select(digest => new GoodToken(digest, NotAfter: null)),
            ]);
    }
}
