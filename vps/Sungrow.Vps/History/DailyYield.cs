namespace Sungrow.Vps.History;

/// <summary>A reading of the inverter's daily PV counter.</summary>
internal readonly record struct CounterReading(DateTimeOffset Ts, double Kwh);

/// <summary>What the counter said in some time: a day, or a quarter of an hour.</summary>
internal readonly record struct CounterSpan(DateTimeOffset From, CounterReading First, CounterReading Last, double Max);

/// <summary>What a day brought by the inverter's own counter, which many inverters clear minutes or hours after midnight, and some before:
/// the evening's reading that still stands in the morning is the day before's, and is not counted again. Pure.</summary>
internal static class DailyYield
{
    // A counter shows tenths, and now and then goes back by one.
    private const double Tolerance = 0.15;

    /// <summary>Whether the day's highest reading may not be all of it, or not its own: then its quarters are asked.</summary>
    /// <param name="before">The last reading of the day before; null: unknown.</param>
    public static bool NeedsQuarters(CounterSpan day, double? before) =>
        day.Last.Kwh < day.Max - Tolerance || (day.First.Kwh > Tolerance && Equal(day.First.Kwh, before));

    /// <param name="quarters">Those with readings, in order.</param>
    /// <param name="noon">Of this day: a counter that is cleared before it is late, one that is cleared after it early.</param>
    public static double Of(IReadOnlyList<CounterSpan> quarters, double? before, DateTimeOffset noon)
    {
        var first = quarters[0].First.Kwh;
        var lead = first; // The highest before the counter was cleared,
        double? after = null; // and after it.
        var clearedAt = default(DateTimeOffset);
        double? last = null;
        foreach (var quarter in quarters)
        {
            if (after is not null)
            {
                after = Math.Max(after.Value, quarter.Max);
            }
            else if (last is { } stood && quarter.First.Kwh < stood - Tolerance)
            {
                (after, clearedAt) = (quarter.Max, quarter.From);
            }
            else if (quarter.Last.Kwh < quarter.First.Kwh - Tolerance)
            {
                (after, clearedAt) = (quarter.Last.Kwh, quarter.From);
                lead = Math.Max(lead, quarter.Max);
            }
            else
            {
                lead = Math.Max(lead, quarter.Max);
            }

            last = quarter.Last.Kwh;
        }

        var rise = lead - first;
        var isOfTheDayBefore = before is not null
            ? Equal(first, before) && (after is not null || rise <= Tolerance)
            : after is not null && rise <= Tolerance && clearedAt < noon;
        return (isOfTheDayBefore ? rise : lead) + (after ?? 0);
    }

    private static bool Equal(double reading, double? before) => before is { } known && Math.Abs(reading - known) <= Tolerance;
}
