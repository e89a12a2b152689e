using System.Globalization;
using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

public class PollScheduleTests
{
    [Theory]
    [InlineData("00:00:10", "12:00:03", "12:00:10")]
    [InlineData("00:00:10", "12:00:09.9999999", "12:00:10")]
    [InlineData("00:00:10", "12:00:10", "12:00:20")]
    [InlineData("00:00:10", "23:59:55", "1.00:00:00")]
    [InlineData("00:00:01", "12:00:03.25", "12:00:04")]
    [InlineData("00:01:00", "12:00:03", "12:01:00")]
    [InlineData("01:00:00", "12:00:03", "13:00:00")]
    [InlineData("00:00:07", "00:00:00", "00:00:05")] // Counted from 1970, not from midnight.
    public void The_first_poll_is_at_the_next_multiple_of_the_interval(string interval, string now, string expected)
    {
        var schedule = new Moments(interval);

        Assert.Equal(expected, schedule.NextAt(now));
        Assert.Equal(0, schedule.Skipped);
    }

    [Theory]
    [InlineData("00:00:01")]
    [InlineData("00:00:10")]
    [InlineData("01:00:00")]
    public void Polls_that_take_no_time_follow_each_other_without_drift(string interval)
    {
        var schedule = new Moments(interval);
        schedule.NextAt("12:00:00.5");
        var random = new Random(1);

        for (var i = 1; i <= 1_000; i++)
        {
            var lateBy = TimeSpan.FromMilliseconds(random.Next(0, 900));
            Assert.Equal(schedule.Planned + schedule.Interval, schedule.Next(after: lateBy));
            Assert.Equal(0, schedule.Skipped);
        }
    }

    [Theory]
    [InlineData("00:00:09.9", "12:00:20", 0)]
    [InlineData("00:00:10", "12:00:30", 1)]
    [InlineData("00:00:25", "12:00:40", 2)]
    [InlineData("01:00:00", "13:00:20", 360)]
    public void A_poll_that_takes_long_skips_the_moments_it_covers_and_makes_no_burst(string took, string expected, long skipped)
    {
        var schedule = new Moments("00:00:10");
        schedule.NextAt("12:00:03");

        Assert.Equal(expected, schedule.NextAfter(took));

        Assert.Equal(skipped, schedule.Skipped);
        schedule.Next(after: TimeSpan.Zero);
        Assert.Equal(0, schedule.Skipped);
    }

    [Fact]
    public void A_timer_that_fires_a_moment_early_does_not_poll_twice()
    {
        var schedule = new Moments("00:00:10");
        schedule.NextAt("12:00:03");

        Assert.Equal("12:00:20", schedule.NextAfter("-00:00:00.003"));
        Assert.Equal(0, schedule.Skipped);
    }

    [Theory]
    [InlineData("-00:00:04", "12:00:20")]
    [InlineData("-00:00:10", "12:00:20")] // That moment has had its poll.
    [InlineData("-01:00:00", "11:00:20")]
    public void A_clock_that_steps_back_is_followed_and_nothing_counts_as_skipped(string step, string expected)
    {
        var schedule = new Moments("00:00:10");
        schedule.NextAt("12:00:03");

        Assert.Equal(expected, schedule.NextAfter("00:00:00.5", step));

        Assert.Equal(0, schedule.Skipped);
        Assert.True(schedule.Wait <= TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData("00:00:10")]
    [InlineData("01:00:00")]
    [InlineData("20700.00:00:00")] // A machine without a clock of its own wakes in 1970.
    public void A_clock_that_steps_forward_is_followed_and_moments_that_never_were_do_not_count_as_skipped(string step)
    {
        var schedule = new Moments("00:00:10", day: step.Contains('.', StringComparison.Ordinal) ? new(1970, 1, 1) : new(2026, 9, 8));
        schedule.NextAt("12:00:03");

        schedule.NextAfter("00:00:00.5", step);

        Assert.Equal(0, schedule.Skipped);
        Assert.True(schedule.Wait <= TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void What_a_long_poll_skipped_counts_also_when_the_clock_stepped_meanwhile()
    {
        var schedule = new Moments("00:00:10");
        schedule.NextAt("12:00:03");

        schedule.NextAfter("00:00:25", "01:00:00");

        Assert.Equal(2, schedule.Skipped);
    }

    /// <summary>A schedule on a day's clock, in times of that day.</summary>
    private sealed class Moments(string interval, DateOnly? day = null)
    {
        private readonly PollSchedule _schedule = new(TimeSpan.Parse(interval, CultureInfo.InvariantCulture));
        private readonly DateTimeOffset _day = new((day ?? new(2026, 9, 8)).ToDateTime(default), TimeSpan.Zero);
        private TimeSpan _clock;
        private TimeSpan _uptime = TimeSpan.FromHours(1);

        public TimeSpan Interval { get; } = TimeSpan.Parse(interval, CultureInfo.InvariantCulture);

        public TimeSpan Planned => _clock + Wait;

        public TimeSpan Wait { get; private set; }

        public long Skipped { get; private set; }

        public string NextAt(string clock)
        {
            _clock = Span(clock);
            return Ask().ToString();
        }

        /// <summary>The moment planned, a poll that took so long, and a clock set to another time meanwhile.</summary>
        public string NextAfter(string took, string step = "00:00:00") => Next(Span(took), Span(step)).ToString();

        public TimeSpan Next(TimeSpan after, TimeSpan step = default)
        {
            _uptime += Wait + after;
            _clock += Wait + after + step;
            return Ask();
        }

        private TimeSpan Ask()
        {
            Wait = _schedule.Next(_day + _clock, _uptime, out var skipped);
            Skipped = skipped;
            return Planned;
        }

        private static TimeSpan Span(string text) => TimeSpan.Parse(text, CultureInfo.InvariantCulture);
    }
}
