using Microsoft.AspNetCore.Mvc;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.History;

/// <param name="To">Not included.</param>
/// <param name="CoveredS">Seconds that its readings stand for: a minute each.</param>
internal sealed record LoadPoint(
    DateTimeOffset From, DateTimeOffset To, double CoveredS, long Readings, MetricSummary PowerW, double EnergyKwh);

/// <param name="DeviceId">The Shelly device.</param>
/// <param name="Resolution"><c>15m</c>, <c>1h</c> or <c>1d</c>. Only periods with readings are there.</param>
internal sealed record LoadHistoryAnswer(
    string DeviceId, int Channel, string? Name, string TimeZone, string Resolution, IReadOnlyList<LoadPoint> Points);

/// <summary><c>GET /v1/loads/history</c>: what each quarter of an hour, hour or day of a load's site amounts to.</summary>
internal static class LoadHistory
{
    private const string Form = "resolution=auto, 15m, 1h or 1d";
    private const double WattMinutesPerKwh = 60_000;

    public static void MapLoadHistory(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/loads/history", GetAsync)
            .RequireViewer()
            .WithTags("History")
            .WithSummary("Averages, minima, maxima and energy of one channel of a Shelly device")
            .Produces<LoadHistoryAnswer>(StatusCodes.Status200OK, Representation.Json, Representation.Csv)
            .Produces(StatusCodes.Status304NotModified)
            .ProducesProblems(400, 503);

    private static async Task<IResult> GetAsync(
        HttpContext context, Database database, TimeProvider time,
        [FromQuery(Name = "device_id")] string? deviceId = null, int channel = 0, string? from = null, string? to = null,
        string resolution = Resolution.Auto)
    {
        if (resolution == Resolution.Raw || !Resolution.IsKnown(resolution))
        {
            return HistoryRange.Refuse(Form);
        }

        if (!HistoryRange.TryRead(from, to, time.GetUtcNow(), out var first, out var last))
        {
            return HistoryRange.Refuse(HistoryRange.TimesForm);
        }

        if (string.IsNullOrEmpty(deviceId))
        {
            return Problems.Of(
                StatusCodes.Status400BadRequest, ErrorCodes.DeviceIdRequired, "Name the Shelly device with ?device_id=, as /v1/loads does.");
        }

        await using var connection = await database.ConnectAsync(context.RequestAborted);
        if (await FindAsync(context, connection, deviceId, channel) is not { } load)
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, ErrorCodes.DeviceNotVisible, "This viewer sees no such load, or not all devices of its site.");
        }

        resolution = resolution == Resolution.Auto ? Resolution.ChooseAggregated(first, last) : resolution;
        if (Resolution.IsTooLarge(resolution, first, last))
        {
            return HistoryEndpoint.TooLarge(Resolution.MostPoints);
        }

        var boundaries = Boundaries(SiteCalendar.Of(load.TimeZone), resolution, first, last);
        var points = await ReadAsync(connection, database.HasContinuousAggregates, deviceId, channel, boundaries, context.RequestAborted);
        return Representation.WantsCsv(context.Request)
            ? Representation.Of(context, ToCsv(points), Representation.Csv)
            : HistoryEndpoint.Answer(
                context, new LoadHistoryAnswer(deviceId, channel, load.Name, load.TimeZone, resolution, points),
                HistoryJson.Default.LoadHistoryAnswer);
    }

    /// <returns>Null for a load that there is not, and for one of a site that the viewer does not see as a whole.</returns>
    private static async Task<(string TimeZone, string? Name)?> FindAsync(
        HttpContext context, NpgsqlConnection connection, string deviceId, int channel)
    {
        if (deviceId.Contains('\0', StringComparison.Ordinal))
        {
            return null; // No text to the database.
        }

        var sites = await VisibleSites.FindAsync(connection, context.Viewer(), name: null, context.RequestAborted);
        await using var command = new NpgsqlCommand(
            """
            SELECT sites.time_zone, loads.name
            FROM loads JOIN load_devices USING (device_id) JOIN sites ON sites.id = load_devices.site_id
            WHERE device_id = $1 AND channel = $2 AND sites.id = ANY($3)
            """,
            connection)
        {
            Parameters = { new() { Value = deviceId }, new() { Value = channel }, new() { Value = sites } },
        };
        await using var row = await command.ExecuteReaderAsync(context.RequestAborted);
        return await row.ReadAsync(context.RequestAborted) ? (row.GetString(0), row.IsDBNull(1) ? null : row.GetString(1)) : null;
    }

    private static IReadOnlyList<DateTimeOffset> Boundaries(
        SiteCalendar calendar, string resolution, DateTimeOffset from, DateTimeOffset to)
    {
        if (resolution != Resolution.Quarter)
        {
            return calendar.Boundaries(resolution == Resolution.Hour ? Period.Hour : Period.Day, from, to);
        }

        List<DateTimeOffset> quarters = [];
        for (var quarter = Aggregates.Floor(from); quarter <= Aggregates.Ceiling(to); quarter += Aggregates.Bucket)
        {
            quarters.Add(quarter);
        }

        return quarters;
    }

    private static async Task<List<LoadPoint>> ReadAsync(
        NpgsqlConnection connection, bool continuous, string deviceId, int channel, IReadOnlyList<DateTimeOffset> boundaries,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"""
            SELECT width_bucket(bucket, $3) - 1 AS period, sum(readings)::bigint, sum(power_w_sum), min(power_w_min), max(power_w_max)
            FROM {LoadAggregate.Source(continuous, boundaries[0], boundaries[^1])}
            GROUP BY period ORDER BY period
            """,
            connection)
        {
            Parameters = { new() { Value = deviceId }, new() { Value = channel }, HistoryReader.Boundaries(boundaries) },
        };
        List<LoadPoint> points = [];
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            var (period, readings, sum) = (row.GetInt32(0), row.GetInt64(1), row.GetDouble(2));
            points.Add(new(
                boundaries[period], boundaries[period + 1], readings * LoadAggregate.ReadingSeconds, readings,
                new(Math.Round(sum / readings, 6), row.GetDouble(3), row.GetDouble(4)), Math.Round(sum / WattMinutesPerKwh, 6)));
        }

        return points;
    }

    private static byte[] ToCsv(List<LoadPoint> points)
    {
        var csv = new Csv().Header("from", "to", "covered_s", "readings", "power_w_avg", "power_w_min", "power_w_max", "energy_kwh");
        foreach (var point in points)
        {
            csv.Add(point.From).Add(point.To).Add(point.CoveredS).Add(point.Readings)
                .Add(point.PowerW.Avg).Add(point.PowerW.Min).Add(point.PowerW.Max).Add(point.EnergyKwh).End();
        }

        return csv.Take();
    }
}
