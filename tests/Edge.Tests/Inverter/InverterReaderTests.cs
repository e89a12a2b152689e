using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class InverterReaderTests
{
    private const int Deadline = 60_000;
    private const int Id = 4989;
    private const int Main = 12999;
    private const int Pv = 5007;
    private const int Battery = 5213;
    private const int Path = 6099;

    private static readonly Reading Measured = new(1201, 36.1, 0, 95.5, 31.0, 1106, -180);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static InverterReader Reader(int port, Action<InverterOptions>? change = null, TimeProvider? time = null, Lines? log = null)
    {
        var options = new InverterOptions { Host = "127.0.0.1", Port = port, RequestTimeout = TimeSpan.FromSeconds(30) };
        change?.Invoke(options);
        return new(Options.Create(options), time ?? TimeProvider.System, log ?? new Lines());
    }

    private static async Task<Polled> PollsAsync(InverterReader reader) => Assert.IsType<Polled>(await reader.PollAsync(Token));

    private static async Task<Unreachable> FailsAsync(InverterReader reader) => Assert.IsType<Unreachable>(await reader.PollAsync(Token));

    [Fact(Timeout = Deadline)]
    public async Task The_first_poll_identifies_and_every_poll_is_three_requests_on_one_connection()
    {
        await using var server = new RegisterServer(Words.Sh10Rt());
        await using var reader = Reader(server.Port);

        var first = await PollsAsync(reader);

        Assert.Equal("A2290112345", first.Identity.Serial);
        Assert.Equal(Measured, first.Reading);
        Assert.Equal([Id, Main, Pv, Battery, Path], server.TakeAsked());
        Assert.Equal(["ID", "MAIN", "PV", "BATT", "PATH"], first.Blocks.Select(answer => answer.Block.Name));

        Assert.Equal(Measured, (await PollsAsync(reader)).Reading);
        Assert.Equal([Main, Pv, Battery], server.TakeAsked());
        Assert.Equal(1, server.Connections);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_string_inverter_is_read_by_its_own_map()
    {
        await using var server = new RegisterServer(Words.Sg5Rs());
        await using var reader = Reader(server.Port);

        Assert.Equal(new Reading(3210, 12.3, null, null, null, 1000, 2100), (await PollsAsync(reader)).Reading);
        Assert.Equal([Id, 5002, 5143, 5082], server.TakeAsked());
    }

    [Fact(Timeout = Deadline)]
    public async Task A_block_at_an_illegal_address_is_asked_on_two_connections_and_then_once_a_day()
    {
        var time = new ManualTime();
        await using var server = new RegisterServer(Words.Sh10Rt().Set(13021, unchecked((ushort)-800))) { Refuse = { [Battery] = 2 } };
        await using var reader = Reader(server.Port, time: time);

        var polled = await PollsAsync(reader);
        Assert.Equal(Measured with { BatteryPowerWatts = -800 }, polled.Reading);
        Assert.Equal((byte)2, polled.Blocks[^2].Refusal);
        Assert.Equal([Id, Main, Pv, Battery, Path], server.TakeAsked());

        await PollsAsync(reader);
        Assert.Equal([Main, Pv], server.TakeAsked());

        await ReconnectAsync();
        Assert.Equal([Id, Main, Pv, Battery], server.TakeAsked());
        await ReconnectAsync();
        Assert.Equal([Id, Main, Pv], server.TakeAsked());

        time.Advance(TimeSpan.FromDays(1));
        await PollsAsync(reader);
        Assert.Equal([Main, Pv, Battery], server.TakeAsked());
        await PollsAsync(reader);
        Assert.Equal([Main, Pv], server.TakeAsked());

        async Task ReconnectAsync()
        {
            server.Script = SendGarbageAsync;
            await FailsAsync(reader);
            server.Script = null;
            server.TakeAsked();
            await PollsAsync(reader);
        }
    }

    [Theory(Timeout = Deadline)]
    [InlineData(30, UnreachableReason.TimedOut)]
    [InlineData(10, UnreachableReason.Closed)] // before our patience ends
    public async Task A_block_that_is_silent_on_three_connections_rests_and_the_others_are_read(int seconds, object reason)
    {
        var time = new ManualTime();
        await using var server = new RegisterServer(Words.Sh10Rt());
        server.Script = (client, request) =>
        {
            var isSilent = Frames.Start(request) == Battery;
            if (isSilent)
            {
                time.Advance(TimeSpan.FromSeconds(seconds));
                client.Reset();
            }

            return Task.FromResult(isSilent);
        };
        await using var reader = Reader(server.Port, time: time);

        for (var connection = 0; connection < 3; connection++)
        {
            Assert.Equal(reason, (await FailsAsync(reader)).Reason);
        }

        Assert.Equal(Measured, (await PollsAsync(reader)).Reading);
        time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(reason, (await FailsAsync(reader)).Reason);
        Assert.Equal(Measured, (await PollsAsync(reader)).Reading);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_connection_that_is_always_closed_again_is_left_alone_for_ninety_seconds()
    {
        var time = new ManualTime();
        await using var server = new RegisterServer(Words.Sh10Rt());
        server.Script = (client, _) =>
        {
            client.Reset();
            return Task.FromResult(true);
        };
        await using var reader = Reader(server.Port, time: time);

        for (var poll = 0; poll < 5; poll++)
        {
            Assert.Equal(UnreachableReason.Closed, (await FailsAsync(reader)).Reason);
            time.Advance(TimeSpan.FromSeconds(10));
        }

        server.Script = null;
        var connections = server.Connections;
        for (var quiet = 10; quiet < 90; quiet += 10)
        {
            var left = await FailsAsync(reader);
            Assert.Equal(UnreachableReason.Contention, left.Reason);
            Assert.Contains("another program", left.Sentence);
            time.Advance(TimeSpan.FromSeconds(10));
        }

        Assert.Equal(connections, server.Connections);
        Assert.Equal(Measured, (await PollsAsync(reader)).Reading);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_hybrid_without_a_battery_is_not_asked_for_its_power_until_it_has_one()
    {
        await using var server = new RegisterServer(Words.Sh10Rt().Set(13019, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF));
        await using var reader = Reader(server.Port);

        Assert.Null((await PollsAsync(reader)).Reading.BatteryPowerWatts);
        Assert.Equal([Id, Main, Pv, Path], server.TakeAsked());

        server.Words = Words.Sh10Rt();
        Assert.Equal(Measured, (await PollsAsync(reader)).Reading);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_dongle_gets_a_pause_between_requests()
    {
        var time = new ManualTime();
        await using var server = new RegisterServer(Words.Sh10Rt()) { Refuse = { [Path] = 2 } };
        await using var reader = Reader(server.Port, time: time);
        Assert.Equal(ConnectionPath.WiNet, (await PollsAsync(reader)).Path);

        var polling = PollsAsync(reader);

        Assert.Equal(Enumerable.Repeat(TimeSpan.FromMilliseconds(30), 3), await time.SkipPausesAsync(polling));
        Assert.Equal(ConnectionPath.WiNet, (await polling).Path);
    }

    [Fact(Timeout = Deadline)]
    public async Task What_may_be_a_dongle_and_cannot_be_told_gets_the_same_pause()
    {
        var time = new ManualTime();
        await using var server = new RegisterServer(Words.Sg5Rs());
        await using var reader = Reader(server.Port, time: time);

        var polling = PollsAsync(reader);

        Assert.Equal(Enumerable.Repeat(TimeSpan.FromMilliseconds(30), 3), await time.SkipPausesAsync(polling));
        Assert.Equal(ConnectionPath.Unknown, (await polling).Path);
        Assert.DoesNotContain(Path, server.TakeAsked());
    }

    [Theory(Timeout = Deadline)]
    [InlineData(4)]
    [InlineData(6)]
    public async Task A_block_refused_for_another_reason_is_asked_again_in_the_next_poll(byte code)
    {
        await using var server = new RegisterServer(Words.Sh10Rt()) { Refuse = { [Main] = code } };
        await using var reader = Reader(server.Port);

        Assert.Equal(new Reading(1201, null, 0, null, null, null, null), (await PollsAsync(reader)).Reading);

        server.Refuse.Clear();
        Assert.Equal(Measured, (await PollsAsync(reader)).Reading);
        Assert.Equal(1, server.Connections);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_violation_costs_one_poll_and_the_next_one_connects_anew()
    {
        await using var server = new RegisterServer(Words.Sh10Rt());
        await using var reader = Reader(server.Port);
        await PollsAsync(reader);

        server.Script = SendGarbageAsync;
        var failed = await FailsAsync(reader);
        Assert.Equal(UnreachableReason.Violation, failed.Reason);
        Assert.Equal(UnreachableReason.Violation, failed.Blocks[^1].Failure);

        server.Script = null;
        Assert.Equal(Measured, (await PollsAsync(reader)).Reading);
        Assert.Equal(2, server.Connections);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_timeout_in_the_middle_of_a_poll_yields_no_half_reading()
    {
        var time = new ManualTime();
        var silent = new TaskCompletionSource();
        await using var server = new RegisterServer(Words.Sh10Rt());
        await using var reader = Reader(server.Port, time: time);
        await PollsAsync(reader);

        server.Script = (_, request) => Task.FromResult(Frames.Start(request) == Battery && silent.TrySetResult());
        var polling = FailsAsync(reader);
        await silent.Task.WaitAsync(Token);
        time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(UnreachableReason.TimedOut, (await polling).Reason);
        server.Script = null;
        await PollsAsync(reader);
        Assert.Equal(2, server.Connections);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_connection_dropped_between_polls_costs_no_poll()
    {
        var dropped = new TaskCompletionSource();
        await using var server = new ScriptedServer(async client =>
        {
            for (var asked = 0; asked < 4; asked++)
            {
                var request = await client.RequestAsync();
                await client.SendAsync(Frames.Reply(request, Words.Sh10Rt().Read(Frames.Start(request), Frames.Points(request))));
            }

            client.Reset();
            dropped.TrySetResult();
        });
        await using var reader = Reader(server.Port);

        await PollsAsync(reader);
        await dropped.Task.WaitAsync(Token);

        Assert.Equal(Measured, (await PollsAsync(reader)).Reading);
        Assert.Equal(2, server.Connections);
    }

    [Fact(Timeout = Deadline)]
    public async Task Another_inverter_behind_the_same_address_is_seen()
    {
        await using var server = new RegisterServer(Words.Sh10Rt());
        await using var reader = Reader(server.Port);
        await PollsAsync(reader);

        server.Script = SendGarbageAsync;
        await FailsAsync(reader);
        server.Script = null;
        server.Words = Words.Sh20T();

        var polled = await PollsAsync(reader);
        Assert.Equal("A2340567890", polled.Identity.Serial);
        Assert.Equal("SH20T", polled.Identity.Model);
    }

    [Fact(Timeout = Deadline)]
    public async Task An_impossible_value_is_null_and_said_once()
    {
        var log = new Lines();
        await using var server = new RegisterServer(Words.Sh10Rt().Set(13022, 1001));
        await using var reader = Reader(server.Port, log: log);

        var polled = await PollsAsync(reader);
        await PollsAsync(reader);

        Assert.Equal(Measured with { BatterySocPercent = null }, polled.Reading);
        Assert.Equal(["battery_soc_pct"], polled.Impossible);
        Assert.Single(log.Written, line => line.Contains("battery_soc_pct"));
    }

    [Fact(Timeout = Deadline)]
    public async Task A_dongle_that_lost_its_inverter_yields_an_empty_reading()
    {
        await using var server = new RegisterServer(Words.Sh20T());
        await using var reader = Reader(server.Port);
        await PollsAsync(reader);

        server.Words = new Words();

        Assert.True((await PollsAsync(reader)).Reading.IsEmpty);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_dongle_that_is_not_linked_yet_is_nobody()
    {
        await using var server = new RegisterServer(new Words());
        await using var reader = Reader(server.Port);

        Assert.Equal(UnreachableReason.NotIdentified, (await FailsAsync(reader)).Reason);

        server.Words = Words.Sh20T();
        Assert.Equal("SH20T", (await PollsAsync(reader)).Identity.Model);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_device_that_refuses_to_say_who_it_is_is_nobody()
    {
        await using var server = new RegisterServer(Words.Sh10Rt()) { Refuse = { [Id] = 11 } };
        await using var reader = Reader(server.Port);

        var failed = await FailsAsync(reader);

        Assert.Equal(UnreachableReason.NotIdentified, failed.Reason);
        Assert.Contains("no answer behind the gateway", failed.Sentence);
        Assert.Contains("Inverter__UnitId", failed.Sentence);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_wrong_unit_id_is_told_by_its_silence()
    {
        await using var server = new RegisterServer(Words.Sh10Rt()) { Unit = 2 };
        var timeout = TimeSpan.FromMilliseconds(500);
        var time = new ManualTime();
        await using var reader = Reader(server.Port, options => options.RequestTimeout = timeout, time);

        var polling = FailsAsync(reader);
        while (server.TakeAsked().Length == 0)
        {
            await Task.Yield();
        }

        time.Advance(timeout);
        var failed = await polling;

        Assert.Equal(UnreachableReason.Silent, failed.Reason);
        Assert.Contains("unit 1 did not answer within 0.5 s", failed.Sentence);
    }

    [Fact(Timeout = Deadline)]
    public async Task An_inverter_that_still_holds_its_last_session_is_reached_at_a_second_try()
    {
        var retry = TimeSpan.FromMilliseconds(250);
        var time = new ManualTime();
        var port = await UnusedPortAsync();
        await using var reader = Reader(port, time: time);

        var polling = PollsAsync(reader);
        while (time.UntilNext != retry)
        {
            await Task.Yield();
        }

        await using var server = new RegisterServer(Words.Sh10Rt(), port);
        time.Advance(retry);

        Assert.Equal(Measured, (await polling).Reading);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_gap_is_kept_between_requests()
    {
        var time = new ManualTime();
        await using var server = new RegisterServer(Words.Sh10Rt());
        await using var reader = Reader(server.Port, options => options.RequestGap = TimeSpan.FromMilliseconds(100), time);

        var polling = PollsAsync(reader);
        var gaps = await time.SkipPausesAsync(polling);

        Assert.Equal(Measured, (await polling).Reading);
        Assert.Equal(Enumerable.Repeat(TimeSpan.FromMilliseconds(100), 4), gaps);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_cancelled_poll_leaves_no_connection_and_the_next_one_works()
    {
        var asked = new TaskCompletionSource();
        var closed = new TaskCompletionSource();
        await using var server = new RegisterServer(Words.Sh10Rt());
        server.Script = async (client, _) =>
        {
            asked.TrySetResult();
            await client.ClosedAsync();
            closed.TrySetResult();
            return true;
        };
        await using var reader = Reader(server.Port);
        using var cancelling = CancellationTokenSource.CreateLinkedTokenSource(Token);

        var polling = reader.PollAsync(cancelling.Token);
        await asked.Task.WaitAsync(Token);
        await cancelling.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => polling);
        await closed.Task.WaitAsync(Token);
        server.Script = null;
        await PollsAsync(reader);
    }

    private static async Task<int> UnusedPortAsync()
    {
        await using var server = new ScriptedServer(client => client.ClosedAsync());
        return server.Port;
    }

    private static async Task<bool> SendGarbageAsync(ScriptedClient client, byte[] request)
    {
        await client.SendAsync(0x68, 0x68, 1, 2, 3, 4, 5, 6, 7);
        return true;
    }

    /// <summary>Lines of Information and above.</summary>
    private sealed class Lines : ILogger<InverterReader>
    {
        public List<string> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Add(formatter(state, exception));
    }
}
