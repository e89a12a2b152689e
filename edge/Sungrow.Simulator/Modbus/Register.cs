using Sungrow.Simulator.Day;

namespace Sungrow.Simulator.Modbus;

internal enum Kind { U16, S16, U32, S32 }

/// <param name="Wire">Address on the wire: the documented register minus one.</param>
/// <param name="Raw">The integer that the register carries, before it is split into words.</param>
/// <param name="Metric">What the served log calls its value; null: the log does not repeat it.</param>
internal readonly record struct Register(int Wire, Kind Kind, Func<Reading, long> Raw, Metric? Metric = null)
{
    public int Words => Kind is Kind.U16 or Kind.S16 ? 1 : 2;

    /// <summary>The pattern by which a register that exists says that it has no value.</summary>
    public long Sentinel => Kind switch
    {
        Kind.U16 => ushort.MaxValue,
        Kind.S16 => short.MaxValue,
        Kind.U32 => uint.MaxValue,
        _ => int.MaxValue,
    };
}

/// <summary>A value of a sample, taken from the simulated day and not from words.</summary>
internal sealed record Metric(string Name, Func<Reading, decimal> Value)
{
    public static readonly Metric PvPower = new("pv_power_w", r => r.Flow.Pv);
    public static readonly Metric PvDaily = new("pv_daily_kwh", r => CommonMap.DailyTenths(r.Today.Pv) / 10m);
    public static readonly Metric BatteryPower = new("battery_power_w", r => r.Flow.Battery);
    public static readonly Metric BatterySoc = new("battery_soc_pct", r => HybridMap.SocTenths(r) / 10m);
    public static readonly Metric BatteryTemperature = new("battery_temp_c", r => HybridMap.BatteryTemperatureTenths(r) / 10m);
    public static readonly Metric LoadPower = new("load_power_w", r => r.Flow.Load);
    public static readonly Metric ExportPower = new("export_power_w", r => r.Flow.Export);
}
