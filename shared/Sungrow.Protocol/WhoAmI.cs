namespace Sungrow.Protocol;

/// <summary>The answer of <c>GET /v1/whoami</c>: what the server knows of the token's device.</summary>
/// <param name="TimeZone">IANA name of the site's zone.</param>
public sealed record WhoAmI(string DeviceId, string Tenant, string Site, string TimeZone, DateTimeOffset ServerTime, ServerLimits Limits);

/// <summary>Rates of 0 mean that there is no such limit.</summary>
public sealed record ServerLimits(
    int MaxSamples,
    int MaxPayloadBytes,
    double SamplesPerSecond,
    double BurstSamples,
    double RequestsPerSecond,
    double BurstRequests);
