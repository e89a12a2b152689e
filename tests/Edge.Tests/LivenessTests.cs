using Xunit;

namespace Sungrow.Edge.Tests;

public sealed class LivenessTests
{
    private readonly FakeTime _time = new(new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly Liveness _liveness;

    public LivenessTests() => _liveness = new(_time);

    [Fact]
    public void Before_any_loop_has_spoken_nothing_is_stuck()
    {
        _time.Advance(TimeSpan.FromDays(1));

        Assert.Null(_liveness.Stuck());
    }

    [Fact]
    public void A_planned_wait_is_progress()
    {
        _liveness.Expect("polling", TimeSpan.FromHours(1));
        _time.Advance(TimeSpan.FromHours(1));

        Assert.Null(_liveness.Stuck());
    }

    [Fact]
    public void A_loop_that_does_not_come_back_from_what_it_announced_is_stuck_until_it_does()
    {
        _liveness.Expect("polling", TimeSpan.FromSeconds(10));
        _liveness.Expect("uplink", TimeSpan.FromMinutes(5));
        _time.Advance(TimeSpan.FromSeconds(10) + Liveness.Grace + TimeSpan.FromSeconds(1));
        Assert.Equal("polling", _liveness.Stuck());

        _liveness.Expect("polling", TimeSpan.FromSeconds(10));
        Assert.Null(_liveness.Stuck());
    }

    [Fact]
    public void One_stuck_loop_is_not_hidden_by_the_progress_of_the_other()
    {
        _liveness.Expect("uplink", TimeSpan.FromSeconds(30));
        for (var poll = 0; poll < 100; poll++)
        {
            _liveness.Expect("polling", TimeSpan.FromSeconds(10));
            _time.Advance(TimeSpan.FromSeconds(10));
        }

        Assert.Equal("uplink", _liveness.Stuck());
    }

    [Fact]
    public void A_loop_that_waits_for_another_may_wait_for_ever()
    {
        _liveness.Expect("uplink", Timeout.InfiniteTimeSpan);
        _time.Advance(TimeSpan.FromDays(365));

        Assert.Null(_liveness.Stuck());
    }

    [Fact]
    public void A_step_of_the_clock_makes_no_loop_stuck()
    {
        _liveness.Expect("polling", TimeSpan.FromSeconds(10));
        _time.Step(TimeSpan.FromDays(365));

        Assert.Null(_liveness.Stuck());
    }
}
