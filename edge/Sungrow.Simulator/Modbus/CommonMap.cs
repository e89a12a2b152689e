using Sungrow.Simulator.Day;

namespace Sungrow.Simulator.Modbus;

/// <summary>What both families serve at the same addresses, and the units they count in: energies are 0.1 kWh, voltages 0.1 V, currents
/// 0.1 A, temperatures 0.1 degC unless a line says otherwise; powers are W.</summary>
internal static class CommonMap
{
    public const int PhaseVolts = 2_302;

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

    // Percent of the sun by tracker, the first string a little longer than the next; and their volts while there is sun.
    private static readonly int[][] TrackerShares = [[100], [53, 47], [40, 33, 27], [30, 27, 23, 20]];
    private static readonly int[] TrackerVolts = [5_620, 5_040, 4_710, 4_380];
    private static readonly int[] TrackerWires = [5010, 5012, 5014, 5114];

    public static IReadOnlyList<Register> Identity(Model model) =>
    [
        new(4951, Kind.U32, _ => 0x01001100), // protocol version, as a real SH10RT reports it
        .. Text(4953, 15, _ => "SIM-ARM-V01"), // certified firmware
        .. Text(4968, 15, _ => "SIM-DSP-V01"),
        .. Text(4989, 10, r => r.Serial),
        new(4999, Kind.U16, _ => model.Code),
        new(5000, Kind.U16, _ => model.Watts / 100), // 0.1 kW
        new(5001, Kind.U16, _ => model.Phases == 3 ? 1 : 0), // three phases and neutral, or one phase
    ];

    public static IReadOnlyList<Register> Trackers(Model model)
    {
        var shares = TrackerShares[model.Trackers - 1];
        return
        [
            .. shares.SelectMany((_, tracker) => new Register[]
            {
                new(TrackerWires[tracker], Kind.U16, r => Volts(r, tracker)),
                new(TrackerWires[tracker] + 1, Kind.U16, r => TenthAmperes(Watts(r, tracker), Volts(r, tracker))),
            }),
            new(5016, Kind.U32, r => r.Flow.Pv, Metric.PvPower),
        ];

        // The last tracker has what the others leave, so that all of them add up.
        long Watts(Reading r, int tracker) => tracker < shares.Length - 1
            ? r.Flow.Pv * (long)shares[tracker] / 100
            : r.Flow.Pv - shares[..^1].Sum(share => r.Flow.Pv * (long)share / 100);

        static long Volts(Reading r, int tracker) => r.Flow.Pv == 0 ? 0 : TrackerVolts[tracker];
    }

    /// <summary>ASCII, high byte first, padded with NUL.</summary>
    public static IEnumerable<Register> Text(int wire, int words, Func<Reading, string> text) =>
        Enumerable.Range(0, words).Select(word => new Register(wire + word, Kind.U16, r =>
        {
            var padded = text(r).PadRight(words * 2, '\0');
            return (padded[2 * word] << 8) | padded[(2 * word) + 1];
        }));

    public static long TenthKwh(long wattSeconds) => wattSeconds / 360_000;

    /// <summary>Of a counter with one word, which ends below the sentinel: only one that is never reset comes that far.</summary>
    public static long DailyTenths(long wattSeconds) => Math.Min(TenthKwh(wattSeconds), ushort.MaxValue - 1);

    public static long TenthAmperes(long watts, long tenthVolts) => tenthVolts == 0 ? 0 : (long)Math.Round(watts * 100.0 / tenthVolts);
}
