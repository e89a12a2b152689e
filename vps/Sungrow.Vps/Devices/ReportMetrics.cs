using System.Diagnostics.Metrics;

namespace Sungrow.Vps.Devices;

/// <summary>What reports bring to light, counted; instruments of the meter "Sungrow.Vps".</summary>
internal sealed class ReportMetrics : IDisposable
{
    private readonly Meter _meter = new("Sungrow.Vps");
    private readonly Counter<long> _mismatches;

    public ReportMetrics() => _mismatches = _meter.CreateCounter<long>(
        "sungrow_vps_balance_mismatches", description: "Times a buffer's balance stopped closing, by verdict.");

    public void Mismatched(string verdict) => _mismatches.Add(1, new KeyValuePair<string, object?>("verdict", verdict));

    public void Dispose() => _meter.Dispose();
}
