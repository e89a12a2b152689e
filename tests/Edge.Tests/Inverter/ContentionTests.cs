using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class ContentionTests
{
    private readonly Contention _contention = new();
    private TimeSpan _now = TimeSpan.FromDays(3);

    private bool IsQuiet => _contention.Left(_now) is not null;

    private void Fail(int times, UnreachableReason reason = UnreachableReason.Closed, bool onNewConnection = true, int every = 10)
    {
        for (var poll = 0; poll < times; poll++)
        {
            _now += TimeSpan.FromSeconds(every);
            _contention.Failed(reason, onNewConnection, _now);
        }
    }

    [Fact]
    public void Five_connections_closed_in_a_row_are_followed_by_ninety_seconds_of_quiet()
    {
        Fail(4);
        Assert.False(IsQuiet);
        Fail(1);
        Assert.Equal(TimeSpan.FromSeconds(90), _contention.Left(_now));

        _now += TimeSpan.FromSeconds(89);
        Assert.True(IsQuiet);
        _now += TimeSpan.FromSeconds(1);
        Assert.False(IsQuiet);
        Fail(4);
        Assert.False(IsQuiet);
    }

    [Fact]
    public void Five_in_a_few_seconds_are_an_inverter_that_starts()
    {
        Fail(20, every: 1);
        Assert.False(IsQuiet);

        Fail(15, every: 1);
        Assert.True(IsQuiet);
    }

    [Theory]
    [InlineData(UnreachableReason.Refused, true)]
    [InlineData(UnreachableReason.NoAnswer, true)]
    [InlineData(UnreachableReason.Silent, true)]
    [InlineData(UnreachableReason.TimedOut, true)]
    [InlineData(UnreachableReason.NotModbus, true)]
    [InlineData(UnreachableReason.Violation, true)]
    [InlineData(UnreachableReason.Closed, false)]
    internal void Other_failures_have_other_cures(UnreachableReason reason, bool onNewConnection)
    {
        Fail(50, reason, onNewConnection);
        Assert.False(IsQuiet);

        Fail(4);
        Fail(1, reason, onNewConnection);
        Fail(4);
        Assert.False(IsQuiet);
    }

    [Fact]
    public void A_poll_between_that_was_whole_starts_the_count_anew()
    {
        Fail(4);
        _contention.Succeeded();
        Fail(4);

        Assert.False(IsQuiet);
    }
}
