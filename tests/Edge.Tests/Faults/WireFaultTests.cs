using Sungrow.Edge.Inverter;
using Sungrow.Edge.Tests.Simulator;
using Sungrow.Simulator;
using Xunit;
using Simulated = Sungrow.Simulator.InverterOptions;

namespace Sungrow.Edge.Tests.Faults;

/// <summary>What goes wrong on the wire is a gap: no value of that poll, and the truth again when it has passed.</summary>
public class WireFaultTests
{
    private const string Afternoon = "2026-09-08T14:15:00Z";

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("timeout", UnreachableReason.Closed)] // silent, then closed, before the reader's patience ends
    [InlineData("timeout=5016", UnreachableReason.Closed)] // in the middle of a poll
    [InlineData("reset", UnreachableReason.Closed)]
    [InlineData("long-length", UnreachableReason.Violation)]
    [InlineData("stale-transaction", UnreachableReason.Violation)]
    public async Task A_reply_that_fails_is_a_gap_and_the_next_poll_has_the_truth(string fault, object reason)
    {
        await using var bench = Bench.Start(Afternoon, haste: 50);
        await bench.PollsAsync();

        bench.With(fault);
        Assert.Equal(reason, (await bench.FailsAsync()).Reason);
        Assert.IsType<Unreachable>(await bench.PollAsync()); // and no better on a new connection

        bench.With();
        Assert.Equal(bench.Truth(), (await bench.RecoversAsync()).Reading);
    }

    [Fact(Timeout = Bench.Deadline)]
    public async Task Silence_longer_than_the_readers_patience_is_a_gap()
    {
        await using var bench = Bench.Start(Afternoon, readerWaits: false);
        await bench.PollsAsync();

        bench.With("timeout");
        Assert.Equal(UnreachableReason.TimedOut, (await bench.LosesPatienceAsync()).Reason);

        bench.With();
        Assert.Equal(bench.Truth(), (await bench.RecoversAsync()).Reading);
    }

    [Fact(Timeout = Bench.Deadline)]
    public async Task While_another_client_has_the_only_session_there_are_no_values()
    {
        await using var bench = Bench.Start(Afternoon).With("second-client");
        using (var other = await RawClient.ConnectAsync(bench.Inverter))
        {
            await other.ReadWordsAsync(5016, 2);
            Assert.Equal(UnreachableReason.Closed, (await bench.FailsAsync()).Reason);
        }

        Assert.Equal(bench.Truth(), (await bench.RecoversAsync()).Reading);
    }

    [Fact(Timeout = Bench.Deadline)]
    public async Task A_string_inverter_that_sleeps_at_night_leaves_a_gap_until_the_sun_is_up()
    {
        var options = new Simulated { Model = Model.All.Single(model => model.Name == "SG5.0RS") };
        await using var bench = Bench.Start("2026-09-08T18:00:00Z", options, readerWaits: false).With("night-silence");
        Assert.Equal(bench.Truth().PvPowerWatts, (await bench.PollsAsync()).Reading.PvPowerWatts);

        bench.Pass(TimeSpan.FromHours(4));
        await bench.LosesPatienceAsync();
        await bench.LosesPatienceAsync();

        bench.Pass(TimeSpan.FromHours(10));
        var morning = (await bench.RecoversAsync()).Reading;
        Assert.Equal(bench.Truth().PvPowerWatts, morning.PvPowerWatts);
        Assert.Equal(bench.Truth().PvDailyKwh, morning.PvDailyKwh);
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("other-serial", "Z2240312345")]
    [InlineData("other-serial=B777", "B777")]
    public async Task Values_of_an_inverter_that_took_over_the_address_never_carry_our_serial(string fault, string other)
    {
        await using var bench = Bench.Start("2026-09-08T10:30:00Z");
        Assert.Equal(bench.Inverter.Serial, (await bench.PollsAsync()).Identity.Serial);

        bench.With(fault);
        Assert.Equal(UnreachableReason.Closed, (await bench.FailsAsync()).Reason);
        var strange = await bench.RecoversAsync();
        Assert.Equal(other, strange.Identity.Serial);
        Assert.NotEqual(bench.Truth(), strange.Reading);

        bench.With();
        Assert.Equal(UnreachableReason.Closed, (await bench.FailsAsync()).Reason);
        var ours = await bench.RecoversAsync();
        Assert.Equal(bench.Inverter.Serial, ours.Identity.Serial);
        Assert.Equal(bench.Truth(), ours.Reading);
    }
}
