namespace Sungrow.Edge.Inverter;

/// <summary>SH hybrids. Source unless said otherwise: Sungrow's hybrid protocol V1.1.16, by documented register.</summary>
internal static class HybridMap
{
    public static readonly RegisterBlock Main = new("MAIN", 12999, 48);
    public static readonly RegisterBlock Pv = new("PV", 5007, 29);

    /// <summary>Apart from its neighbours: what lies between them is undocumented, and firmware before V1.1.0 has not even this.</summary>
    public static readonly RegisterBlock Battery = new("BATT", 5213, 2);

    /// <summary>In the order they are asked, back to back: load and export first, they set the moment.</summary>
    public static readonly IReadOnlyList<RegisterBlock> Blocks = [Main, Pv, Battery];

    // MAIN. 13021 and 13022 are documented without a sign: old firmware serves magnitudes, newer signs them.
    public static readonly Register RunningState = new("running_state", 12999, Kind.U16, 1, "", "13000; 0 means running");
    public static readonly Register PowerFlow = new("power_flow_status", 13000, Kind.U16, 1, "", "13001; bit 1 charging");
    public static readonly Register PvDailyEnergy = new("daily_pv_generation", 13001, Kind.U16, 0.1m, "kWh", "13002; 5003 adds discharge");
    public static readonly Register PvTotalEnergy = new("total_pv_generation", 13002, Kind.U32, 0.1m, "kWh", "13003");
    public static readonly Register ExportFromPvTotal = new("total_export_from_pv", 13005, Kind.U32, 0.1m, "kWh", "13006");
    public static readonly Register LoadPower = new("load_power", 13007, Kind.S32, 1, "W", "13008; needs a meter");
    public static readonly Register ExportPower = new("export_power", 13009, Kind.S32, 1, "W", "13010; as 13008; + exporting, measured");
    public static readonly Register ChargeFromPvTotal = new("total_battery_charge_from_pv", 13012, Kind.U32, 0.1m, "kWh", "13013");
    public static readonly Register DirectUseTotal = new("total_direct_consumption", 13017, Kind.U32, 0.1m, "kWh", "13018");
    public static readonly Register BatteryVoltage = new("battery_voltage", 13019, Kind.U16, 0.1m, "V", "13020");
    public static readonly Register BatteryCurrent = new("battery_current_legacy", 13020, Kind.S16, 0.1m, "A", "13021; also unsigned");
    public static readonly Register BatteryPowerLegacy = new("battery_power_legacy", 13021, Kind.S16, 1, "W", "13022; also unsigned");
    public static readonly Register BatterySoc = new("battery_soc", 13022, Kind.U16, 0.1m, "%", "13023");
    public static readonly Register BatteryTemperature = new("battery_temperature", 13024, Kind.S16, 0.1m, "degC", "13025");
    public static readonly Register DischargeTotal = new("total_battery_discharge", 13026, Kind.U32, 0.1m, "kWh", "13027");
    public static readonly Register ActivePower = new("total_active_power", 13033, Kind.S32, 1, "W", "13034; negative: charges from grid");
    public static readonly Register ImportTotal = new("total_import_energy", 13036, Kind.U32, 0.1m, "kWh", "13037");
    public static readonly Register ChargeTotal = new("total_battery_charge", 13040, Kind.U32, 0.1m, "kWh", "13041");
    public static readonly Register ExportTotal = new("total_export_energy", 13045, Kind.U32, 0.1m, "kWh", "13046");

    // PV
    public static readonly Register PvPower = new("total_dc_power", 5016, Kind.U32, 1, "W", "5017");

    // BATT
    public static readonly Register BatteryPower = new("battery_power", 5213, Kind.S32, 1, "W", "5214; + discharging, measured");

    public static readonly IReadOnlyList<Register> Totals =
    [
        PvTotalEnergy, ExportFromPvTotal, ChargeFromPvTotal, DirectUseTotal, DischargeTotal, ImportTotal, ChargeTotal, ExportTotal,
    ];

    /// <summary>All of 32 bits.</summary>
    public static readonly IReadOnlyList<Register> Pairs = [PvPower, LoadPower, ExportPower, ActivePower, BatteryPower, .. Totals];

    /// <summary>Those that count only with a meter.</summary>
    public static readonly IReadOnlyList<Register> MeterTotals = [ExportFromPvTotal, DirectUseTotal, ImportTotal, ExportTotal];
}
