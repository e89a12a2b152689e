using System.Diagnostics.Metrics;
using Sungrow.Vps.Devices;

namespace Sungrow.Vps;

/// <summary>What this process counts, as the meter <c>Sungrow.Vps</c>.</summary>
internal sealed class VpsMetrics
{
    public const string MeterName = "Sungrow.Vps";

    private readonly Counter<long> _rateLimited;
    private readonly Counter<long> _authenticationFailed;

    public VpsMetrics(IMeterFactory meters, DeviceAuthCache cache)
    {
        var meter = meters.Create(MeterName);
        _rateLimited = meter.CreateCounter<long>("rate_limited", description: "Requests answered 429, by limit");
        _authenticationFailed = meter.CreateCounter<long>("authentication_failed", description: "Tokens that were not good");
        meter.CreateObservableCounter("auth_cache_hits", () => cache.Stats.Hits);
        meter.CreateObservableCounter("auth_cache_misses", () => cache.Stats.Misses);
        meter.CreateObservableGauge("auth_cache_size", () => cache.Stats.Size, description: "Devices held");
    }

    public void RateLimited(string limit) => _rateLimited.Add(1, new KeyValuePair<string, object?>("limit", limit));

    public void AuthenticationFailed() => _authenticationFailed.Add(1);
}
