using Sungrow.Protocol;
using Sungrow.Vps.Devices;

namespace Sungrow.Vps.Fleet;

/// <summary>Of the site's own day so far; null what no sample says.</summary>
internal sealed record EnergyToday(double? Pv, double? Load, double? Import, double? Export);

/// <param name="SiteId"><c>{tenant}/{site}</c>, as its customer calls it.</param>
/// <param name="Devices">Those that are not revoked.</param>
/// <param name="LastSeen">When its customer last pushed something; null: never.</param>
/// <param name="LastSample">The newest of any of its devices; null while there is none.</param>
/// <param name="LagS">How old that was at the answer.</param>
/// <param name="CompletenessPct">How much of the last 24 whole hours samples cover; null where nothing could be expected.</param>
internal sealed record SeenSite(
    string Customer,
    string SiteId,
    string Name,
    string TimeZone,
    long Devices,
    DateTimeOffset? LastSeen,
    DateTimeOffset? LastSample,
    double? LagS,
    double? CompletenessPct,
    EnergyToday EnergyTodayKwh);

/// <param name="ServerTime">So that an age is the server's, whatever the clock of who asks says.</param>
internal sealed record FleetSitesAnswer(DateTimeOffset ServerTime, IReadOnlyList<SeenSite> Sites);

/// <summary><c>GET /v1/fleet</c>: every site of every customer, for viewers who may see the fleet.</summary>
internal static class FleetSitesEndpoint
{
    public static void MapFleetSites(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/fleet", GetAsync)
            .RequireViewer()
            .WithTags("Fleet")
            .WithSummary("Every site that is pushed here: last contact, lag, completeness and today's energy")
            .Produces<FleetSitesAnswer>()
            .ProducesProblems(503);

    private static async Task<IResult> GetAsync(
        HttpContext context, FleetSitesReader reader, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!context.Viewer().Fleet)
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, ErrorCodes.FleetNotVisible,
                "This viewer does not see the fleet; one that 'sungrow-vps viewers add NAME --fleet' made does.");
        }

        var now = time.GetUtcNow();
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(new(now, await reader.ReadAsync(now, cancellationToken)), FleetJson.Default.FleetSitesAnswer);
    }
}
