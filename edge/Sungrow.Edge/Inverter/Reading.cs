using Sungrow.Protocol;

namespace Sungrow.Edge.Inverter;

/// <summary>The seven metrics of one poll. Null: not served. Signs: battery + discharging, export + exporting.</summary>
internal sealed record Reading(
    double? PvPowerWatts,
    double? PvDailyKwh,
    double? BatteryPowerWatts,
    double? BatterySocPercent,
    double? BatteryTemperatureCelsius,
    double? LoadPowerWatts,
    double? ExportPowerWatts)
{
    public static readonly Reading Empty = new(null, null, null, null, null, null, null);

    public bool IsEmpty => this == Empty;

    /// <summary>This reading without the values that no server would take: one impossible number must not cost the other six.</summary>
    /// <param name="impossible">Adds the wire names of the metrics left out.</param>
    public Reading KeepPossible(ICollection<string> impossible)
    {
        return new(
            Keep(PvPowerWatts, "pv_power_w"),
            Keep(PvDailyKwh, "pv_daily_kwh"),
            Keep(BatteryPowerWatts, "battery_power_w"),
            Keep(BatterySocPercent, "battery_soc_pct"),
            Keep(BatteryTemperatureCelsius, "battery_temp_c"),
            Keep(LoadPowerWatts, "load_power_w"),
            Keep(ExportPowerWatts, "export_power_w"));

        double? Keep(double? value, string name)
        {
            var metric = Metrics[name];
            if (value is null || (value >= metric.Min && value <= metric.Max))
            {
                return value;
            }

            impossible.Add(name);
            return null;
        }
    }

    private static readonly Dictionary<string, Metric> Metrics = SampleRules.Metrics.ToDictionary(metric => metric.Name);
}
