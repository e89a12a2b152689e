using System.Text.Json.Serialization;

namespace Sungrow.Protocol;

/// <summary>What one inverter reported at one moment. A value that could not be read is null, never 0.
/// Ranges: <see cref="SampleRules"/>. Up to the inverter's own losses, load = pv + battery - export.</summary>
public sealed record SungrowSample
{
    /// <summary>See <see cref="DeviceIds"/>; together with <see cref="Ts"/> the key of the sample.</summary>
    public required string DeviceId { get; init; }

    /// <summary>UTC, whole microseconds. Of several polls in one sample: the last one's.</summary>
    public required DateTimeOffset Ts { get; init; }

    /// <summary>W.</summary>
    public double? PvPowerW { get; init; }

    /// <summary>kWh since local midnight.</summary>
    public double? PvDailyKwh { get; init; }

    /// <summary>W, + discharging, - charging.</summary>
    public double? BatteryPowerW { get; init; }

    /// <summary>%.</summary>
    public double? BatterySocPct { get; init; }

    /// <summary>degC.</summary>
    public double? BatteryTempC { get; init; }

    /// <summary>W.</summary>
    public double? LoadPowerW { get; init; }

    /// <summary>W, + exporting, - importing.</summary>
    public double? ExportPowerW { get; init; }

    /// <summary>Polls averaged in this sample.</summary>
    public int SampleCount { get; init; } = 1;

    /// <summary>Seconds this sample stands for. Absent: the device's poll interval x <see cref="SampleCount"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? IntervalS { get; init; }

    /// <summary>The row's number in the edge's buffer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Seq { get; init; }
}
