using Npgsql;
using NpgsqlTypes;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.History;

/// <param name="LastSample">Its time; null while there is none.</param>
/// <param name="Reachable">Whether its edge could read the inverter at the last report; null before any.</param>
/// <param name="WaitingRows">On its edge, at the last report.</param>
internal sealed record SeenDevice(
    string DeviceId,
    string SiteId,
    string TimeZone,
    string Status,
    string? Model,
    string? Serial,
    double PollIntervalS,
    DateTimeOffset? FirstSeen,
    DateTimeOffset? LastSeen,
    DateTimeOffset? LastSample,
    bool? Reachable,
    long? WaitingRows);

internal sealed record DevicesAnswer(IReadOnlyList<SeenDevice> Devices);

/// <summary><c>GET /v1/devices</c>: the devices of a viewer, and how they and their edges are.</summary>
internal static class DevicesEndpoint
{
    public static void MapSeenDevices(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/devices", GetAsync)
            .RequireViewer()
            .WithTags("History")
            .WithSummary("The viewer's devices")
            .Produces<DevicesAnswer>(StatusCodes.Status200OK, Representation.Json, Representation.Csv)
            .Produces(StatusCodes.Status304NotModified)
            .ProducesProblems(503);

    private static async Task<IResult> GetAsync(HttpContext context, Database database)
    {
        var devices = await ReadAsync(database, context.Viewer().Devices, context.RequestAborted);
        return Representation.WantsCsv(context.Request)
            ? Representation.Of(context, ToCsv(devices), Representation.Csv)
            : HistoryEndpoint.Answer(context, new DevicesAnswer(devices), HistoryJson.Default.DevicesAnswer);
    }

    private static async Task<List<SeenDevice>> ReadAsync(
        Database database, IReadOnlySet<string> visible, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            SELECT devices.device_id, sites.name, sites.time_zone, devices.status, buffer.inverter_model, buffer.inverter_serial,
                   devices.poll_interval_s, devices.first_seen, devices.last_seen, newest.ts, buffer.inverter_reachable, buffer.waiting_rows
            FROM devices JOIN sites ON sites.id = devices.site_id
            LEFT JOIN LATERAL (
                SELECT * FROM buffers WHERE buffers.device_id = devices.device_id ORDER BY received_at DESC LIMIT 1) AS buffer ON true
            LEFT JOIN LATERAL (
                SELECT ts FROM sungrow_samples AS sample
                WHERE sample.device_id = devices.device_id ORDER BY ts DESC LIMIT 1) AS newest ON true
            WHERE devices.device_id = ANY($1)
            ORDER BY devices.device_id
            """,
            connection)
        {
            Parameters = { new() { Value = visible.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text } },
        };
        List<SeenDevice> devices = [];
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            devices.Add(new(
                row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), Text(4), Text(5), row.GetDouble(6), Time(7),
                Time(8), Time(9), row.IsDBNull(10) ? null : row.GetBoolean(10), row.IsDBNull(11) ? null : row.GetInt64(11)));
        }

        return devices;

        string? Text(int ordinal) => row.IsDBNull(ordinal) ? null : row.GetString(ordinal);

        DateTimeOffset? Time(int ordinal) => row.IsDBNull(ordinal) ? null : row.GetFieldValue<DateTimeOffset>(ordinal);
    }

    private static byte[] ToCsv(List<SeenDevice> devices)
    {
        var csv = new Csv().Header(
            "device_id", "site_id", "time_zone", "status", "model", "serial", "poll_interval_s", "first_seen", "last_seen", "last_sample",
            "reachable", "waiting_rows");
        foreach (var device in devices)
        {
            csv.Add(device.DeviceId).Add(device.SiteId).Add(device.TimeZone).Add(device.Status).Add(device.Model).Add(device.Serial)
                .Add(device.PollIntervalS).Add(device.FirstSeen).Add(device.LastSeen).Add(device.LastSample)
                .Add(device.Reachable switch { true => "true", false => "false", null => null }).Add(device.WaitingRows).End();
        }

        return csv.Take();
    }
}
