using Sungrow.Edge.Inverter;

namespace Sungrow.Edge.Tests.Polling;

/// <summary>What may happen to the counters around one midnight, or on the day after it.</summary>
internal enum Quirk
{
    None,
    LateReset,
    EarlyReset,
    ResetWhenItWakes,
    NoReset,
    DailyZeroForAPoll,
    TotalZeroForAPoll,
    BothZeroForAPoll,
    TotalBackForAPoll,
    TotalLeapsForAPoll,
    DailyLagsTotal,
    TotalLagsDaily,
}

/// <summary>The PV counters of an inverter for a year, with what really happened beside them.</summary>
internal sealed class QuirkyCounters(TimeZoneInfo zone, bool sleepsAtNight, int seed)
{
    public const double NominalWatts = 10_000;

    private readonly Random _random = new(seed);
    private readonly Dictionary<DateOnly, double> _weather = [];
    private readonly Dictionary<DateOnly, Quirk> _quirks = [];
    private readonly Dictionary<DateOnly, TimeSpan> _offsets = [];
    private DateTimeOffset? _at;
    private DateOnly _countingDay;
    private double _dailyWh;
    private double _totalWh = 58_000_040 + seed;
    private double _totalAtMidnight;
    private (double Daily, double Total) _before;

    public DateOnly Today { get; private set; }

    /// <summary>What the total counter has grown by since local midnight.</summary>
    public double TodayKwh => Math.Round(Cut(_totalWh) - Cut(_totalAtMidnight), 1);

    public double YesterdayKwh { get; private set; }

    public Quirk QuirkOf(DateOnly day) =>
        Draw(_quirks, day, () => _random.Next(2) == 0 ? Quirk.None : (Quirk)_random.Next((int)Quirk.TotalLagsDaily + 1));

    /// <summary>Lets time pass; null: nothing answers.</summary>
    public (PvCounters Served, bool Generating)? At(DateTimeOffset now)
    {
        var local = TimeZoneInfo.ConvertTime(now, zone).DateTime;
        var day = DateOnly.FromDateTime(local);
        if (_at is null)
        {
            _countingDay = Today = day;
            _totalAtMidnight = _totalWh;
        }

        if (day != Today)
        {
            (Today, YesterdayKwh, _totalAtMidnight) = (day, TodayKwh, _totalWh);
        }

        var watts = Watts(local);
        ResetWhenDue(local, watts);
        var grown = watts * (now - (_at ?? now)).TotalHours;
        _at = now;
        _dailyWh += grown;
        _totalWh += grown;

        var (daily, total) = (Cut(_dailyWh), Cut(_totalWh));
        (double Daily, double Total) served = _random.Next(40) == 0 ? Disturbed(QuirkOf(day), daily, total) : (daily, total);
        _before = (daily, total);
        return sleepsAtNight && watts == 0 ? null : (new(served.Daily, served.Total, 0.1), watts > 0);
    }

    private (double Daily, double Total) Disturbed(Quirk quirk, double daily, double total) => quirk switch
    {
        Quirk.DailyZeroForAPoll => (0, total),
        Quirk.TotalZeroForAPoll => (daily, 0),
        Quirk.BothZeroForAPoll => (0, 0),
        Quirk.TotalBackForAPoll => (daily, Math.Round(total - 3.3, 1)),
        Quirk.TotalLeapsForAPoll => (daily, Math.Round(total + 4096, 1)),
        Quirk.DailyLagsTotal => (_before.Daily, total),
        Quirk.TotalLagsDaily => (daily, _before.Total),
        _ => (daily, total),
    };

    // The counting day ends at the inverter's own midnight, or whenever its quirk says.
    private void ResetWhenDue(DateTime local, double watts)
    {
        var next = _countingDay.AddDays(1);
        var quirk = QuirkOf(next);
        var midnight = next.ToDateTime(TimeOnly.MinValue);
        var due = quirk switch
        {
            Quirk.LateReset => midnight + Draw(_offsets, next, () => TimeSpan.FromMinutes(_random.Next(1, 90))),
            Quirk.EarlyReset => midnight - Draw(_offsets, next, () => TimeSpan.FromMinutes(_random.Next(1, 61))),
            _ => midnight,
        };
        if (local < due || (quirk == Quirk.ResetWhenItWakes && watts == 0))
        {
            return;
        }

        _countingDay = DateOnly.FromDateTime(local) > next ? DateOnly.FromDateTime(local) : next;
        if (quirk != Quirk.NoReset)
        {
            _dailyWh = 0;
        }
    }

    // Winter days are short and may bring nothing at all; in summer the sun is up from five to nine.
    private double Watts(DateTime local)
    {
        var summer = (1 - Math.Cos((local.DayOfYear - 10) * 2 * Math.PI / 365)) / 2;
        var (rise, set) = (8.5 - (3.5 * summer), 16 + (4.5 * summer));
        var hour = local.TimeOfDay.TotalHours;
        var weather = Draw(_weather, DateOnly.FromDateTime(local), () => _random.Next(12) == 0 ? 0 : _random.NextDouble());
        return hour > rise && hour < set ? weather * NominalWatts * 1.3 * Math.Sin(Math.PI * (hour - rise) / (set - rise)) : 0;
    }

    private static double Cut(double wattHours) => Math.Round(Math.Floor(wattHours / 100) / 10, 1);

    private static T Draw<T>(Dictionary<DateOnly, T> drawn, DateOnly day, Func<T> draw) =>
        drawn.TryGetValue(day, out var value) ? value : drawn[day] = draw();
}
