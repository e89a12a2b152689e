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

    /// <summary>This reading without the values that no server would take or no inverter of this size has: one impossible number must not
    /// cost the other six.</summary>
    /// <param name="nominalWatts">Of the inverter; null: not known.</param>
    /// <param name="impossible">Adds the wire names of the metrics left out.</param>
    public Reading KeepPossible(double? nominalWatts, ICollection<string> impossible)
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
            var (min, max) = nominalWatts is { } nominal ? Size(name, nominal) : (metric.Min, metric.Max);
            if (value is null || (value >= Math.Max(min, metric.Min) && value <= Math.Min(max, metric.Max)))
            {
                return value;
            }

            impossible.Add(name);
            return null;
        }
    }

    /// <summary>Beyond what flows through an inverter of this size and the house beside it.</summary>
    public static double GridLimitWatts(double nominalWatts) => (2 * nominalWatts) + 40_000;

    /// <summary>Wire names of the metrics that <paramref name="other"/> has and this one lacks.</summary>
    public IEnumerable<string> Lacks(Reading other) =>
        Named().Zip(other.Named(), (mine, its) => mine.Value is null && its.Value is not null ? mine.Name : null).OfType<string>();

    private IEnumerable<(string Name, double? Value)> Named() =>
    [
        ("pv_power_w", PvPowerWatts),
        ("pv_daily_kwh", PvDailyKwh),
        ("battery_power_w", BatteryPowerWatts),
        ("battery_soc_pct", BatterySocPercent),
        ("battery_temp_c", BatteryTemperatureCelsius),
        ("load_power_w", LoadPowerWatts),
        ("export_power_w", ExportPowerWatts),
    ];

    // Wide, for a wrong refusal costs a true value.
    private static (double Min, double Max) Size(string name, double nominal)
    {
        var grid = GridLimitWatts(nominal);
        var battery = Math.Max(30_000, 2 * nominal); // its converter may be rated above the inverter
        return name switch
        {
            "pv_power_w" => (0, 2 * nominal), // the sun also charges the battery
            "pv_daily_kwh" => (0, 24 * nominal / 1_000),
            "battery_power_w" => (-battery, battery),
            "load_power_w" => (-nominal, Math.Max(ushort.MaxValue, grid)), // negative: others generate behind the meter
            "export_power_w" => (-grid, grid),
            _ => (double.NegativeInfinity, double.PositiveInfinity),
        };
    }

    private static readonly Dictionary<string, Metric> Metrics = SampleRules.Metrics.ToDictionary(metric => metric.Name);
}
