using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>The one place where a buffered row becomes a sample on the wire.</summary>
internal static class WireSample
{
    public static IngestBatch From(BufferedBatch batch) =>
        new(batch.BufferId, [.. batch.Samples.Select(row => From(row, batch.DeviceId))]);

    private static SungrowSample From(BufferedSample row, string deviceId) => new()
    {
        DeviceId = deviceId,
        Ts = row.Ts,
        PvPowerW = row.Metrics.PvPowerWatts,
        PvDailyKwh = row.Metrics.PvDailyKwh,
        BatteryPowerW = row.Metrics.BatteryPowerWatts,
        BatterySocPct = row.Metrics.BatterySocPercent,
        BatteryTempC = row.Metrics.BatteryTemperatureCelsius,
        LoadPowerW = row.Metrics.LoadPowerWatts,
        ExportPowerW = row.Metrics.ExportPowerWatts,
        SampleCount = row.SampleCount,
        IntervalS = row.IntervalSeconds,
        Seq = row.Seq,
    };
}
