using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Faults;

/// <summary>Counters that an inverter gets wrong itself. The reader is honest about them: it hands on what was served. Whether that can be
/// the day's is decided where the day is known, in Polling; here every other value stays the truth.</summary>
public class CounterFaultTests
{
    private const double Day = 38.7;

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("late-reset", "2026-09-09T00:30:00Z", Day)] // still yesterday's
    [InlineData("late-reset", "2026-09-09T00:46:00Z", 0)]
    [InlineData("late-reset=600", "2026-09-09T09:59:00Z", Day)] // a day from ten to ten
    [InlineData("late-reset=600", "2026-09-09T10:01:00Z", 0)]
    [InlineData("early-reset", "2026-09-08T23:49:00Z", Day)]
    [InlineData("early-reset", "2026-09-08T23:51:00Z", 0)]
    [InlineData("clock-off", "2026-09-08T22:59:00Z", Day)] // an hour ahead, its midnight is at 23:00
    [InlineData("clock-off", "2026-09-08T23:01:00Z", 0)]
    [InlineData("clock-off=-60", "2026-09-09T00:59:00Z", Day)]
    [InlineData("clock-off=-60", "2026-09-09T01:01:00Z", 0)]
    [InlineData("daily-zero", "2026-09-08T22:00:00Z", 0)]
    [InlineData("daily-zero@22:00-22:01", "2026-09-08T22:00:30Z", 0)]
    [InlineData("daily-zero@22:00-22:01", "2026-09-08T22:01:00Z", Day)]
    [InlineData("total-back", "2026-09-08T22:00:00Z", Day)] // not the daily counter's affair
    public async Task A_daily_counter_is_handed_on_as_served_and_nothing_else_is_touched(string fault, string at, double daily)
    {
        await using var bench = Bench.Start(at).With(fault);

        var reading = (await bench.PollsAsync()).Reading;

        Assert.InRange(Assert.NotNull(reading.PvDailyKwh), daily - 0.5, daily + 0.5);
        Assert.Equal(bench.Truth() with { PvDailyKwh = reading.PvDailyKwh }, reading);
    }

    [Fact(Timeout = Bench.Deadline)]
    public async Task A_counter_that_is_not_reset_grows_until_no_day_could_hold_it()
    {
        await using var bench = Bench.Start("2026-09-08T22:00:00Z").With("no-reset");
        var served = new List<double>();
        for (var day = 1; day <= 14; day++)
        {
            var polled = await bench.PollsAsync();
            served.Add(Assert.NotNull(polled.Counters).DailyKwh);
            Assert.InRange(served[^1], (day * Day) - 1, (day * Day) + 1);

            // 10 kW for 24 h; beyond it only those who judge the counter see what was served.
            Assert.Equal(bench.Truth() with { PvDailyKwh = served[^1] <= 240 ? served[^1] : null }, polled.Reading);
            bench.Pass(TimeSpan.FromDays(1));
        }

        Assert.Equal(served.Order(), served);
    }

    // Two days and their midnights, by what is stored: the day's own counter or nothing.
    [Theory(Timeout = Bench.Deadline)]
    [InlineData("")]
    [InlineData("late-reset")]
    [InlineData("late-reset=600")]
    [InlineData("early-reset")]
    [InlineData("no-reset")]
    [InlineData("daily-zero@14:00-14:05")]
    [InlineData("total-back@14:00-16:00")]
    [InlineData("total-back@23:00-01:00")]
    [InlineData("clock-off")]
    [InlineData("clock-off=-60")]
    [InlineData("all-zero@13:00-13:20")]
    [InlineData("sentinels@13:00-13:20")]
    [InlineData("word-swap@13:00-13:20")]
    [InlineData("word-swap@23:30-00:30")]
    public async Task What_is_stored_of_a_daily_counter_is_the_days_or_nothing(string fault)
    {
        await using var bench = Bench.Start("2026-09-08T13:00:00Z");
        var guard = new DailyCounterGuard(TimeZoneInfo.Utc);
        var (polls, stored) = (0, 0);
        for (var step = TimeSpan.FromMinutes(5); bench.Now < DateTimeOffset.Parse("2026-09-10T14:00:00Z"); bench.Pass(step))
        {
            var polled = await bench.PollsAsync();
            var served = polled.Reading.PvDailyKwh;
            var daily = guard.Judge(
                polled.Identity.Serial, bench.Now, polled.Counters, polled.Identity.NominalPowerWatts, polled.Reading.PvPowerWatts > 0);
            polls++;
            if (served is not null && daily is not null)
            {
                stored++;
                Assert.InRange(daily.Value, bench.Truth().PvDailyKwh!.Value - 0.1001, bench.Truth().PvDailyKwh!.Value + 0.1001);
            }

            if (polls == 1)
            {
                bench.With(fault.Split(' ', StringSplitOptions.RemoveEmptyEntries)); // from the second poll on
            }
        }

        Assert.InRange(stored, fault == "" ? polls : 1, polls);
    }
}
