using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices;

/// <summary>Registers a device by its first message, at a tenant and a site that are there (<c>AUTO_PROVISION</c>). The token that it
/// showed becomes its token, unless it is somebody's already.</summary>
internal sealed class AutoProvisioning(Database database, DeviceAuthCache cache, IOptions<DevicesOptions> options)
{
    /// <summary>Of one tenant, registered by anybody: who may make devices by naming them must not fill the registry.</summary>
    private const int MostDevices = 10_000;

    // The first of two replicas makes the device, with its token; the other one finds it, and is refused if it shows another token.
    private const string Add =
        """
        WITH site AS (
            SELECT sites.id FROM sites JOIN tenants ON tenants.id = sites.tenant_id
            WHERE tenants.name = $1 AND sites.name = $2
              AND (SELECT count(*) FROM devices JOIN sites AS every ON every.id = devices.site_id WHERE every.tenant_id = tenants.id) < $5
              AND NOT EXISTS (SELECT FROM device_tokens WHERE digest = $4)
              AND NOT EXISTS (SELECT FROM viewer_tokens WHERE digest = $4)),
        made AS (
            INSERT INTO devices (device_id, site_id) SELECT $3, id FROM site ON CONFLICT (device_id) DO NOTHING RETURNING device_id),
        token AS (INSERT INTO device_tokens (digest, device_id) SELECT $4, device_id FROM made WHERE $4 IS NOT NULL)
        SELECT
        """;

    private readonly EnvironmentTokens _devices = EnvironmentTokens.Parse(options.Value.DeviceTokens, oneDevicePerToken: true);
    private readonly EnvironmentTokens _viewers = EnvironmentTokens.Parse(options.Value.ViewerTokens, oneDevicePerToken: false);

    /// <summary>Makes the device where it may be. Whether it is there now, perhaps by somebody else's doing, the registry says to a look-up
    /// that begins after this: one that began before is no longer joined.</summary>
    /// <param name="digest">Of the token shown; null for none.</param>
    public async Task TryAddAsync(string tenant, string site, string deviceId, byte[]? digest, CancellationToken cancellationToken)
    {
        if (digest is not null && (_devices.Find(digest) ?? _viewers.Find(digest)) is not null)
        {
            return;
        }

        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(Add, connection)
        {
            Parameters =
            {
                new() { Value = tenant },
                new() { Value = site },
                new() { Value = deviceId },
                new() { Value = (object?)digest ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bytea },
                new() { Value = MostDevices },
            },
        };
        try
        {
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            // Two devices at once with one token: the other one has it.
        }

        // Also where it was there already: whoever made it may not have come this far.
        cache.Invalidate(tenant, deviceId);
    }
}
