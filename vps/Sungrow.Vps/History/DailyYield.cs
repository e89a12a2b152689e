namespace Sungrow.Vps.History;

/// <summary>What the inverter's daily PV counter said in some time, a day or an hour: its first, last and highest reading in
/// kWh.</summary>
internal readonly record struct CounterSpan(DateTimeOffset From, double First, double Last, double Max);

/// <summary>What a day brought by the inverter's own counter, which many inverters clear minutes or hours after midnight, and some before:
/// the evening's reading that still stands in the morning is the day before's, and is not counted again. Pure.</summary>
internal static class DailyYield
{
    // A counter shows tenths, and now and then goes back by one.
    private const double Tolerance = 0.15;

    /// <summary>Whether the day's highest reading may not be all of it, or not its own: then its hours are asked.</summary>
    /// <param name="before">The last reading of the day before; null: unknown.</param>
    public static bool NeedsHours(CounterSpan day, double? before) =>
        day.Last < day.Max - Tolerance || (day.First > Tolerance && Equal(day.First, before));

    /// <param name="hours">Those with readings, in order.</param>
    /// <param name="noon">Of this day: a counter that is cleared before it is late, one that is cleared after it early.</param>
    public static double Of(IReadOnlyList<CounterSpan> hours, double? before, DateTimeOffset noon)
    {
        var first = hours[0].First;
        var lead = first; // The highest before the counter was cleared,
        double? after = null; // and after it.
        var clearedAt = default(DateTimeOffset);
        double? last = null;
        foreach (var hour in hours)
        {
            if (after is not null)
            {
                after = Math.Max(after.Value, hour.Max);
            }
            else if (last is { } stood && hour.First < stood - Tolerance)
            {
                (after, clearedAt) = (hour.Max, hour.From);
            }
            else if (hour.Last < hour.First - Tolerance)
            {
                (after, clearedAt) = (hour.Last, hour.From);
                lead = Math.Max(lead, hour.Max);
            }
            else
            {
                lead = Math.Max(lead, hour.Max);
            }

            last = hour.Last;
        }

        var rise = lead - first;
        var isOfTheDayBefore = before is not null
            ? Equal(first, before) && (after is not null || rise <= Tolerance)
            : after is not null && rise <= Tolerance && clearedAt < noon;
        return (isOfTheDayBefore ? rise : lead) + (after ?? 0);
    }

    private static bool Equal(double reading, double? before) => before is { } known && Math.Abs(reading - known) <= Tolerance;
}
