namespace Sungrow.Simulator.Day;

/// <summary>What the sun gives and the house takes at each second of a week that repeats. A pure function of the seed and the second.
/// Seed 0 is the measured day, seven times; any other seed scales sun and load a little, each weekday differently.</summary>
internal sealed class Curves
{
    public const int DaySeconds = 86_400;
    public const int WeekSeconds = 7 * DaySeconds;
    public const int SlotSeconds = 900;
    public const int SlotsPerDay = 96;

    /// <summary>PV power in W at 06:30 and each quarter of an hour after it; 0 before and after. Read from the quarter-hour table of an
    /// SH10RT (wire 6099) in Germany on 8 September 2026; the slots are samples, not means. It was read at 18:07, so the last three, the
    /// dusk, are drawn: they bring the day to the 38.7 kWh of the worked day.</summary>
    private static readonly int[] Measured =
    [
        137, 184, 247, 213, 228, 457,
        381, 508, 699, 1476, 1036, 1525, 2156, 3566, 1445, 2038, 5557, 4223, 6059, 2751, 4941, 3434, 5543, 3246, 2732, 3614,
        6163, 5665, 5213, 6562, 4415, 9187, 8560, 8319, 7863, 6648, 2728, 1733, 3611, 1613, 5255, 4507, 2252, 1794, 1084, 965,
        1031, 720, 420, 180,
    ];

    private const int FirstMeasuredSlot = 26;

    /// <summary>Household load in W from this quarter of an hour on: 05:30, 08:00 .. Chosen so that a 9.6 kWh battery follows the worked
    /// day.</summary>
    private static readonly (int Slot, int Watts)[] LoadSteps =
        [(0, 380), (22, 600), (32, 700), (48, 1100), (56, 900), (72, 1700), (84, 700), (93, 420)];

    private static readonly int[] Load =
        [.. Enumerable.Range(0, SlotsPerDay).Select(slot => LoadSteps.Last(step => step.Slot <= slot).Watts)];

    // Battery temperature: coolest before the sun, warmest when the battery has been charged.
    private const int CoolestAt = 6 * 3600;
    private const int WarmestAt = (14 * 3600) + 1800;

    private readonly int _seed;
    private readonly double[] _pvFactor = new double[7];
    private readonly double[] _loadFactor = new double[7];

    /// <param name="house">Null: the measured one.</param>
    public Curves(int seed, House? house = null)
    {
        _seed = seed;
        House = house ?? Model.Sh10Rt.House(battery: true);
        for (var day = 0; day < 7; day++)
        {
            // The upper bound keeps the peak below what the inverter can pass on, so nothing is ever curtailed.
            _pvFactor[day] = House.Size * (seed == 0 ? 1 : 0.95 + (0.10 * Wobble(day, 'p')));
            _loadFactor[day] = House.Size * (seed == 0 ? 1 : 1 + (0.15 * Wobble(day, 'l')));
        }
    }

    public House House { get; }

    /// <summary>W, straight lines between the measured quarter hours.</summary>
    public int PvWatts(int second)
    {
        var (day, time) = Math.DivRem(second, DaySeconds);
        var (slot, into) = Math.DivRem(time, SlotSeconds);
        var measured = Slot(slot) + ((Slot(slot + 1) - Slot(slot)) * (double)into / SlotSeconds);
        return (int)Math.Round(measured * _pvFactor[day]);
    }

    /// <summary>W: the step of this time of day, and a few watts that change each second as in any house.</summary>
    public int LoadWatts(int second)
    {
        var (day, time) = Math.DivRem(second, DaySeconds);
        return (int)Math.Round((Load[time / SlotSeconds] * _loadFactor[day]) + (10 * Wobble(second, 'w')));
    }

    /// <summary>W by which the regulator misses zero at the meter: it never holds exactly 0.</summary>
    public int RegulatorErrorWatts(int second) => (int)Math.Round(20 * Wobble(second, 'r'));

    /// <summary>0 at the coolest and 1 at the warmest time of day, half a cosine each way.</summary>
    public static double Warmth(int second)
    {
        var time = second % DaySeconds;
        const int warming = WarmestAt - CoolestAt;
        var sinceCoolest = (time - CoolestAt + DaySeconds) % DaySeconds;
        var phase = sinceCoolest <= warming
            ? (double)sinceCoolest / warming
            : 1 + ((double)(sinceCoolest - warming) / (DaySeconds - warming));
        return (1 - Math.Cos(Math.PI * phase)) / 2;
    }

    private static int Slot(int slot) =>
        slot - FirstMeasuredSlot is >= 0 and var index && index < Measured.Length ? Measured[index] : 0;

    /// <summary>-1 .. 1, spread evenly and the same for ever for the same seed, moment and purpose (SplitMix64).</summary>
    private double Wobble(int moment, char purpose)
    {
        var x = (((ulong)(uint)_seed << 40) ^ ((ulong)purpose << 32) ^ (uint)moment) + 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        x ^= x >> 31;
        return ((x >> 11) * (2.0 / (1UL << 53))) - 1;
    }
}
