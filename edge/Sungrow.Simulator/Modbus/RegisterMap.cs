using Sungrow.Simulator.Day;

namespace Sungrow.Simulator.Modbus;

internal enum Kind { U16, S16, U32, S32 }

/// <param name="Wire">Address on the wire: the documented register minus one.</param>
/// <param name="Raw">The integer that the register carries, before it is split into words.</param>
internal readonly record struct Register(int Wire, Kind Kind, Func<Reading, long> Raw)
{
    public int Words => Kind is Kind.U16 or Kind.S16 ? 1 : 2;
}

/// <summary>What an SH10RT serves on its LAN port, in the order of the vendor's document (hybrid inverters, V1.1.16). Energies are 0.1 kWh,
/// voltages 0.1 V, currents 0.1 A, temperatures 0.1 degC unless a line says otherwise; powers are W.</summary>
internal static class RegisterMap
{
    // The values that the served log repeats.
    public static readonly Register PvPower = new(5016, Kind.U32, r => r.Flow.Pv);
    public static readonly Register BatteryPower = new(5213, Kind.S32, r => r.Flow.Battery);
    public static readonly Register PvDaily = new(13001, Kind.U16, r => TenthKwh(r.Today.Pv));
    public static readonly Register LoadPower = new(13007, Kind.S32, r => r.Flow.Load);
    public static readonly Register ExportPower = new(13009, Kind.S32, r => r.Flow.Export);
    public static readonly Register BatterySoc = new(13022, Kind.U16, SocTenths);
    public static readonly Register BatteryTemperature = new(13024, Kind.S16, BatteryTemperatureTenths);

    /// <summary>Function 4. What no line names reads 0xFFFF: MPPT3 and MPPT4, which an SH10RT does not have, among them.</summary>
    public static readonly IReadOnlyList<Register> Input =
    [
        new(4951, Kind.U32, _ => 0x01001100), // protocol version, as a real SH10RT reports it
        .. Text(4989, 10, r => r.Serial),
        new(4999, Kind.U16, _ => 0x0E03), // SH10RT
        new(5000, Kind.U16, _ => 100), // 10.0 kW
        new(5001, Kind.U16, _ => 1), // three phases and neutral
        new(5002, Kind.U16, r => TenthKwh(r.Today.Output)),
        new(5003, Kind.U32, r => TenthKwh(r.Total.Output)),

        new(5007, Kind.S16, r => 280 + (r.Flow.Pv / 50)), // inside
        new(5010, Kind.U16, r => FirstTrackerVolts(r)),
        new(5011, Kind.U16, r => TenthAmperes(FirstTrackerWatts(r), FirstTrackerVolts(r))),
        new(5012, Kind.U16, r => SecondTrackerVolts(r)),
        new(5013, Kind.U16, r => TenthAmperes(r.Flow.Pv - FirstTrackerWatts(r), SecondTrackerVolts(r))),
        PvPower,
        new(5018, Kind.U16, _ => PhaseVolts),
        new(5019, Kind.U16, _ => PhaseVolts),
        new(5020, Kind.U16, _ => PhaseVolts),
        new(5032, Kind.S32, _ => 0), // reactive power, var
        new(5034, Kind.S16, _ => 1000), // power factor, 0.001
        new(5035, Kind.U16, _ => 500), // 0.1 Hz

        BatteryPower,
        new(5241, Kind.U16, _ => 5000), // 0.01 Hz

        // The meter counts the other way: + importing.
        new(5600, Kind.S32, r => -r.Flow.Export),
        new(5602, Kind.S32, r => -r.Flow.Export - (2 * (-r.Flow.Export / 3))), // the three phases add up to the meter
        new(5604, Kind.S32, r => -r.Flow.Export / 3),
        new(5606, Kind.S32, r => -r.Flow.Export / 3),
        new(5621, Kind.U16, _ => 0), // feed-in limits, 10 W
        new(5622, Kind.U16, _ => 1000),
        new(5627, Kind.U16, _ => 106), // rating of the battery's converter, 100 W
        new(5629, Kind.U16, BatteryVolts), // 5629 .. 5633 repeat the battery, 5630 documented, its neighbours only seen
        new(5630, Kind.S16, BatteryAmperes),
        new(5631, Kind.S16, BatteryTemperatureTenths),
        new(5632, Kind.U16, SocTenths),
        new(5633, Kind.U16, _ => SohTenths),
        new(5634, Kind.U16, _ => 30), // most charge and discharge current, A
        new(5635, Kind.U16, _ => 30),
        new(5638, Kind.U16, _ => BatteryPack.Full / 36_000), // capacity, 0.01 kWh

        .. Enumerable.Range(0, Curves.SlotsPerDay).Select(slot => new Register(6099 + slot, Kind.U16, r => r.QuarterHourPv[slot])),

        new(12999, Kind.U16, RunningState),
        new(13000, Kind.U16, PowerFlow),
        PvDaily,
        new(13002, Kind.U32, r => TenthKwh(r.Total.Pv)),
        new(13004, Kind.U16, r => TenthKwh(r.Today.PvToGrid)),
        new(13005, Kind.U32, r => TenthKwh(r.Total.PvToGrid)),
        LoadPower,
        ExportPower,
        new(13011, Kind.U16, r => TenthKwh(r.Today.PvToBattery)),
        new(13012, Kind.U32, r => TenthKwh(r.Total.PvToBattery)),
        new(13016, Kind.U16, r => TenthKwh(r.Today.PvToLoad)),
        new(13017, Kind.U32, r => TenthKwh(r.Total.PvToLoad)),
        new(13019, Kind.U16, BatteryVolts),
        new(13020, Kind.S16, BatteryAmperes), // signed, as RT firmware has it since the end of 2024
        new(13021, Kind.S16, r => r.Flow.Battery),
        BatterySoc,
        new(13023, Kind.U16, _ => SohTenths),
        BatteryTemperature,
        new(13025, Kind.U16, r => TenthKwh(r.Today.Discharge)),
        new(13026, Kind.U32, r => TenthKwh(r.Total.Discharge)),
        new(13028, Kind.U16, r => r.Today.Pv == 0 ? 0 : (r.Today.Pv - r.Today.PvToGrid) * 1000 / r.Today.Pv), // self-consumption, 0.1 %
        new(13030, Kind.S16, r => TenthAmperes(r.Flow.ActivePower / 3, PhaseVolts)),
        new(13031, Kind.S16, r => TenthAmperes(r.Flow.ActivePower / 3, PhaseVolts)),
        new(13032, Kind.S16, r => TenthAmperes(r.Flow.ActivePower / 3, PhaseVolts)),
        new(13033, Kind.S32, r => r.Flow.ActivePower),
        new(13035, Kind.U16, r => TenthKwh(r.Today.Import)),
        new(13036, Kind.U32, r => TenthKwh(r.Total.Import)),
        new(13038, Kind.U16, _ => BatteryPack.Full / 360_000), // capacity, 0.1 kWh
        new(13039, Kind.U16, r => TenthKwh(r.Today.Charge)),
        new(13040, Kind.U32, r => TenthKwh(r.Total.Charge)),
        new(13044, Kind.U16, r => TenthKwh(r.Today.Export)),
        new(13045, Kind.U32, r => TenthKwh(r.Total.Export)),

        // Alarms and faults: none.
        .. Enumerable.Range(0, 13).Select(pair => new Register(13049 + (2 * pair), Kind.U32, _ => 0)),
        new(13077, Kind.U32, _ => 0),

        new(13199, Kind.S32, _ => int.MaxValue), // second channel of the meter: the sentinel of a register that exists without a value
    ];

    /// <summary>Function 3: the clock, local wall time without a zone.</summary>
    public static readonly IReadOnlyList<Register> Holding =
    [
        new(4999, Kind.U16, r => r.LocalTime.Year),
        new(5000, Kind.U16, r => r.LocalTime.Month),
        new(5001, Kind.U16, r => r.LocalTime.Day),
        new(5002, Kind.U16, r => r.LocalTime.Hour),
        new(5003, Kind.U16, r => r.LocalTime.Minute),
        new(5004, Kind.U16, r => r.LocalTime.Second),
    ];

    private const int PhaseVolts = 2_302;
    private const int SohTenths = 980;

    private static long TenthKwh(long wattSeconds) => wattSeconds / 360_000;

    private static long TenthAmperes(long watts, long tenthVolts) => tenthVolts == 0 ? 0 : (long)Math.Round(watts * 100.0 / tenthVolts);

    private static long SocTenths(Reading r) => ((r.Stored * 1000) + (BatteryPack.Full / 2)) / BatteryPack.Full;

    private static long BatteryVolts(Reading r) => 1850 + (SocTenths(r) * 15 / 100);

    private static long BatteryAmperes(Reading r) => TenthAmperes(r.Flow.Battery, BatteryVolts(r));

    // 23.0 .. 32.0 degC
    private static long BatteryTemperatureTenths(Reading r) => 230 + (long)Math.Round(90 * r.Warmth);

    // Two strings, the first a little longer; nothing to see before the sun is up.
    private static long FirstTrackerVolts(Reading r) => r.Flow.Pv == 0 ? 0 : 5_620;

    private static long SecondTrackerVolts(Reading r) => r.Flow.Pv == 0 ? 0 : 5_040;

    private static long FirstTrackerWatts(Reading r) => r.Flow.Pv * 53L / 100;

    /// <summary>0x0040 running; 0x0008 standby while there is no sun and the battery is at its minimum.</summary>
    private static long RunningState(Reading r) => r.Flow is { Pv: 0, Battery: 0 } && r.Stored == BatteryPack.Reserve ? 0x0008 : 0x0040;

    private static long PowerFlow(Reading r) =>
        (r.Flow.Pv > 0 ? 0x01 : 0)
        | (r.Flow.Battery < 0 ? 0x02 : 0)
        | (r.Flow.Battery > 0 ? 0x04 : 0)
        | (r.Flow.Load > 0 ? 0x08 : 0)
        | (r.Flow.Export > 0 ? 0x10 : 0)
        | (r.Flow.Export < 0 ? 0x20 : 0);

    // ASCII, high byte first, padded with NUL.
    private static IEnumerable<Register> Text(int wire, int words, Func<Reading, string> text) =>
        Enumerable.Range(0, words).Select(word => new Register(wire + word, Kind.U16, r =>
        {
            var padded = text(r).PadRight(words * 2, '\0');
            return (padded[2 * word] << 8) | padded[(2 * word) + 1];
        }));
}
