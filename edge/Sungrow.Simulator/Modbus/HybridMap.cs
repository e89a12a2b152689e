using Sungrow.Simulator.Day;
using static Sungrow.Simulator.Modbus.CommonMap;

namespace Sungrow.Simulator.Modbus;

/// <summary>What SH hybrids serve, in the order of the vendor's document (hybrid inverters, V1.1.16), grouped by the part without which
/// they are not there. Units: <see cref="CommonMap"/>.</summary>
internal static class HybridMap
{
    public const int BatteryPowerWire = 13021;
    public const int BatteryCurrentWire = 13020;
    public const int PowerFlowWire = 13000;

    private const int SohTenths = 980;

    public static IReadOnlyList<Register> Core(Model model) =>
    [
        .. Identity(model),
        new(5002, Kind.U16, r => DailyTenths(r.Today.Output)),
        new(5003, Kind.U32, r => TenthKwh(r.Total.Output)),

        new(5007, Kind.S16, r => 280 + (r.Flow.Pv * 200L / model.Watts)), // inside
        .. Trackers(model),
        .. Enumerable.Range(0, model.Phases).Select(phase => new Register(5018 + phase, Kind.U16, _ => PhaseVolts)),
        new(5032, Kind.S32, _ => 0), // reactive power, var
        new(5034, Kind.S16, _ => 1000), // power factor, 0.001
        new(5035, Kind.U16, _ => 500), // 0.1 Hz
        new(5621, Kind.U16, _ => 0), // feed-in limits, 10 W
        new(5622, Kind.U16, _ => model.Watts / 10),

        new(12999, Kind.U16, RunningState),
        new(PowerFlowWire, Kind.U16, PowerFlow),
        new(13001, Kind.U16, r => DailyTenths(r.Today.Pv), Metric.PvDaily),
        new(13002, Kind.U32, r => TenthKwh(r.Total.Pv)),
        new(13028, Kind.U16, r => r.Today.Pv == 0 ? 0 : (r.Today.Pv - r.Today.PvToGrid) * 1000 / r.Today.Pv), // self-consumption, 0.1 %
        .. Enumerable.Range(0, model.Phases).Select(
            phase => new Register(13030 + phase, Kind.S16, r => TenthAmperes(r.Flow.ActivePower / model.Phases, PhaseVolts))),
        new(13033, Kind.S32, r => r.Flow.ActivePower),

        // Alarms and faults: none.
        .. Enumerable.Range(0, 13).Select(pair => new Register(13049 + (2 * pair), Kind.U32, _ => 0)),
        new(13077, Kind.U32, _ => 0),
    ];

    public static IReadOnlyList<Register> Battery(Model model) =>
    [
        new(5627, Kind.U16, _ => 106), // rating of the battery's converter, 100 W
        new(5634, Kind.U16, _ => 30), // most charge and discharge current, A
        new(5635, Kind.U16, _ => 30),
        new(5638, Kind.U16, _ => BatteryPack.Full / 36_000), // capacity, 0.01 kWh
        new(13011, Kind.U16, r => DailyTenths(r.Today.PvToBattery)),
        new(13012, Kind.U32, r => TenthKwh(r.Total.PvToBattery)),
        new(13019, Kind.U16, BatteryVolts),
        new(BatteryCurrentWire, Kind.S16, BatteryAmperes), // signed, as RT firmware has it since the end of 2024
        new(BatteryPowerWire, Kind.S16, r => r.Flow.Battery, model.SignedBatteryPower ? null : Metric.BatteryPower),
        new(13022, Kind.U16, SocTenths, Metric.BatterySoc),
        new(13023, Kind.U16, _ => SohTenths),
        new(13024, Kind.S16, BatteryTemperatureTenths, Metric.BatteryTemperature),
        new(13025, Kind.U16, r => DailyTenths(r.Today.Discharge)),
        new(13026, Kind.U32, r => TenthKwh(r.Total.Discharge)),
        new(13038, Kind.U16, _ => BatteryPack.Full / 360_000), // capacity, 0.1 kWh
        new(13039, Kind.U16, r => DailyTenths(r.Today.Charge)),
        new(13040, Kind.U32, r => TenthKwh(r.Total.Charge)),
    ];

    /// <summary>The battery as newer firmware tells it, 5213 alone documented for the sample.</summary>
    public static readonly IReadOnlyList<Register> SignedBattery =
    [
        new(5213, Kind.S32, r => r.Flow.Battery, Metric.BatteryPower),
        new(5629, Kind.U16, BatteryVolts), // 5629 .. 5633 repeat the battery, 5630 documented, its neighbours only seen
        new(5630, Kind.S16, BatteryAmperes),
        new(5631, Kind.S16, BatteryTemperatureTenths),
        new(5632, Kind.U16, SocTenths),
        new(5633, Kind.U16, _ => SohTenths),
    ];

    /// <summary>The meter itself counts the other way: + importing.</summary>
    public static IReadOnlyList<Register> Meter(Model model) =>
    [
        new(5600, Kind.S32, r => -r.Flow.Export),
        .. model.Phases == 1 ? [] : new Register[]
        {
            new(5602, Kind.S32, r => -r.Flow.Export - (2 * (-r.Flow.Export / 3))), // the three phases add up to the meter
            new(5604, Kind.S32, r => -r.Flow.Export / 3),
            new(5606, Kind.S32, r => -r.Flow.Export / 3),
        },
        new(13004, Kind.U16, r => DailyTenths(r.Today.PvToGrid)),
        new(13005, Kind.U32, r => TenthKwh(r.Total.PvToGrid)),
        new(13007, Kind.S32, r => r.Flow.Load, Metric.LoadPower),
        new(13009, Kind.S32, r => r.Flow.Export, Metric.ExportPower),
        new(13016, Kind.U16, r => DailyTenths(r.Today.PvToLoad)),
        new(13017, Kind.U32, r => TenthKwh(r.Total.PvToLoad)),
        new(13035, Kind.U16, r => DailyTenths(r.Today.Import)),
        new(13036, Kind.U32, r => TenthKwh(r.Total.Import)),
        new(13044, Kind.U16, r => DailyTenths(r.Today.Export)),
        new(13045, Kind.U32, r => TenthKwh(r.Total.Export)),
    ];

    public static readonly Register FineFrequency = new(5241, Kind.U16, _ => 5000); // 0.01 Hz

    public static readonly IReadOnlyList<Register> QuarterHours =
        [.. Enumerable.Range(0, Curves.SlotsPerDay).Select(slot => new Register(6099 + slot, Kind.U16, r => r.QuarterHourPv[slot]))];

    /// <summary>Second channel of the meter: nobody here has one.</summary>
    public static readonly Register SecondMeterChannel = new(13199, Kind.S32, _ => 0);

    public static readonly IReadOnlyList<Register> FirmwareTexts =
    [
        .. Text(2581, 15, _ => "SIM-ARM-V01"),
        .. Text(2596, 15, _ => "SIM-DSP-V01"),
        .. Text(2612, 15, _ => "SIM-SUB-V01"),
        .. Text(2628, 15, _ => "SIM-BAT-V01"),
        .. Text(13249, 15, _ => "SIM-H_01"),
        .. Text(13264, 15, _ => "SIM-COM_01"),
        .. Text(13279, 15, _ => "SIM-PACK_01"),
    ];

    public static long SocTenths(Reading r) => ((r.Stored * 1000) + (BatteryPack.Full / 2)) / BatteryPack.Full;

    /// <summary>23.0 .. 32.0 degC.</summary>
    public static long BatteryTemperatureTenths(Reading r) => 230 + (long)Math.Round(90 * r.Warmth);

    private static long BatteryVolts(Reading r) => 1850 + (SocTenths(r) * 15 / 100);

    private static long BatteryAmperes(Reading r) => TenthAmperes(r.Flow.Battery, BatteryVolts(r));

    /// <summary>0x0040 running; 0x0008 standby while there is no sun and the battery is at its minimum.</summary>
    private static long RunningState(Reading r) => r.Flow is { Pv: 0, Battery: 0 } && r.Stored == BatteryPack.Reserve ? 0x0008 : 0x0040;

    private static long PowerFlow(Reading r) =>
        (r.Flow.Pv > 0 ? 0x01 : 0)
        | (r.Flow.Battery < 0 ? 0x02 : 0)
        | (r.Flow.Battery > 0 ? 0x04 : 0)
        | (r.Flow.Load > 0 ? 0x08 : 0)
        | (r.Flow.Export > 0 ? 0x10 : 0)
        | (r.Flow.Export < 0 ? 0x20 : 0);
}
