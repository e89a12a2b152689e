namespace Sungrow.Simulator.Day;

/// <summary>Everything the inverter could say about one second.</summary>
/// <param name="LocalTime">The second, as the clock on the inverter's wall shows it.</param>
/// <param name="Today">Counters since local midnight.</param>
/// <param name="Total">Counters since commissioning.</param>
/// <param name="Warmth">0 at the coolest time of day, 1 at the warmest.</param>
/// <param name="QuarterHourPv">W at each quarter of an hour of today that has passed, else 0; 96 of them.</param>
internal sealed record Reading(
    string Serial,
    DateTimeOffset LocalTime,
    Flow Flow,
    long Stored,
    Energy Today,
    Energy Total,
    double Warmth,
    IReadOnlyList<int> QuarterHourPv);

/// <summary>A house with a roof, a battery and an inverter, in a time zone.</summary>
internal sealed class Household
{
    /// <summary>When the counters stood at zero: 00:00 of this Monday, sun time.</summary>
    public static readonly DateTimeOffset Commissioned = new(2020, 1, 6, 0, 0, 0, TimeSpan.Zero);

    private readonly string _serial;
    private readonly TimeZoneInfo _zone;
    private readonly TimeSpan _sunOffset;
    private readonly Curves _curves;
    private readonly Timeline _timeline;

    /// <param name="house">Null: the measured one.</param>
    public Household(string serial, TimeZoneInfo zone, int seed, House? house = null)
    {
        _serial = serial;
        _zone = zone;
        _curves = new Curves(seed, house);
        _timeline = new Timeline(_curves);

        // The sun keeps no summer time. Its day runs at the offset that the zone had on the day of the measurement, all year; only the
        // counters and the clock follow the wall. So a day of 23 or 25 hours loses no energy and invents none.
        _sunOffset = zone.GetUtcOffset(new DateTime(2026, 9, 8, 12, 0, 0, DateTimeKind.Unspecified));
    }

    /// <exception cref="ArgumentOutOfRangeException">Within two days of commissioning: there may be no midnight to count from.</exception>
    public Reading At(DateTimeOffset instant)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(instant, Commissioned.AddDays(2));

        var second = SunSecond(instant);
        var midnight = SunSecond(StartOfDay(instant));
        var moment = _timeline.At(second);
        var localTime = TimeZoneInfo.ConvertTime(Commissioned.AddSeconds(second) - _sunOffset, _zone);
        return new Reading(
            _serial,
            localTime,
            moment.Flow,
            moment.Stored,
            moment.Energy.Plus(_timeline.At(midnight).Energy, -1),
            moment.Energy,
            Curves.Warmth((int)(second % Curves.WeekSeconds)),
            QuarterHours(midnight, second));
    }

    /// <summary>The counters between two instants.</summary>
    public Energy Since(DateTimeOffset from, DateTimeOffset to) =>
        _timeline.At(SunSecond(to)).Energy.Plus(_timeline.At(SunSecond(from)).Energy, -1);

    /// <summary>The local midnight before <paramref name="instant"/>.</summary>
    public DateTimeOffset StartOfDay(DateTimeOffset instant)
    {
        var midnight = TimeZoneInfo.ConvertTime(instant, _zone).Date;

        // Some zones go forward at midnight: their day begins at the first time that exists. Others pass it twice: it begins at the first.
        while (_zone.IsInvalidTime(midnight))
        {
            midnight = midnight.AddMinutes(15);
        }

        var offset = _zone.IsAmbiguousTime(midnight) ? _zone.GetAmbiguousTimeOffsets(midnight).Max() : _zone.GetUtcOffset(midnight);
        return new DateTimeOffset(midnight, offset);
    }

    private int[] QuarterHours(long midnight, long now)
    {
        var watts = new int[Curves.SlotsPerDay];
        for (var slot = 0; slot < watts.Length && midnight + (slot * Curves.SlotSeconds) <= now; slot++)
        {
            watts[slot] = _curves.PvWatts((int)((midnight + (slot * Curves.SlotSeconds)) % Curves.WeekSeconds));
        }

        return watts;
    }

    private long SunSecond(DateTimeOffset instant) => (long)Math.Floor((instant + _sunOffset - Commissioned).TotalSeconds);
}
