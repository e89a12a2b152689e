using Npgsql;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>Which sites a viewer sees as a whole: what belongs to a site and to none of its devices is for him alone who sees them
/// all.</summary>
internal static class VisibleSites
{
    // A name is unique in its tenant; a viewer may see two tenants' sites of one name, and then both are meant.
    private const string Sql =
        """
        SELECT id FROM sites
        WHERE ($2::text IS NULL OR name = $2)
          AND EXISTS (SELECT FROM devices WHERE site_id = sites.id AND device_id = ANY($1))
          AND NOT EXISTS (SELECT FROM devices WHERE site_id = sites.id AND device_id <> ALL($1))
        """;

    /// <param name="name">Null or empty: whatever its name.</param>
    public static async Task<List<int>> FindAsync(
        NpgsqlConnection connection, AuthenticatedViewer viewer, string? name, CancellationToken cancellationToken)
    {
        if (!string.IsNullOrEmpty(name) && !DeviceIds.IsWellFormed(name))
        {
            return []; // What names no site the database may not even be able to read.
        }

        await using var command = new NpgsqlCommand(Sql, connection)
        {
            Parameters = { new() { Value = viewer.Devices.ToArray() }, new() { Value = string.IsNullOrEmpty(name) ? DBNull.Value : name } },
        };
        List<int> sites = [];
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            sites.Add(row.GetInt32(0));
        }

        return sites;
    }
}
