using Npgsql;
using NpgsqlTypes;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <summary>Keeps the sites and devices of customers as they were last pushed. What a full set no longer holds stays.</summary>
internal sealed class FleetSets(Database database)
{
    private const string UpsertSites =
        """
        INSERT INTO fleet.sites AS stored (customer_id, id, name, time_zone)
        SELECT $1, id, name, time_zone FROM unnest($2, $3, $4) AS sent (id, name, time_zone) ORDER BY id
        ON CONFLICT (customer_id, id) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone, received_at = now()
            WHERE (stored.name, stored.time_zone) IS DISTINCT FROM (excluded.name, excluded.time_zone)
        """;

    // Times only widen: an older set may come later.
    private const string UpsertDevices =
        """
        INSERT INTO fleet.devices AS stored (customer_id, id, site_id, model, serial, status, poll_interval_s, first_seen, last_seen)
        SELECT $1, sent.* FROM unnest($2, $3, $4, $5, $6, $7, $8, $9)
            AS sent (id, site_id, model, serial, status, poll_interval_s, first_seen, last_seen) ORDER BY id
        ON CONFLICT (customer_id, id) DO UPDATE SET
            site_id = excluded.site_id, model = coalesce(excluded.model, stored.model), serial = coalesce(excluded.serial, stored.serial),
            status = excluded.status, poll_interval_s = excluded.poll_interval_s,
            first_seen = least(stored.first_seen, excluded.first_seen), last_seen = greatest(stored.last_seen, excluded.last_seen),
            received_at = now()
            WHERE (stored.site_id, stored.model, stored.serial, stored.status, stored.poll_interval_s, stored.first_seen, stored.last_seen)
                IS DISTINCT FROM (excluded.site_id, coalesce(excluded.model, stored.model), coalesce(excluded.serial, stored.serial),
                    excluded.status, excluded.poll_interval_s, least(stored.first_seen, excluded.first_seen),
                    greatest(stored.last_seen, excluded.last_seen))
        """;

    public async Task<FleetAnswer> WriteAsync(PushedBatch batch, ReadSet rows, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var upsert = new NpgsqlCommand(batch.Type == BatchTypes.Sites ? UpsertSites : UpsertDevices, connection);
        upsert.Parameters.Add(new() { Value = batch.CustomerId });
        if (batch.Type == BatchTypes.Sites)
        {
            AddColumn(rows.Sites, NpgsqlDbType.Text, site => site.Id);
            AddColumn(rows.Sites, NpgsqlDbType.Text, site => site.Name);
            AddColumn(rows.Sites, NpgsqlDbType.Text, site => site.TimeZone);
        }
        else
        {
            AddColumn(rows.Devices, NpgsqlDbType.Text, device => device.Id);
            AddColumn(rows.Devices, NpgsqlDbType.Text, device => device.SiteId);
            AddColumn(rows.Devices, NpgsqlDbType.Text, device => device.Model);
            AddColumn(rows.Devices, NpgsqlDbType.Text, device => device.Serial);
            AddColumn(rows.Devices, NpgsqlDbType.Text, device => device.Status);
            AddColumn(rows.Devices, NpgsqlDbType.Double, device => device.PollIntervalS);
            AddColumn(rows.Devices, NpgsqlDbType.TimestampTz, device => device.FirstSeen?.UtcDateTime);
            AddColumn(rows.Devices, NpgsqlDbType.TimestampTz, device => device.LastSeen?.UtcDateTime);
        }

        var changed = await upsert.ExecuteNonQueryAsync(cancellationToken);
        var unchanged = rows.Sites.Count + rows.Devices.Count - changed + rows.Again;
        var answer = new FleetAnswer(changed, unchanged, rows.Rejected);
        await using NpgsqlBatch last = new(connection)
        {
            BatchCommands = { FleetEvents.Row(batch, answer, null, null, error: null), FleetEvents.Seen(batch.CustomerId), new("COMMIT") },
        };
        await last.ExecuteNonQueryAsync(cancellationToken);
        return answer;

        void AddColumn<TRow, T>(IReadOnlyList<TRow> from, NpgsqlDbType type, Func<TRow, T> column) =>
            SampleSql.AddColumn(upsert.Parameters, from, type, column);
    }

    /// <summary>Of a batch of which nothing was stored.</summary>
    public async Task RecordRefusalAsync(PushedBatch batch, string code, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using NpgsqlBatch refused = new(connection)
        {
            BatchCommands = { FleetEvents.Row(batch, new(0, 0, 0), null, null, code) },
        };
        await refused.ExecuteNonQueryAsync(cancellationToken);
    }
}
