using Microsoft.AspNetCore.Mvc;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Shelly;

/// <param name="Name">Null until somebody has named it.</param>
/// <param name="AgeS">Seconds since <paramref name="Ts"/>, when it was answered.</param>
/// <param name="Stale">What it takes now may be something else.</param>
internal sealed record LoadNow(
    string DeviceId, int Channel, string? Name, double PowerW, DateTimeOffset Ts, double AgeS, bool Stale)
{
    /// <summary>As of samples: three times the interval of what is stored, which is a minute here.</summary>
    private static readonly TimeSpan StaleAfter = TimeSpan.FromMinutes(3);

    public static LoadNow Of(string deviceId, int channel, string? name, double powerW, DateTimeOffset ts, DateTimeOffset now) =>
        new(
            deviceId, channel, name, powerW, ts, Math.Round(Math.Max(0, (now - ts).TotalSeconds), 3),
            // Of a clock that is ahead nobody knows how old it is.
            now - ts > StaleAfter || ts - now > ProtocolLimits.MaxAhead);
}

internal sealed record LoadsAnswer(IReadOnlyList<LoadNow> Loads);

/// <summary><c>GET /v1/loads</c>: what each load of a site takes now; without <c>site_id</c>, of every site that the viewer sees. A site's
/// loads belong to all its devices, so he alone sees them who sees all of these.</summary>
internal static class LoadsEndpoint
{
    public static void MapLoads(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/loads", GetAsync)
            .RequireViewer()
            .WithTags("Shelly")
            .WithSummary("The newest reading of each load of a site")
            .Produces<LoadsAnswer>()
            .ProducesProblems(503);

    private static async Task<IResult> GetAsync(
        HttpContext context, Database database, TimeProvider time, [FromQuery(Name = "site_id")] string? siteId = null)
    {
        await using var connection = await database.ConnectAsync(context.RequestAborted);
        var sites = await VisibleSites.FindAsync(connection, context.Viewer(), siteId, context.RequestAborted);
        if (sites.Count == 0 && !string.IsNullOrEmpty(siteId))
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, ErrorCodes.SiteNotVisible, "This viewer sees no such site, or not all of its devices.");
        }

        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(
            new LoadsAnswer(await ReadAsync(connection, sites, time.GetUtcNow(), context.RequestAborted)), ShellyJson.Default.LoadsAnswer);
    }

    private static async Task<List<LoadNow>> ReadAsync(
        NpgsqlConnection connection, List<int> sites, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT loads.device_id, channel, name, power_w, ts FROM loads JOIN load_devices USING (device_id)
            WHERE site_id = ANY($1) ORDER BY device_id, channel
            """,
            connection)
        {
            Parameters = { new() { Value = sites } },
        };
        List<LoadNow> loads = [];
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            loads.Add(LoadNow.Of(
                row.GetString(0), row.GetInt32(1), row.IsDBNull(2) ? null : row.GetString(2), row.GetDouble(3),
                row.GetFieldValue<DateTimeOffset>(4), now));
        }

        return loads;
    }
}
