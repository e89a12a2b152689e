using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary><c>GET /v1/whoami</c>: whether the token is good, and what it stands for.</summary>
internal static class WhoAmIEndpoint
{
    public static void MapWhoAmI(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/whoami", Get)
            .RequireDevice()
            .WithTags("Devices")
            .WithSummary("What the server knows of the token's device")
            .Produces<WhoAmI>();

    private static JsonHttpResult<WhoAmI> Get(HttpContext context, IOptions<LimitsOptions> options, TimeProvider time)
    {
        var limits = options.Value;
        var device = context.Device();
        var answer = new WhoAmI(
            device.DeviceId, device.Tenant, device.Site, device.TimeZone, time.GetUtcNow(),
            new ServerLimits(
                ProtocolLimits.MaxSamples, limits.MaxPayloadBytes,
                limits.SamplesPerSecond, limits.BurstSamples, limits.RequestsPerSecond, limits.BurstRequests));
        return TypedResults.Json(answer, ProtocolJson.Default.WhoAmI);
    }
}
