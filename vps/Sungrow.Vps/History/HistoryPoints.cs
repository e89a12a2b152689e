using System.Text.Json.Serialization;

namespace Sungrow.Vps.History;

/// <param name="Avg">Weighted by the seconds each sample stands for; all three null where nothing was read.</param>
internal readonly record struct MetricSummary(double? Avg, double? Min, double? Max);

/// <param name="To">Not included.</param>
/// <param name="CoveredS">Seconds that its samples stand for.</param>
/// <param name="PvDailyKwh">The counter's last reading.</param>
internal sealed record HistoryPoint(
    DateTimeOffset From,
    DateTimeOffset To,
    double CoveredS,
    long Samples,
    MetricSummary PvPowerW,
    MetricSummary BatteryPowerW,
    MetricSummary BatterySocPct,
    MetricSummary BatteryTempC,
    MetricSummary LoadPowerW,
    MetricSummary ExportPowerW,
    double? PvDailyKwh);

/// <summary>A sample as it was sent.</summary>
internal sealed record RawPoint(
    DateTimeOffset Ts,
    double? PvPowerW,
    double? PvDailyKwh,
    double? BatteryPowerW,
    double? BatterySocPct,
    double? BatteryTempC,
    double? LoadPowerW,
    double? ExportPowerW,
    int SampleCount,
    double IntervalS,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? Seq);

/// <param name="Resolution"><c>15m</c>, <c>1h</c> or <c>1d</c>. Only periods with samples are there.</param>
internal sealed record HistoryAnswer(string DeviceId, string TimeZone, string Resolution, IReadOnlyList<HistoryPoint> Points);

internal sealed record RawHistoryAnswer(string DeviceId, string TimeZone, string Resolution, IReadOnlyList<RawPoint> Points);
