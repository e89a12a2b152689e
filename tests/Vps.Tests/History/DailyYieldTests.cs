using System.Globalization;
using Sungrow.Vps.History;
using Xunit;

namespace Sungrow.Vps.Tests.History;

public class DailyYieldTests
{
    private static readonly DateTimeOffset Midnight = new(2026, 6, 21, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Readings as hour=kWh; two in one quarter share the hour.</summary>
    [Theory]
    [InlineData("0=0 8=1 12=10 20=24.6", "19.2", 24.6)] // An ordinary day.
    [InlineData("12=10 20=24.6", null, 24.6)] // A server that was set up at noon still knows the day.
    [InlineData("0=19.2 0.1=0 8=1 20=24.6", "19.2", 24.6)] // Cleared seven minutes after midnight.
    [InlineData("0=19.2 0.5=19.2 0.6=0 20=5", "19.2", 5)] // As late, on a darker day.
    [InlineData("0=19.2 5=19.2 6=19.4 7=20 7.1=0 20=9", "19.2", 9.8)] // Cleared by a clock that is off by hours.
    [InlineData("5=19.2 5.1=0 20=9", null, 9)] // The day before is unknown.
    [InlineData("0=0 12=10 20=12 23.9=0", "19.2", 12)] // Cleared before midnight,
    [InlineData("0=0 12=10 20=24.6", "0", 24.6)] // and the day after that.
    [InlineData("19=12 20=12 23.9=0", null, 12)] // Of the day only its evening is known.
    [InlineData("0=19.2 1=19.2 3=19.2", "19.2", 0)] // The inverter went away before it was cleared.
    [InlineData("15=19.2 20=30", "19.2", 30)] // As much as yesterday by chance.
    [InlineData("0=0 12=10 12.1=9.9 20=24.6", "19.2", 24.6)] // A tenth back is no clearing.
    [InlineData("0=0 10=6 10.5=0 20=5", "19.2", 11)] // Another inverter from half past ten on.
    [InlineData("0=0 12=10 12=0 12=10.1 20=24.6", "19.2", 24.6)] // A wrong reading among right ones.
    public void A_day_counts_what_is_its_own(string readings, string? before, double expected)
    {
        var quarters = readings.Split(' ').Select(text => text.Split('='))
            .Select(parts => (Hour: Number(parts[0]), Kwh: Number(parts[1])))
            .GroupBy(reading => (int)(reading.Hour * 4))
            .Select(quarter => new CounterSpan(
                Midnight.AddMinutes(15 * quarter.Key),
                new(Midnight.AddHours(quarter.First().Hour), quarter.First().Kwh), new(Midnight.AddHours(quarter.Last().Hour), quarter.Last().Kwh),
                quarter.Max(reading => reading.Kwh)))
            .ToList();
        double? last = before is null ? null : Number(before);

        Assert.Equal(expected, DailyYield.Of(quarters, last, Midnight.AddHours(12)), 6);

        // Where the quarters need not be asked, the day's highest reading is the same.
        CounterSpan day = new(Midnight, quarters[0].First, quarters[^1].Last, quarters.Max(quarter => quarter.Max));
        if (!DailyYield.NeedsQuarters(day, last))
        {
            Assert.Equal(expected, day.Max, 6);
        }
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
