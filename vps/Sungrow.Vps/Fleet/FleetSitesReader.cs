using Npgsql;
using NpgsqlTypes;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <summary>How every site of every customer does: one statement for the whole fleet, whatever its size. Sites of revoked customers are left
/// out, and revoked devices.</summary>
internal sealed class FleetSitesReader(Database database)
{
    private const double WattSecondsPerKwh = 3_600_000;
    private const NpgsqlDbType Times = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz;

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    // What a sample of the hour's last minute takes to come here: that hour is not judged before.
    private static readonly TimeSpan OnTheWay = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Recent = TimeSpan.FromDays(2);

    /// <returns>By customer, name and id.</returns>
    public async Task<List<SeenSite>> ReadAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        Dictionary<string, DateTimeOffset> days = [];
        await using (var zones = new NpgsqlCommand("SELECT DISTINCT time_zone FROM fleet.sites", connection))
        await using (var row = await zones.ExecuteReaderAsync(cancellationToken))
        {
            while (await row.ReadAsync(cancellationToken))
            {
                var calendar = SiteCalendar.Of(row.GetString(0));
                days.Add(row.GetString(0), calendar.StartOf(calendar.DateOf(now)));
            }
        }

        if (days.Count == 0)
        {
            return [];
        }

        var until = Aggregates.Fleet.Floor(now - OnTheWay);
        var since = until.AddDays(-1);
        await using var command = new NpgsqlCommand(Sql(database.HasContinuousAggregates, since, [.. days.Values], now), connection)
        {
            Parameters =
            {
                new() { Value = days.Keys.ToArray() },
                new() { Value = days.Values.ToArray(), NpgsqlDbType = Times },
                new() { Value = days.Values.Select(Aggregates.Fleet.Ceiling).ToArray(), NpgsqlDbType = Times },
                new() { Value = since }, new() { Value = until },
            },
        };
        List<SeenSite> sites = [];
        await using var site = await command.ExecuteReaderAsync(cancellationToken);
        while (await site.ReadAsync(cancellationToken))
        {
            sites.Add(Read(site, now));
        }

        return sites;
    }

    private static SeenSite Read(NpgsqlDataReader row, DateTimeOffset now)
    {
        var lastSample = Time(row, 6);
        var (covered, expected) = (Number(row, 7) ?? 0, Number(row, 8));
        return new(
            row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetInt64(4), Time(row, 5), lastSample,
            lastSample is { } last ? Math.Round(Math.Max(0, (now - last).TotalSeconds), 1) : null,
            expected > 0 ? Math.Round(Math.Min(100, 100 * covered / expected.Value), 2) : null,
            new(Kwh(row, 9), Kwh(row, 10), Kwh(row, 11), Kwh(row, 12)));
    }

    /// <summary>$1, $2, $3: the zones, when their day began, and the first full hour of it. $4, $5: the hours that are judged. A day that
    /// begins at half past, or at a quarter, begins within an hour that is kept: that piece is taken from the samples themselves.</summary>
    private static string Sql(bool continuous, DateTimeOffset since, IReadOnlyList<DateTimeOffset> days, DateTimeOffset now)
    {
        var firstDay = days.Min();
        var from = Aggregates.Fleet.Floor(firstDay < since ? firstDay : since);
        return $"""
        WITH zone AS (SELECT * FROM unnest($1, $2, $3) AS zone (name, day, first_hour)),
        device AS (
            SELECT device.customer_id, device.site_id, device.id, device.first_seen, zone.day, zone.first_hour
            FROM fleet.devices AS device
            JOIN fleet.customers AS customer ON customer.customer_id = device.customer_id AND customer.status = '{Device.Active}'
            JOIN fleet.sites AS site ON site.customer_id = device.customer_id AND site.id = device.site_id
            JOIN zone ON zone.name = site.time_zone
            WHERE device.status = '{Device.Active}'),
        piece AS (
            SELECT device.customer_id, device.id,
                   CASE WHEN hour.bucket >= $4 AND hour.bucket < $5 THEN least(hour.covered_s, {Hour.TotalSeconds}) END AS covered_s,
                   hour.bucket >= device.first_hour AS today,
                   hour.pv_power_w_sum AS pv, hour.load_power_w_sum AS load, hour.export_power_w_s AS metered_s,
                   hour.import_ws AS import, hour.export_ws AS export
            FROM device {FleetAggregate.Join(continuous, from)}
            UNION ALL
            SELECT device.customer_id, device.id, NULL, true, part.pv, part.load, part.metered_s, part.import, part.export
            FROM device JOIN LATERAL (
                SELECT sum(pv_power_w * interval_s) AS pv, sum(load_power_w * interval_s) AS load,
                       sum(interval_s) FILTER (WHERE export_power_w IS NOT NULL) AS metered_s,
                       sum(-export_power_w * interval_s) FILTER (WHERE export_power_w < 0) AS import,
                       sum(export_power_w * interval_s) FILTER (WHERE export_power_w > 0) AS export
                FROM {FleetMeasurements.Table}
                WHERE customer_id = device.customer_id AND device_id = device.id AND ts >= device.day AND ts < device.first_hour
                  AND ts >= {Aggregates.Literal(firstDay)}) AS part ON true
            WHERE device.day < device.first_hour),
        done AS (
            SELECT customer_id, id, sum(covered_s) AS covered_s,
                   sum(pv) FILTER (WHERE today) AS pv, sum(load) FILTER (WHERE today) AS load,
                   sum(metered_s) FILTER (WHERE today) AS metered_s,
                   sum(import) FILTER (WHERE today) AS import, sum(export) FILTER (WHERE today) AS export
            FROM piece GROUP BY customer_id, id)
        SELECT site.customer_id, site.id, site.name, site.time_zone, count(device.id), customer.last_seen, max(newest.ts),
               sum(done.covered_s),
               sum(extract(epoch FROM $5 - greatest($4, least(coalesce(device.first_seen, $4), $5)))::double precision)
                   FILTER (WHERE device.id IS NOT NULL),
               sum(done.pv), sum(done.load),
               -- Read, and never of that sign: 0. Never read: unknown.
               CASE WHEN sum(done.metered_s) > 0 THEN coalesce(sum(done.import), 0) END,
               CASE WHEN sum(done.metered_s) > 0 THEN coalesce(sum(done.export), 0) END
        FROM fleet.sites AS site
        JOIN fleet.customers AS customer ON customer.customer_id = site.customer_id AND customer.status = '{Device.Active}'
        LEFT JOIN device ON device.customer_id = site.customer_id AND device.site_id = site.id
        LEFT JOIN done ON done.customer_id = device.customer_id AND done.id = device.id
        -- The second look goes through every chunk, and is taken only where the first finds nothing.
        LEFT JOIN LATERAL (
            SELECT coalesce(
                (SELECT ts FROM {FleetMeasurements.Table} AS sample
                 WHERE sample.customer_id = device.customer_id AND sample.device_id = device.id
                   AND sample.ts >= {Aggregates.Literal(now - Recent)} ORDER BY ts DESC LIMIT 1),
                (SELECT ts FROM {FleetMeasurements.Table} AS sample
                 WHERE sample.customer_id = device.customer_id AND sample.device_id = device.id
                 ORDER BY ts DESC LIMIT 1)) AS ts) AS newest ON true
        GROUP BY site.customer_id, site.id, customer.last_seen
        ORDER BY site.customer_id, site.name, site.id
        """;
    }

    private static DateTimeOffset? Time(NpgsqlDataReader row, int ordinal) =>
        row.IsDBNull(ordinal) ? null : row.GetFieldValue<DateTimeOffset>(ordinal);

    private static double? Number(NpgsqlDataReader row, int ordinal) => row.IsDBNull(ordinal) ? null : row.GetDouble(ordinal);

    private static double? Kwh(NpgsqlDataReader row, int ordinal) =>
        Number(row, ordinal) is { } wattSeconds ? Math.Round(wattSeconds / WattSecondsPerKwh, 3) : null;
}
