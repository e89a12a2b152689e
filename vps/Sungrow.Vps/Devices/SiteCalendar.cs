namespace Sungrow.Vps.Devices;

internal enum Period
{
    Hour,
    Day,
    Month,
}

/// <summary>When the hours, days and months of a site begin. Days of 23 and 25 hours, zones off by half an hour and midnights that do not
/// exist are all this zone's own rules. Pure.</summary>
internal sealed class SiteCalendar(TimeZoneInfo zone)
{
    // Every change of every zone since 2000 lies on one of these.
    private static readonly TimeSpan Quarter = TimeSpan.FromMinutes(15);

    /// <summary>A zone that this machine has lost since the site was made counts as UTC.</summary>
    public static SiteCalendar Of(string timeZone) =>
        new(TimeZoneInfo.TryFindSystemTimeZoneById(timeZone, out var found) ? found : TimeZoneInfo.Utc);

    public DateOnly DateOf(DateTimeOffset time) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(time, zone).DateTime);

    /// <summary>The starts of every period that has a moment in [<paramref name="from"/>, <paramref name="to"/>), and the end of the
    /// last.</summary>
    public IReadOnlyList<DateTimeOffset> Boundaries(Period period, DateTimeOffset from, DateTimeOffset to)
    {
        List<DateTimeOffset> boundaries = [StartOf(period, from)];
        while (boundaries[^1] < to)
        {
            boundaries.Add(Next(period, boundaries[^1]));
        }

        return boundaries;
    }

    private DateTimeOffset StartOf(Period period, DateTimeOffset time)
    {
        if (period != Period.Hour)
        {
            var date = DateOf(time);
            return StartOf(period == Period.Day ? date : FirstOfMonth(date));
        }

        var start = new DateTimeOffset(time.UtcTicks - (time.UtcTicks % Quarter.Ticks), TimeSpan.Zero);
        while (!BeginsAnHour(start))
        {
            start -= Quarter;
        }

        return start;
    }

    private DateTimeOffset Next(Period period, DateTimeOffset start)
    {
        if (period != Period.Hour)
        {
            var date = DateOf(start);
            return StartOf(period == Period.Day ? date.AddDays(1) : FirstOfMonth(date).AddMonths(1));
        }

        do
        {
            start += Quarter;
        }
        while (!BeginsAnHour(start));
        return start;
    }

    /// <summary>The first moment of a date: where midnight is skipped, the clocks' change; where it comes twice, the first.</summary>
    public DateTimeOffset StartOf(DateOnly date)
    {
        var midnight = date.ToDateTime(TimeOnly.MinValue);
        while (zone.IsInvalidTime(midnight))
        {
            midnight += Quarter;
        }

        var offset = zone.IsAmbiguousTime(midnight) ? zone.GetAmbiguousTimeOffsets(midnight).Max() : zone.GetUtcOffset(midnight);
        return new DateTimeOffset(midnight, offset).ToUniversalTime();
    }

    private bool BeginsAnHour(DateTimeOffset time) => (time + zone.GetUtcOffset(time)).Minute == 0;

    private static DateOnly FirstOfMonth(DateOnly date) => new(date.Year, date.Month, 1);
}
