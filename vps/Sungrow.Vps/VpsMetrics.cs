using System.Diagnostics.Metrics;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;

namespace Sungrow.Vps;

/// <summary>What this process counts, as the meter <c>Sungrow.Vps</c>.</summary>
internal sealed class VpsMetrics
{
    public const string MeterName = "Sungrow.Vps";

    private readonly Counter<long> _rateLimited;
    private readonly Counter<long> _authenticationFailed;
    private readonly Counter<long> _samples;
    private readonly Counter<long> _alertsNotTaken;

    public VpsMetrics(IMeterFactory meters, DeviceAuthCache cache)
    {
        var meter = meters.Create(MeterName);
        _rateLimited = meter.CreateCounter<long>("rate_limited", description: "Requests answered 429, by limit");
        _authenticationFailed = meter.CreateCounter<long>("authentication_failed", description: "Tokens that were not good");
        _samples = meter.CreateCounter<long>("samples", description: "Samples answered 200, by what became of them");
        _alertsNotTaken = meter.CreateCounter<long>("alerts_not_taken", description: "Tries that failed, by channel");
        meter.CreateObservableGauge("devices_silent", Silent, description: "By the replica that last looked; absent where nobody watches");
        meter.CreateObservableCounter("auth_cache_hits", () => cache.Stats.Hits);
        meter.CreateObservableCounter("auth_cache_misses", () => cache.Stats.Misses);
        meter.CreateObservableGauge("auth_cache_size", () => cache.Stats.Size, description: "Devices held");
    }

    /// <summary>Null: not looked yet.</summary>
    public int? DevicesSilent { get; set; }

    public void RateLimited(string limit) => _rateLimited.Add(1, new KeyValuePair<string, object?>("limit", limit));

    public void Ingested(IngestAnswer answer)
    {
        _samples.Add(answer.Inserted, new KeyValuePair<string, object?>("result", "inserted"));
        _samples.Add(answer.Duplicates, new KeyValuePair<string, object?>("result", "duplicate"));
        _samples.Add(answer.Conflicts, new KeyValuePair<string, object?>("result", "conflict"));
    }

    public void AlertNotTaken(string channel) => _alertsNotTaken.Add(1, new KeyValuePair<string, object?>("channel", channel));

    private IEnumerable<Measurement<int>> Silent() => DevicesSilent is { } silent ? [new(silent)] : [];

    public void AuthenticationFailed() => _authenticationFailed.Add(1);
}
