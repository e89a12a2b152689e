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
    private readonly Counter<long> _alertsNotTaken;
    private long _inserted;
    private long _duplicates;
    private long _conflicts;

    public VpsMetrics(IMeterFactory meters, DeviceAuthCache cache)
    {
        var meter = meters.Create(MeterName);
        _rateLimited = meter.CreateCounter<long>("rate_limited", description: "Requests answered 429, by limit");
        _authenticationFailed = meter.CreateCounter<long>("authentication_failed", description: "Tokens that were not good");
        meter.CreateObservableCounter("samples", Samples, description: "Samples answered 200, by what became of them");
        _alertsNotTaken = meter.CreateCounter<long>("alerts_not_taken", description: "Tries that failed, by channel");
        meter.CreateObservableGauge("devices_silent", Silent, description: "By the replica that last looked; absent where nobody watches");
        meter.CreateObservableCounter("auth_cache_hits", () => cache.Stats.Hits);
        meter.CreateObservableCounter("auth_cache_misses", () => cache.Stats.Misses);
        meter.CreateObservableGauge("auth_cache_size", () => cache.Stats.Size, description: "Devices held");
    }

    /// <summary>Null: not looked yet.</summary>
    public int? DevicesSilent { get; set; }

    public void RateLimited(string limit) => _rateLimited.Add(1, new KeyValuePair<string, object?>("limit", limit));

    // In each request: counted here, and read when somebody asks.
    public void Ingested(IngestAnswer answer)
    {
        Interlocked.Add(ref _inserted, answer.Inserted);
        Interlocked.Add(ref _duplicates, answer.Duplicates);
        Interlocked.Add(ref _conflicts, answer.Conflicts);
    }

    public void AlertNotTaken(string channel) => _alertsNotTaken.Add(1, new KeyValuePair<string, object?>("channel", channel));

    private Measurement<long>[] Samples() =>
    [
        new(Interlocked.Read(ref _inserted), new KeyValuePair<string, object?>("result", "inserted")),
        new(Interlocked.Read(ref _duplicates), new KeyValuePair<string, object?>("result", "duplicate")),
        new(Interlocked.Read(ref _conflicts), new KeyValuePair<string, object?>("result", "conflict")),
    ];

    private IEnumerable<Measurement<int>> Silent() => DevicesSilent is { } silent ? [new(silent)] : [];

    public void AuthenticationFailed() => _authenticationFailed.Add(1);
}
