using Sungrow.Simulator.Day;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

public class MidnightTests
{
    // Wire addresses of the counters: daily ones are one word, totals two.
    private static readonly int[] Daily = [5002, 13001, 13004, 13011, 13016, 13025, 13035, 13039, 13044];
    private static readonly int[] Totals = [5003, 13002, 13005, 13012, 13017, 13026, 13036, 13040, 13045];

    [Theory]
    [InlineData("UTC", "2026-09-08", 24)]
    [InlineData("Europe/Berlin", "2026-09-08", 24)]
    [InlineData("Europe/Berlin", "2026-03-29", 23)]
    [InlineData("Europe/Berlin", "2026-10-25", 25)]
    [InlineData("Asia/Kathmandu", "2026-01-15", 24)]
    [InlineData("America/Havana", "2026-03-08", 23)] // forward at midnight: this day begins at 01:00
    [InlineData("America/Havana", "2026-11-01", 25)] // back at 01:00: midnight comes twice
    public void Daily_counters_start_at_local_midnight_and_never_fall_before_the_next(string zoneName, string date, int hours)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(zoneName);
        var household = new Household("A1", zone, seed: 2);
        var midnight = FirstSecondOf(DateTime.Parse(date), zone);
        Assert.Equal(TimeSpan.FromHours(hours), FirstSecondOf(DateTime.Parse(date).AddDays(1), zone) - midnight);

        Assert.All(Daily, wire => Assert.Equal(0, Served.U16(household.At(midnight), wire)));
        var before = household.At(midnight);
        for (var at = midnight; at < midnight.AddHours(hours); at = at.AddMinutes(7))
        {
            var now = household.At(at);
            Assert.All(Daily, wire => Assert.True(Served.U16(now, wire) >= Served.U16(before, wire), $"{wire} fell at {at:o}"));
            Assert.All(Totals, wire => Assert.True(Served.U32(now, wire) >= Served.U32(before, wire), $"{wire} fell at {at:o}"));
            before = now;
        }

        var last = household.At(midnight.AddHours(hours).AddSeconds(-1));
        var next = household.At(midnight.AddHours(hours));
        Assert.All(Daily, wire => Assert.True(Served.U16(last, wire) > 0, $"{wire} counted nothing"));
        Assert.All(Daily, wire => Assert.Equal(0, Served.U16(next, wire)));
        Assert.All(Totals, wire => Assert.InRange(Served.U32(next, wire) - Served.U32(last, wire), 0, 1));
    }

    [Fact]
    public void A_days_counters_are_what_the_totals_grew_by()
    {
        var household = new Household("A1", TimeZoneInfo.Utc, seed: 0);
        var midnight = new DateTimeOffset(2026, 9, 8, 0, 0, 0, TimeSpan.Zero);
        var last = household.At(midnight.AddDays(1).AddSeconds(-1));

        foreach (var (daily, total) in Daily.Zip(Totals))
        {
            var grown = Served.U32(last, total) - Served.U32(household.At(midnight), total);
            Assert.InRange(Served.U16(last, daily) - grown, -1, 1);
        }
    }

    [Fact]
    public void The_inverters_clock_shows_local_wall_time()
    {
        var household = new Household("A1", TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), seed: 0);

        var summer = Served.Words(household.At(new DateTimeOffset(2026, 7, 31, 22, 7, 52, TimeSpan.Zero)), 4999, 6, function: 3);
        var winter = Served.Words(household.At(new DateTimeOffset(2026, 12, 31, 22, 7, 52, TimeSpan.Zero)), 4999, 6, function: 3);

        Assert.Equal([2026, 8, 1, 0, 7, 52], summer.Select(word => (int)word));
        Assert.Equal([2026, 12, 31, 23, 7, 52], winter.Select(word => (int)word));
    }

    // By its definition and without the household's help: the first second whose local date is this one.
    private static DateTimeOffset FirstSecondOf(DateTime date, TimeZoneInfo zone)
    {
        var at = new DateTimeOffset(date, TimeSpan.Zero).AddHours(-15);
        while (TimeZoneInfo.ConvertTime(at, zone).Date < date)
        {
            at = at.AddMinutes(15);
        }

        return at;
    }
}
