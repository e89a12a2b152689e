using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

/// <summary>An inverter that answers garbage, short frames, stale replies, exceptions, silence and resets in random order, a poll a second.
/// Ten minutes of each seed; SUNGROW_CHAOS_SECONDS makes it longer, and SUNGROW_CHAOS_SEED tries another seed.</summary>
public class ChaosTests
{
    private static readonly int Polls = Number("SUNGROW_CHAOS_SECONDS") ?? 600;

    public static TheoryData<int> Seeds => Number("SUNGROW_CHAOS_SEED") is { } seed ? [seed] : [1, 2, 3, 4];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), out var number) ? number : null;

    [Theory(Timeout = 3_600_000)]
    [MemberData(nameof(Seeds))]
    public async Task No_value_is_read_that_was_not_served_in_that_very_poll(int seed)
    {
        // Every value of a poll is its number: one that is left over from another poll gives itself away.
        var timeout = TimeSpan.FromSeconds(30);
        var time = new ManualTime();
        await using var server = new RegisterServer(Words.Sh10Rt());
        server.Script = Chaos.Script(server, seed, silence: () => time.Advance(timeout));
        await using var reader = new InverterReader(
            Options.Create(new InverterOptions { Host = "127.0.0.1", Port = server.Port, RequestTimeout = timeout }),
            time,
            NullLogger<InverterReader>.Instance);

        var (read, failed) = (0, 0);
        for (var second = 1; second <= Polls; second++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            var poll = (ushort)(1 + (second % 30_000));
            server.Words = Words.Sh10Rt()
                .Set32(5016, poll).Set32(5213, poll).Set(13001, poll).Set32(13007, poll).Set32(13009, poll)
                .Set(13021, poll, poll, 1000, poll);
            switch (await reader.PollAsync(Token))
            {
                case Polled { Reading: var reading }:
                    read++;
                    Assert.All(
                        new[] { reading.PvPowerWatts, reading.BatteryPowerWatts, reading.LoadPowerWatts, reading.ExportPowerWatts },
                        watts => Assert.True(watts is null || watts == poll, $"{watts} W in poll {poll}"));
                    Assert.True(reading.PvDailyKwh is null || reading.PvDailyKwh == poll / 10.0);
                    break;
                case Unreachable:
                    failed++;
                    break;
            }
        }

        Assert.InRange(read, 1, Polls - 1);
        Assert.InRange(failed, 1, Polls - 1);

        // Recovered: at the second poll at the latest, and with all that such an inverter has, but for a block that rests for a day.
        server.Script = null;
        time.Advance(TimeSpan.FromSeconds(1));
        await reader.PollAsync(Token);
        time.Advance(TimeSpan.FromSeconds(1));
        var recovered = Assert.IsType<Polled>(await reader.PollAsync(Token));
        Assert.NotNull(recovered.Reading.LoadPowerWatts);
    }
}
