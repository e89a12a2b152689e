using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.History;

public class SiteCalendarTests
{
    [Theory]
    [InlineData("UTC", "2026-06-21", "2026-06-21T00:00Z", 24)]
    [InlineData("Europe/Berlin", "2026-06-21", "2026-06-20T22:00Z", 24)]
    [InlineData("Europe/Berlin", "2026-03-29", "2026-03-28T23:00Z", 23)]
    [InlineData("Europe/Berlin", "2026-10-25", "2026-10-24T22:00Z", 25)]
    [InlineData("Asia/Kolkata", "2026-06-21", "2026-06-20T18:30Z", 24)]
    [InlineData("Asia/Kathmandu", "2026-06-21", "2026-06-20T18:15Z", 24)]
    [InlineData("Australia/Adelaide", "2026-06-21", "2026-06-20T14:30Z", 24)]
    [InlineData("Australia/Adelaide", "2026-10-04", "2026-10-03T14:30Z", 23)]
    [InlineData("Australia/Adelaide", "2026-04-05", "2026-04-04T13:30Z", 25)]
    [InlineData("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30Z", 23.5)]
    [InlineData("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00Z", 23)] // Has no midnight.
    [InlineData("America/Havana", "2025-11-02", "2025-11-02T04:00Z", 25)] // Has two.
    [InlineData("Pacific/Apia", "2011-12-31", "2011-12-30T10:00Z", 24)] // The day before it never was.
    public void A_day_is_the_sites_own(string zone, string date, string start, double hours)
    {
        var calendar = SiteCalendar.Of(zone);
        var begins = DateTimeOffset.Parse(start);

        var day = calendar.Boundaries(Period.Day, begins, begins.AddSeconds(1));

        Assert.Equal([begins, begins.AddHours(hours)], day);
        Assert.Equal(DateOnly.Parse(date), calendar.DateOf(begins));
        Assert.Equal(day, calendar.Boundaries(Period.Day, begins.AddHours(hours).AddTicks(-10), begins.AddHours(hours)));
    }

    [Fact]
    public void Hours_begin_where_the_sites_clock_says_so()
    {
        var kathmandu = SiteCalendar.Of("Asia/Kathmandu");
        Assert.Equal(
            [At("2026-06-21T10:15Z"), At("2026-06-21T11:15Z"), At("2026-06-21T12:15Z")],
            kathmandu.Boundaries(Period.Hour, At("2026-06-21T11:00Z"), At("2026-06-21T11:16Z")));

        // The hour from two to three comes twice: two hours.
        var berlin = SiteCalendar.Of("Europe/Berlin");
        Assert.Equal(26, berlin.Boundaries(Period.Hour, At("2026-10-24T22:00Z"), At("2026-10-25T23:00Z")).Count);
    }

    [Theory]
    [InlineData("Europe/Berlin")]
    [InlineData("Australia/Adelaide")]
    [InlineData("Asia/Kathmandu")]
    [InlineData("America/Havana")]
    [InlineData("Africa/Casablanca")]
    [InlineData("America/St_Johns")]
    public void Periods_of_years_follow_each_other_without_a_seam_on_whole_quarters(string zone)
    {
        var calendar = SiteCalendar.Of(zone);
        var (from, to) = (At("2019-01-01T05:00Z"), At("2027-01-01T05:00Z"));
        var hours = calendar.Boundaries(Period.Hour, from, to);
        var days = calendar.Boundaries(Period.Day, from, to);
        var months = calendar.Boundaries(Period.Month, from, to);

        Assert.All([hours, days, months], all =>
        {
            Assert.True(all[0] <= from && all[1] > from && all[^2] < to && all[^1] >= to);
            Assert.Equal(all.Distinct().Order(), all);
            Assert.All(all, boundary => Assert.Equal(0, boundary.Ticks % TimeSpan.FromMinutes(15).Ticks));
        });
        Assert.Subset(hours.ToHashSet(), days.Where(day => day >= hours[0] && day <= hours[^1]).ToHashSet());
        Assert.Subset(days.ToHashSet(), months.Where(month => month >= days[0] && month <= days[^1]).ToHashSet());
        Assert.InRange(days.Count, 2922, 2925);
        Assert.InRange(months.Count, 97, 98);
    }

    [Fact]
    public void A_zone_that_is_none_counts_as_UTC() =>
        Assert.Equal(At("2026-06-21T00:00Z"), SiteCalendar.Of("Mars/Olympus").StartOf(new DateOnly(2026, 6, 21)));

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse(time);
}
