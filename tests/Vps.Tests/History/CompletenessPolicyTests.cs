using Sungrow.Protocol;
using Sungrow.Vps.History;
using Xunit;

namespace Sungrow.Vps.Tests.History;

public class CompletenessPolicyTests
{
    private static readonly DateTimeOffset Start = new(2026, 6, 21, 10, 0, 0, TimeSpan.Zero);

    private static readonly CompletenessFacts Nothing = new(Start, Start.AddDays(1), [], [], [], default);

    [Fact]
    public void An_hour_in_which_everything_arrived_is_complete()
    {
        var hour = Judge(Nothing, [360]).Single();

        Assert.Equal((360, 360, 0), (hour.Expected, hour.Stored, hour.Unexplained));
    }

    [Fact]
    public void What_nobody_explains_is_unexplained() => Assert.Equal(10, Judge(Nothing, [350]).Single().Unexplained);

    [Theory]
    [InlineData(10, 1, 360)]
    [InlineData(60, 1, 60)]
    [InlineData(10, 6, 60)]
    [InlineData(7, 1, 514)]
    [InlineData(0.5, 1, 7200)]
    public void Expected_follows_the_interval_in_force(double interval, int perRow, long rows) =>
        Assert.InRange(
            Judge(Nothing with { Intervals = [new(Start.AddDays(-1), interval, perRow)] }, [0]).Single().Expected, rows, rows + 1);

    [Fact]
    public void An_interval_that_changes_within_an_hour_counts_from_there_on()
    {
        var facts = Nothing with { Intervals = [new(Start.AddDays(-3), 10, 1), new(Start.AddMinutes(30), 60, 1), new(Start.AddHours(1), 5, 1)] };

        Assert.Equal([180 + 30, 720], Judge(facts, [0, 0]).Select(hour => hour.Expected));
    }

    [Fact]
    public void Before_any_report_it_is_ten_seconds() =>
        Assert.Equal([360, 60], Judge(Nothing with { Intervals = [new(Start.AddHours(1), 60, 1)] }, [0, 0]).Select(hour => hour.Expected));

    [Fact]
    public void Nothing_is_expected_before_the_first_sign_of_the_device_and_of_what_may_be_under_way()
    {
        Assert.Equal([0, 180], Judge(Nothing with { Since = Start.AddMinutes(90) }, [0, 0]).Select(hour => hour.Expected));
        Assert.Equal([360, 6], Judge(Nothing with { Until = Start.AddMinutes(61) }, [0, 0]).Select(hour => hour.Expected));
        Assert.Equal([0, 0], Judge(Nothing with { Since = null }, [0, 0]).Select(hour => hour.Expected));
    }

    [Fact]
    public void Each_row_has_its_place()
    {
        var facts = Nothing with
        {
            Gaps = [new(Start.AddMinutes(10), Start.AddMinutes(20), 60, GapReasons.InverterUnreachable)],
            Lost =
            [
                new(Start.AddMinutes(20), Start.AddMinutes(21), 7, MissingReasons.Evicted),
                new(Start.AddMinutes(30), Start.AddMinutes(31), 3, MissingReasons.DeadLettered),
                new(Start.AddMinutes(40), Start.AddMinutes(40), 1, MissingReasons.Corrupt),
            ],
            Waiting = new(12, Start.AddMinutes(50), Start.AddMinutes(59)),
        };

        var hour = Judge(facts, [270], [2]).Single();

        Assert.Equal(
            (362, 270, 2, 3, 7, 61, 12, 7),
            (hour.Expected, hour.Stored, hour.Conflicting, hour.DeadLettered, hour.Evicted, hour.Missed, hour.Waiting, hour.Unexplained));
        Assert.Equal(
            ["inverter_unreachable 60", "evicted 7", "dead_lettered 3", "corrupt 1"], hour.Gaps.Select(gap => $"{gap.Reason} {gap.Missed}"));
    }

    [Fact]
    public void A_gap_over_a_boundary_is_in_both_periods_with_what_each_missed()
    {
        var facts = Nothing with { Gaps = [new(Start.AddMinutes(50), Start.AddMinutes(65), 90, GapReasons.EdgeOff)] };

        var hours = Judge(facts, [300, 330]);

        Assert.Equal([(60, 0), (30, 0)], hours.Select(hour => ((int)hour.Missed, (int)hour.Unexplained)));
        Assert.Equal((Start.AddMinutes(50), Start.AddHours(1), 60), (hours[0].Gaps[0].From, hours[0].Gaps[0].To, hours[0].Gaps[0].Missed));
        Assert.Equal((Start.AddHours(1), Start.AddMinutes(65), 30), (hours[1].Gaps[0].From, hours[1].Gaps[0].To, hours[1].Gaps[0].Missed));
    }

    [Fact]
    public void What_was_found_after_all_is_not_counted_twice()
    {
        var facts = Nothing with
        {
            Lost = [new(Start, Start.AddMinutes(10), 60, MissingReasons.DeadLettered)],
            Gaps = [new(Start, Start.AddHours(1), 360, GapReasons.EdgeOff)],
        };

        var hour = Judge(facts, [360]).Single();

        Assert.Equal((360, 0, 0, 0), (hour.Expected, hour.DeadLettered, hour.Missed, hour.Unexplained));
    }

    [Fact]
    public void Whatever_is_reported_the_sum_closes()
    {
        Random random = new(5);
        for (var round = 0; round < 500; round++)
        {
            var facts = new CompletenessFacts(
                random.Next(5) == 0 ? null : Time(), Time(),
                [.. Enumerable.Range(0, random.Next(3)).Select(_ => new PollInterval(Time(), 1 + random.Next(100), 1 + random.Next(6))).OrderBy(each => each.From)],
                [.. Enumerable.Range(0, random.Next(6)).Select(_ => Lost())],
                [.. Enumerable.Range(0, random.Next(6)).Select(_ => Gap())],
                new(random.Next(2000), Time(), Time()));

            Assert.All(Judge(facts, [random.Next(400), random.Next(400), 0], [random.Next(3), 0, 0]), hour =>
            {
                Assert.Equal(
                    hour.Expected,
                    hour.Stored + hour.Waiting + hour.Conflicting + hour.DeadLettered + hour.Evicted + hour.Missed + hour.Unexplained);
                Assert.All(
                    [hour.Waiting, hour.DeadLettered, hour.Evicted, hour.Missed, hour.Unexplained], count => Assert.InRange(count, 0, int.MaxValue));
                Assert.All(hour.Gaps, gap => Assert.True(gap.From >= hour.From && gap.To <= hour.To && gap.From <= gap.To));
            });
        }

        DateTimeOffset Time() => Start.AddSeconds(random.Next(-7200, 14_400));

        LostRows Lost()
        {
            var from = Time();
            return new(from, from.AddSeconds(random.Next(5000)), random.Next(300), new[] { "evicted", "dead_lettered", "corrupt", "eaten" }[random.Next(4)]);
        }

        ReportedGap Gap()
        {
            var from = Time();
            return new(from, from.AddSeconds(random.Next(5000)), random.Next(300), GapReasons.Night);
        }
    }

    private static List<CompletenessPeriod> Judge(CompletenessFacts facts, long[] stored, long[]? conflicting = null) =>
        CompletenessPolicy.Judge(
            [.. Enumerable.Range(0, stored.Length + 1).Select(hour => Start.AddHours(hour))], stored, conflicting ?? new long[stored.Length], facts);
}
