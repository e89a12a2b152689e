using Sungrow.Edge.Inverter;

namespace Sungrow.Edge.Polling;

/// <summary>Lets the inverter's daily PV counter pass, or nothing.
/// The total counter judges it: total - daily is where the total stood when the day's counting began, and on one local day that must be
/// where it stood at local midnight, between the last total seen before and the first one seen after. A counter that still shows
/// yesterday, was reset too early, counts two days or reads zero for a poll points somewhere else.
/// Guarantees: never a number that was not served; never less than before on the same local day; never yesterday's sum; the day's last
/// value is the total's growth to one step of the total.
/// Pure: time, zone and what was known come as arguments. The state survives restarts. An edge that has never seen this inverter before
/// believes the first value that fits the hour: above zero only while PV produces or after noon, because a counter that waits for the
/// inverter to wake has been reset by then.</summary>
/// <param name="zone">Of the inverter's own clock.</param>
/// <param name="restored">Of the last run.</param>
internal sealed class DailyCounterGuard(TimeZoneInfo zone, CounterState? restored = null)
{
    // DC power may be twice the nominal AC power, the rest charges the battery.
    private const decimal MostOfNominal = 2;

    // A total that disagrees with the last one for so many polls is the new truth, and the day's account is lost.
    private const int Polls = 3;

    private static readonly TimeSpan Noon = TimeSpan.FromHours(12);
    private static readonly TimeSpan ClockCorrection = TimeSpan.FromHours(1);

    private bool _isRestored = restored is not null;
    private int _odd;

    /// <summary>To be kept for the next run.</summary>
    public CounterState? State { get; private set; } = restored;

    public DateOnly DayOf(DateTimeOffset moment) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(moment, zone).DateTime);

    /// <param name="serial">Of the inverter that served it: another one has another account.</param>
    /// <param name="now">Start of the poll.</param>
    /// <param name="generating">Whether PV produces.</param>
    /// <returns>The daily counter as served, or null.</returns>
    public double? Judge(string serial, DateTimeOffset now, PvCounters? counters, double? nominalWatts, bool generating)
    {
        if (counters is not { } served)
        {
            return null;
        }

        var (daily, total, step) = ((decimal)served.DailyKwh, (decimal)served.TotalKwh, (decimal)served.TotalStepKwh);
        var day = DayOf(now);
        if (State is null || State.Serial != serial || now < State.At - ClockCorrection)
        {
            State = new(serial, day, Low: null, High: total, Highest: null, total, now);
        }

        if (day < State.Day || !Follows(State, now, total, step, nominalWatts))
        {
            return null;
        }

        State = Today(State, day, total, step) with { Total = total, At = now };
        _isRestored = false;
        return Fits(State, daily, step, generating, LocalTime(now), nominalWatts) ? Believe(served.DailyKwh, daily, step) : null;
    }

    // Whether this total can come after the last one. A zero or a leap for a poll or two changes nothing.
    private bool Follows(CounterState state, DateTimeOffset now, decimal total, decimal step, double? nominalWatts)
    {
        var grown = total - state.Total;
        if (grown >= 0 && grown <= Possible(now - state.At, nominalWatts) + step)
        {
            _odd = 0;
            return true;
        }

        if (now < state.At)
        {
            State = state with { At = now }; // The clock was corrected: no reason to lose the day.
        }

        if (++_odd >= Polls)
        {
            _odd = 0;
            State = state with { Day = DayOf(now), Low = null, High = total, Total = total, At = now, Lost = true };
        }

        return false;
    }

    private CounterState Today(CounterState state, DateOnly day, decimal total, decimal step)
    {
        if (day == state.Day)
        {
            return state;
        }

        // A run that was killed may not have kept how far the total got on its last day: then a counter that goes on from that day's
        // midnight is yesterday's.
        var low = _isRestored ? Math.Max(state.Total, state.High + (2 * step)) : state.Total;
        return state with { Day = day, Low = low, High = total, Highest = null, Lost = false };
    }

    private static bool Fits(
        CounterState state, decimal daily, decimal step, bool generating, TimeSpan localTime, double? nominalWatts)
    {
        var midnight = state.Total - daily;
        if (state.Lost || midnight < 0 || daily < state.Highest)
        {
            return false;
        }

        // Both counters are cut to their steps, so the difference may swing by one; only yesterday's own remainder points below.
        return state.Low is { } low
            ? midnight >= low - (state.Highest is null ? 0 : step) && midnight <= state.High + step
            : daily == 0 || ((generating || localTime >= Noon) && daily <= Possible(localTime + ClockCorrection, nominalWatts) + step);
    }

    private double Believe(double served, decimal daily, decimal step)
    {
        // From here on this value says where midnight was, unless that is known better. A zero says nothing: it may be a poll's slip.
        var midnight = State!.Total - daily;
        var isVague = State.Low is null || State.High - State.Low > step;
        State = isVague && daily > 0
            ? State with { Low = midnight, High = midnight, Highest = daily }
            : State with { Highest = daily };
        return served;
    }

    private TimeSpan LocalTime(DateTimeOffset now) => TimeZoneInfo.ConvertTime(now, zone).TimeOfDay;

    private static decimal Possible(TimeSpan span, double? nominalWatts) =>
        nominalWatts is { } watts
            ? (decimal)watts / 1000 * MostOfNominal * (decimal)Math.Max(0, span.TotalHours)
            : decimal.MaxValue / 2;
}
