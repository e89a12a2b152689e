using System.Globalization;
using Sungrow.Edge.Polling;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

public class GapTrackerTests
{
    private static readonly DateTimeOffset Boot = new(2026, 9, 8, 6, 0, 0, TimeSpan.Zero);

    private readonly GapTracker _tracker = new(TimeSpan.FromSeconds(10));

    /// <summary>One word per poll, every 10 s: what came of it.</summary>
    [Theory]
    [InlineData("ok ok ok", "")]
    [InlineData("ok inverter_unreachable ok", "inverter_unreachable 10-20 1")]
    [InlineData("night night night ok", "night 0-30 3")]
    [InlineData("ok night night", "night 10-open 2")]
    [InlineData("night ok night ok", "night 0-10 1|night 20-30 1")]
    [InlineData("night inverter_unreachable ok", "night 0-10 1|inverter_unreachable 10-20 1")]
    [InlineData("bad_read contention contention bad_read ok", "bad_read 0-10 1|contention 10-30 2|bad_read 30-40 1")]
    public void Polls_missed_in_a_row_for_one_reason_are_one_gap(string polls, string gaps)
    {
        _tracker.Know(Boot);
        var at = TimeSpan.Zero;
        foreach (var poll in polls.Split(' '))
        {
            Poll(at, poll);
            at += TimeSpan.FromSeconds(10);
        }

        Assert.Equal(gaps, Gaps());
    }

    [Fact]
    public void What_the_buffer_did_not_take_is_tracked_beside_what_the_inverter_did_not_serve()
    {
        _tracker.Know(Boot);
        _tracker.Missed(At(10), GapReasons.BufferUnavailable, 6);
        _tracker.Missed(At(70), GapReasons.InverterUnreachable, 1);
        _tracker.Polled(At(80));
        _tracker.Missed(At(70), GapReasons.BufferUnavailable, 5);
        _tracker.Stored(At(130));

        Assert.Equal("buffer_unavailable 10-130 11|inverter_unreachable 70-80 1", Gaps());
    }

    [Fact]
    public void Without_a_trusted_clock_gaps_wait_for_their_times()
    {
        Poll(At(0), "night");
        Poll(At(10), "ok");
        Assert.Null(Assert.Single(_tracker.Gaps).From);

        _tracker.Know(Boot);

        Assert.Equal("night 0-10 1", Gaps());
    }

    [Fact]
    public void A_clock_set_forward_leaves_out_times_that_never_were()
    {
        _tracker.Know(Boot);
        Poll(At(10), "ok");
        _tracker.Stepped(last: At(10), now: At(20), Boot.AddHours(1));
        Poll(At(20), "ok");

        // From 20 s on by the old clock to 1 h and 20 s by the new one.
        Assert.Equal("clock 20-3620 360", Gaps());
    }

    [Theory]
    [InlineData(9)]
    [InlineData(-3600)]
    [InlineData(-31_536_000)]
    public void A_clock_set_forward_by_less_than_a_poll_or_back_leaves_out_nothing(int seconds)
    {
        _tracker.Know(Boot);
        Poll(At(10), "ok");
        _tracker.Stepped(last: At(10), now: At(20), Boot.AddSeconds(seconds));
        Poll(At(20), "ok");

        Assert.Equal("", Gaps());
    }

    [Fact]
    public void A_clock_set_during_a_gap_cuts_it_in_two_each_by_its_own_clock()
    {
        _tracker.Know(Boot);
        Poll(At(10), "night");
        Poll(At(20), "night");
        _tracker.Stepped(last: At(20), now: At(30), Boot.AddHours(-1));
        Poll(At(30), "night");
        Poll(At(40), "ok");

        Assert.Equal("night 10-30 2|night -3570--3560 1", Gaps());
    }

    [Fact]
    public void A_gap_that_ends_as_the_clock_is_set_has_no_second_half()
    {
        _tracker.Know(Boot);
        Poll(At(10), "night");
        _tracker.Stepped(last: At(10), now: At(20), Boot.AddHours(-1));
        Poll(At(20), "ok");

        Assert.Equal("night 10-20 1", Gaps());
    }

    [Fact]
    public void A_gap_goes_on_while_the_clock_is_doubted_and_a_new_one_waits_for_it()
    {
        _tracker.Know(Boot);
        Poll(At(10), "night");
        _tracker.Know(null);
        Poll(At(20), "night");
        Poll(At(30), "bad_read");
        Poll(At(40), "ok");
        Assert.Equal("night 10-30 2", Gaps());

        _tracker.Know(Boot.AddSeconds(5));

        Assert.Equal("night 10-30 2|bad_read 35-45 1", Gaps());
    }

    [Fact]
    public void Gaps_that_cannot_be_written_for_long_are_bounded_and_lose_no_missed_poll()
    {
        _tracker.Know(Boot);
        for (var poll = 0; poll < 5_000; poll++)
        {
            Poll(At(poll * 10), poll % 2 == 0 ? "night" : "ok");
        }

        Assert.InRange(_tracker.Gaps.Count, 900, 1_000);
        Assert.Equal(2_500, _tracker.Gaps.Sum(gap => gap.Missed));
    }

    private static TimeSpan At(int seconds) => TimeSpan.FromSeconds(seconds);

    private void Poll(TimeSpan at, string outcome)
    {
        if (outcome == "ok")
        {
            _tracker.Polled(at);
        }
        else
        {
            _tracker.Missed(at, outcome, 1);
        }
    }

    private string Gaps() => string.Join('|', _tracker.Gaps.Where(gap => gap.From is not null).Select(gap => string.Create(
        CultureInfo.InvariantCulture,
        $"{gap.Reason} {(gap.From!.Value - Boot).TotalSeconds}-{(gap.To is { } to ? (to - Boot).TotalSeconds : "open")} {gap.Missed}")));
}
