using Microsoft.Extensions.Options;
using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

public class ClockTrustTests
{
    private static readonly DateTimeOffset Now = new(2026, 9, 8, 6, 0, 0, TimeSpan.Zero);
    private static readonly Uri Https = new("https://vps.example.net");
    private static readonly Uri Http = new("http://vps.example.net");
    private static readonly Uri Loopback = new("http://127.0.0.1:5000");

    private readonly FakeTime _time = new(Now);

    [Theory]
    [InlineData(true, false, null, true)]
    [InlineData(false, false, null, false)]
    [InlineData(false, false, 0, true)]
    [InlineData(false, false, 60, true)]
    [InlineData(false, false, -60, true)]
    [InlineData(false, false, 61, false)]
    [InlineData(false, false, -61, false)]
    [InlineData(true, false, 3600, true)] // The machine's word is enough while nobody doubts it.
    [InlineData(true, true, null, false)]
    [InlineData(true, true, 3600, false)]
    [InlineData(true, true, 5, true)]
    public void Who_vouches_for_the_clock(bool synchronised, bool doubted, int? secondsOffServer, bool trusted)
    {
        TimeSpan? off = secondsOffServer is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

        Assert.Equal(trusted, ClockTrust.Policy(Now, Now.AddYears(-1), synchronised, doubted, off));
        Assert.Equal(trusted, ClockTrust.Policy(Now, Now, synchronised, doubted, off));
        Assert.False(ClockTrust.Policy(Now, Now.AddTicks(1), synchronised, doubted, off)); // Before the day this was built.
    }

    [Theory]
    [InlineData("https://vps.example.net", true)]
    [InlineData("http://127.0.0.1:5000", true)]
    [InlineData("http://[::1]:5000", true)]
    [InlineData("http://localhost", true)]
    [InlineData("http://vps.example.net", false)] // Anybody on the way could say what time it is.
    public void A_server_is_believed_when_nobody_else_can_have_spoken(string address, bool believed)
    {
        var trust = Clocks.Auto(_time);

        trust.Heard(new(address), Now);

        Assert.Equal(believed, trust.IsTrusted());
    }

    [Fact]
    public void An_answer_without_a_date_says_nothing()
    {
        var trust = Clocks.Auto(_time);

        trust.Heard(Https, null);

        Assert.False(trust.IsTrusted());
    }

    [Fact]
    public void What_a_server_said_holds_while_the_clock_runs_and_not_when_it_is_set_wrong()
    {
        var trust = Clocks.Auto(_time);
        trust.Heard(Loopback, Now);

        _time.Advance(TimeSpan.FromDays(30));
        Assert.True(trust.IsTrusted());
        _time.Step(TimeSpan.FromHours(1));
        Assert.False(trust.IsTrusted());
        _time.Step(TimeSpan.FromHours(-1));
        Assert.True(trust.IsTrusted());
    }

    [Fact]
    public void A_doubted_clock_is_trusted_again_when_it_was_set_or_a_server_agrees()
    {
        var synchronised = true;
        var trust = Clocks.Auto(_time, () => synchronised);
        Assert.True(trust.IsTrusted());

        trust.Doubt();
        Assert.False(trust.IsTrusted());
        _time.Advance(TimeSpan.FromDays(1));
        Assert.False(trust.IsTrusted());
        _time.Step(TimeSpan.FromDays(-365));
        _time.Step(TimeSpan.FromDays(365) - TimeSpan.FromSeconds(2));
        Assert.True(trust.IsTrusted());

        trust.Doubt();
        trust.Heard(Http, _time.GetUtcNow());
        Assert.True(trust.IsTrusted());
        synchronised = false;
        Assert.False(trust.IsTrusted()); // Such an agreement leads back to the machine's own word, and no further.
        trust.Heard(Https, _time.GetUtcNow().AddSeconds(-30));
        Assert.True(trust.IsTrusted());
    }

    [Fact]
    public void Told_to_believe_it_always_nothing_is_asked()
    {
        var time = new FakeTime(DateTimeOffset.UnixEpoch);
        var trust = Clocks.Trusted(time);
        trust.Doubt();

        Assert.True(trust.IsTrusted());
    }

    [Fact]
    public void This_machine_says_the_same_twice_and_the_program_knows_when_it_was_built()
    {
        Assert.Equal(Clock.IsSynchronised(), Clock.IsSynchronised());
        var trust = new ClockTrust(Options.Create(new ClockOptions()), TimeProvider.System, () => true);
        Assert.True(trust.IsTrusted());
        var old = new ClockTrust(Options.Create(new ClockOptions()), new FakeTime(Now.AddYears(-1)), () => true);
        Assert.False(old.IsTrusted());
    }

    [Theory]
    [InlineData(10, 0, 0)]
    [InlineData(10, 0.4, 0)]
    [InlineData(10, -0.4, 0)]
    [InlineData(10, 0.75, 0.75)]
    [InlineData(10, -0.75, -0.75)]
    [InlineData(3600, 1.8, 0)] // An hour of slewing.
    [InlineData(3600, 5, 5)]
    [InlineData(10, -3600, -3600)]
    [InlineData(10, 31_536_000, 31_536_000)]
    public void A_clock_that_was_set_is_told_from_one_that_runs_a_little_fast(double passed, double moved, double step)
    {
        var steps = new ClockSteps();
        Assert.Equal(TimeSpan.Zero, steps.Look(Now, TimeSpan.FromSeconds(100)));

        Assert.Equal(
            TimeSpan.FromSeconds(step), steps.Look(Now.AddSeconds(passed + moved), TimeSpan.FromSeconds(100 + passed)));
        Assert.Equal(
            TimeSpan.Zero, steps.Look(Now.AddSeconds(passed + moved + 10), TimeSpan.FromSeconds(100 + passed + 10)));
    }

    [Fact]
    public void A_server_that_agrees_lifts_its_doubt_whatever_the_line()
    {
        var trust = Clocks.Auto(_time, () => true);
        trust.Doubt();
        trust.Heard(Http, _time.GetUtcNow() + TimeSpan.FromMinutes(6));
        Assert.False(trust.IsTrusted());

        trust.Heard(Http, _time.GetUtcNow());

        Assert.True(trust.IsTrusted());
    }

    [Fact]
    public void No_clock_is_right_beyond_the_last_time_that_a_row_can_have() =>
        Assert.False(ClockTrust.Policy(new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero), Now, isSynchronised: true, isDoubted: false, offByServer: null));
}
