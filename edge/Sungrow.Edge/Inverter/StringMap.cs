namespace Sungrow.Edge.Inverter;

/// <summary>SG string inverters. Source unless said otherwise: Sungrow's string protocol V1.1.80, by documented register.</summary>
internal static class StringMap
{
    public static readonly RegisterBlock Main = new("MAIN", 5002, 36);

    /// <summary>The total in the daily counter's own resolution, right after it. Models without it refuse it.</summary>
    public static readonly RegisterBlock Fine = new("FINE", 5143, 5);

    /// <summary>Served where a meter is fitted; others refuse it or serve zeros.</summary>
    public static readonly RegisterBlock Meter = new("METER", 5082, 18);

    public static readonly IReadOnlyList<RegisterBlock> Blocks = [Main, Fine, Meter];

    // MAIN
    public static readonly Register PvDailyEnergy = new("daily_power_yield", 5002, Kind.U16, 0.1m, "kWh", "5003; PV alone on this family");
    public static readonly Register PvTotalEnergy = new("total_power_yield", 5003, Kind.U32, 1, "kWh", "5004");
    public static readonly Register RunningTime = new("total_running_time", 5005, Kind.U32, 1, "h", "5006");
    public static readonly Register PvPower = new("total_dc_power", 5016, Kind.U32, 1, "W", "5017");
    public static readonly Register ActivePower = new("total_active_power", 5030, Kind.S32, 1, "W", "5031");
    public static readonly Register WorkState = new("work_state_1", 5037, Kind.U16, 1, "", "5038; 0 means running");

    // FINE
    public static readonly Register PvTotalFine = new("total_power_yield_fine", 5143, Kind.U32, 0.1m, "kWh", "5144");

    // METER
    public static readonly Register MeterPower = new("meter_power", 5082, Kind.S32, 1, "W", "5083; + importing, as evcc reads it");
    public static readonly Register LoadPower = new("load_power", 5090, Kind.S32, 1, "W", "5091; constant 0 on some models");
    public static readonly Register ExportTotal = new("total_export_energy", 5094, Kind.U32, 0.1m, "kWh", "5095");
    public static readonly Register ImportTotal = new("total_import_energy", 5098, Kind.U32, 0.1m, "kWh", "5099");

    public static readonly IReadOnlyList<Register> Totals = [PvTotalEnergy, RunningTime];

    /// <summary>All of 32 bits.</summary>
    public static readonly IReadOnlyList<Register> Pairs =
        [PvPower, ActivePower, MeterPower, LoadPower, PvTotalFine, ExportTotal, ImportTotal, .. Totals];
}
