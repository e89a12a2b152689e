using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

public class PollStatusTests
{
    private static readonly DateTimeOffset Noon = new(2026, 9, 8, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_failure_is_news_until_it_is_said_and_again_when_it_changes()
    {
        var status = new PollStatus();

        Assert.True(status.Failed("the host is off."));
        Assert.False(status.Failed("the host is off."));
        Assert.True(status.Failed("the host refused."));
    }

    [Fact]
    public void A_success_is_news_after_a_failure_and_when_another_inverter_answers()
    {
        var status = new PollStatus();

        Assert.True(status.Succeeded(Inverter("A1"), Noon));
        Assert.False(status.Succeeded(Inverter("A1"), Noon));
        Assert.True(status.Succeeded(Inverter("A2"), Noon));
        status.Failed("the host is off.");
        Assert.True(status.Succeeded(Inverter("A2"), Noon));
        Assert.True(status.Failed("the host is off."));
    }

    [Fact]
    public void The_report_keeps_the_last_inverter_while_it_cannot_be_reached()
    {
        var status = new PollStatus();
        status.Succeeded(Inverter("A1"), Noon);

        status.Failed("the host is off.");

        Assert.False(status.Now.Reachable);
        Assert.Equal(("A1", Noon), (status.Now.Inverter!.Serial, status.Now.LastPoll));
    }

    private static InverterIdentity Inverter(string serial) =>
        new(serial, 0x0E03, "SH10RT", InverterFamily.Hybrid, NominalPowerWatts: 10_000, Phases: 3);
}
