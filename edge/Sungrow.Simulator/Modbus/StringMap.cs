using Sungrow.Simulator.Day;
using static Sungrow.Simulator.Modbus.CommonMap;

namespace Sungrow.Simulator.Modbus;

/// <summary>What SG string inverters serve, in the order of the vendor's document (string inverters, V1.1.80). Units:
/// <see cref="CommonMap"/>. Without sun the inverter stands by: no phase, no frequency.</summary>
internal static class StringMap
{
    /// <summary>Where the meter's registers stand: refused on the LAN port of an inverter that has none.</summary>
    public const int FirstOfMeter = 5082;
    public const int LastOfMeter = 5099;

    private const long Running = 0;
    private const long Standby = 0x1400;

    public static IReadOnlyList<Register> Core(Model model) =>
    [
        .. Identity(model),
        new(5002, Kind.U16, r => DailyTenths(r.Today.Pv), Metric.PvDaily),
        new(5003, Kind.U32, r => TenthKwh(r.Total.Pv) / 10), // kWh
        new(5005, Kind.U32, r => (long)(r.LocalTime - Household.Commissioned).TotalDays * 12), // hours of sun, twelve a day
        new(5007, Kind.S16, r => 200 + (r.Flow.Pv * 200L / model.Watts)), // inside
        .. model.Phases == 1 ? [] : new[] { new Register(5008, Kind.U32, r => Math.Max(r.Flow.ActivePower, 0)) }, // VA, not in RS
        .. Trackers(model),
        .. Enumerable.Range(0, model.Phases).SelectMany(phase => new Register[]
        {
            new(5018 + phase, Kind.U16, r => IsAwake(r) ? PhaseVolts : 0),
            new(5021 + phase, Kind.U16, r => TenthAmperes(Math.Max(r.Flow.ActivePower, 0) / model.Phases, PhaseVolts)),
        }),
        new(5030, Kind.S32, r => r.Flow.ActivePower),
        new(5032, Kind.S32, _ => 0), // reactive power, var
        new(5034, Kind.S16, _ => 1000), // power factor, 0.001
        new(5035, Kind.U16, r => IsAwake(r) ? 500 : 0), // 0.1 Hz
        new(5037, Kind.U16, r => IsAwake(r) ? Running : Standby),
        .. Enumerable.Range(5038, 7).Select(wire => new Register(wire, Kind.U16, _ => 0)), // time and code of a fault: none
        new(5070, Kind.U16, _ => 1_500), // insulation, kOhm
        new(5080, Kind.U32, r => IsAwake(r) ? 1 << 17 : 0), // work state 2: total run
        new(5143, Kind.U32, r => TenthKwh(r.Total.Pv)),
        new(5146, Kind.U16, r => IsAwake(r) ? 3_800 : 0), // bus
        new(5147, Kind.U16, r => IsAwake(r) ? 5_000 : 0), // 0.01 Hz
    ];

    /// <summary>The meter counts + importing; its energies have two words here.</summary>
    public static IReadOnlyList<Register> Meter(Model model) =>
    [
        new(5082, Kind.S32, r => -r.Flow.Export, Metric.ExportPower),
        .. model.Phases == 1 ? [] : new Register[]
        {
            new(5084, Kind.S32, r => -r.Flow.Export - (2 * (-r.Flow.Export / 3))), // the three phases add up to the meter
            new(5086, Kind.S32, r => -r.Flow.Export / 3),
            new(5088, Kind.S32, r => -r.Flow.Export / 3),
        },
        new(5090, Kind.S32, r => r.Flow.Load, Metric.LoadPower),
        new(5092, Kind.U32, r => TenthKwh(r.Today.Export)),
        new(5094, Kind.U32, r => TenthKwh(r.Total.Export)),
        new(5096, Kind.U32, r => TenthKwh(r.Today.Import)),
        new(5098, Kind.U32, r => TenthKwh(r.Total.Import)),
    ];

    private static bool IsAwake(Reading r) => r.Flow.Pv > 0;
}
