using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Edge.Tests.Inverter;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

/// <summary>The loop from an inverter's registers to rows of the buffer, on a clock that the test moves.</summary>
public sealed class PollLoopTests : IAsyncDisposable
{
    private const string Serial = "A2290112345";

    private static readonly DateTimeOffset Six = new(2026, 9, 8, 6, 0, 0, TimeSpan.Zero);
    private static readonly BufferedMetrics Measured = new(1201, 36.1, 0, 95.5, 31.0, 1106, -180);

    private readonly TempFolder _folder = new();
    private readonly FakeTime _time = new(Six.AddSeconds(3.2));
    private readonly EdgeMetrics _metrics = new();
    private readonly ListLogger<PollLoop> _log = new();
    private readonly PollStatus _status = new();
    private RegisterServer _inverter = new(Words.Sh10Rt());
    private InverterReader? _reader;
    private SampleBuffer? _buffer;
    private PollLoop? _loop;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_inverter_serves_is_a_row_at_each_multiple_of_the_interval()
    {
        await StartAsync();

        await AdvanceAsync(6.8);
        await AdvanceAsync(10);
        await AdvanceAsync(10);

        Assert.Equal(
            [
                new(1, Six.AddSeconds(10), Measured, 1, 10),
                new(2, Six.AddSeconds(20), Measured, 1, 10),
                new(3, Six.AddSeconds(30), Measured, 1, 10),
            ],
            Rows());
        Assert.Equal(Serial, _buffer!.Peek(1)!.DeviceId);
        Assert.Equal((3, 0), (_metrics.PolledSoFar, _metrics.MissedSoFar));
        Assert.Single(_log.Lines, $"Information: Inverter reached: SH10RT, serial {Serial}.");
        Assert.Equal((Serial, true, Six.AddSeconds(30)), (_status.Now.Inverter!.Serial, _status.Now.Reachable, _status.Now.LastPoll));
    }

    [Fact]
    public async Task A_row_has_the_start_of_its_poll_in_whole_milliseconds()
    {
        await StartAsync();

        _time.Step(TimeSpan.FromMilliseconds(112.345_6));
        await AdvanceAsync(6.8);

        Assert.Equal(Six.AddMilliseconds(10_112), Assert.Single(Rows()).Ts);
    }

    [Fact]
    public async Task The_device_id_of_the_settings_goes_before_the_serial_number()
    {
        await StartAsync(device: "roof-east");

        await AdvanceAsync(6.8);

        Assert.Equal("roof-east", _buffer!.Peek(1)!.DeviceId);
    }

    [Fact]
    public async Task An_inverter_that_goes_away_leaves_no_row_and_is_named_once()
    {
        await StartAsync();
        await AdvanceAsync(6.8);
        var port = _inverter.Port;

        await _inverter.DisposeAsync();
        await AdvanceAsync(10);
        await AdvanceAsync(10);
        _inverter = new RegisterServer(Words.Sh10Rt(), port);
        await AdvanceAsync(10);

        Assert.Equal([10, 40], Rows().Select(row => (row.Ts - Six).TotalSeconds));
        Assert.Equal((2, 2), (_metrics.PolledSoFar, _metrics.MissedSoFar));
        Assert.Equal(2, _log.Lines.Count(line => line.StartsWith("Information: Inverter reached", StringComparison.Ordinal)));
        Assert.InRange(_log.Lines.Count(line => line.StartsWith("Warning: No sample from the inverter: ", StringComparison.Ordinal)), 1, 2);
    }

    [Fact]
    public async Task An_inverter_that_serves_no_value_makes_no_row()
    {
        await StartAsync(words: new Words { Elsewhere = 0xFFFF }
            .SetText(4989, 10, Serial)
            .Set(4999, 3587, 100, 1)
            .Set32(13007, int.MaxValue)
            .Set32(13009, int.MaxValue));

        await AdvanceAsync(6.8);

        Assert.Empty(Rows());
        Assert.Equal((0, 1), (_metrics.PolledSoFar, _metrics.MissedSoFar));
        Assert.Contains("Warning: No sample from the inverter: the inverter answered, but with no value at all.", _log.Lines);
    }

    [Fact]
    public async Task An_inverter_without_a_serial_number_needs_a_device_id()
    {
        await StartAsync(words: Words.Sh10Rt().SetText(4989, 10, ""));

        await AdvanceAsync(6.8);

        Assert.Empty(Rows());
        Assert.Contains(_log.Lines, line => line.EndsWith("set Device__Id.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_inverter_on_the_same_address_gets_rows_of_its_own()
    {
        await StartAsync();
        await AdvanceAsync(6.8);
        var port = _inverter.Port;

        await _inverter.DisposeAsync();
        _inverter = new RegisterServer(Words.Sh20T(), port);
        await AdvanceAsync(10);
        await AdvanceAsync(10);

        Assert.Contains("A2340567890", _buffer!.ReadState().Devices.Select(device => device.DeviceId));
        Assert.Equal(1, _buffer.ReadState().Devices.Single(device => device.DeviceId == Serial).Committed);
    }

    [Fact]
    public async Task Several_polls_make_one_row_and_what_was_begun_is_kept_at_the_stop()
    {
        await StartAsync(samplesPerRow: 3);
        await AdvanceAsync(6.8);
        await AdvanceAsync(10);
        Assert.Empty(Rows());
        await AdvanceAsync(10);
        await AdvanceAsync(10);
        Assert.Equal(new(1, Six.AddSeconds(30), Measured, 3, 30), Assert.Single(Rows()));

        await _loop!.StopAsync(Cancelled);

        Assert.Equal(new(2, Six.AddSeconds(40), Measured, 1, 10), Rows()[^1]);
    }

    [Fact]
    public async Task A_row_begun_does_not_wait_for_the_inverter_to_come_back()
    {
        await StartAsync(samplesPerRow: 3);
        await AdvanceAsync(6.8);

        await _inverter.DisposeAsync();
        _inverter = new RegisterServer(Words.Sh10Rt()); // Elsewhere.
        await AdvanceAsync(10);
        await AdvanceAsync(10);
        Assert.Empty(Rows());
        await AdvanceAsync(10);

        Assert.Equal(new(1, Six.AddSeconds(10), Measured, 1, 10), Assert.Single(Rows()));
    }

    [Fact]
    public async Task A_poll_that_takes_long_skips_moments_and_the_next_is_on_time()
    {
        var answer = new TaskCompletionSource();
        _inverter.Script = async (_, _) =>
        {
            await answer.Task;
            return false;
        };
        await StartAsync();
        _time.Advance(TimeSpan.FromSeconds(6.8));
        await Until.TrueAsync(() => _inverter.Connections == 1, cancellationToken: Cancelled);

        _time.Advance(TimeSpan.FromSeconds(25));
        answer.SetResult();
        await PolledAsync(3); // One that was served, two that were skipped.
        await AdvanceAsync(5);

        Assert.Equal([10, 40], Rows().Select(row => (row.Ts - Six).TotalSeconds));
        Assert.Equal((2, 2), (_metrics.PolledSoFar, _metrics.MissedSoFar));
    }

    [Fact]
    public async Task A_stop_in_the_middle_of_a_poll_abandons_it()
    {
        _inverter.Script = async (client, _) =>
        {
            await client.ClosedAsync();
            return true;
        };
        await StartAsync();
        _time.Advance(TimeSpan.FromSeconds(6.8));
        await Until.TrueAsync(() => _inverter.Connections == 1, cancellationToken: Cancelled);

        await _loop!.StopAsync(Cancelled).WaitAsync(Until.Deadline, Cancelled);

        Assert.False(_loop.ExecuteTask!.IsFaulted);
        Assert.Empty(Rows());
    }

    [Fact]
    public async Task A_clock_set_back_or_forward_loses_no_row_and_changes_no_order()
    {
        await StartAsync();
        await AdvanceAsync(6.8);

        _time.Step(TimeSpan.FromHours(-1));
        await AdvanceAsync(10);
        _time.Step(TimeSpan.FromDays(2));
        await AdvanceAsync(10);
        await AdvanceAsync(10);

        // Set back, the clock is in its next epoch; the first row, an hour ahead of it then, was given its time anew.
        var back = TimeSpan.FromMicroseconds(1) - TimeSpan.FromHours(1);
        Assert.Equal(
            [back + TimeSpan.FromSeconds(10), back + TimeSpan.FromSeconds(20)], Rows().Take(2).Select(row => row.Ts - Six));
        Assert.Equal([1, 2, 3, 4], Rows().Select(row => row.Seq));
        Assert.Equal((4, 0), (_metrics.PolledSoFar, _metrics.MissedSoFar));
    }

    [Fact]
    public async Task A_full_disk_costs_samples_and_polling_goes_on()
    {
        using var disk = SmallDisk.Mount(_folder);
        await StartAsync(path: disk.File("buffer.db"));
        await AdvanceAsync(6.8);
        disk.Fill();
        for (var i = 0; i < 1_000 && !_log.Lines.Any(line => line.StartsWith("Error: A sample could not", StringComparison.Ordinal)); i++)
        {
            await AdvanceAsync(10);
        }

        var kept = _buffer!.ReadState().Committed;
        Assert.True(kept < _metrics.PolledSoFar);
        disk.MakeSpace();
        await AdvanceAsync(10);

        Assert.Equal(kept + 1, _buffer.ReadState().Committed);
        await StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _inverter.DisposeAsync();
        _metrics.Dispose();
        _folder.Dispose();
    }

    private async Task StopAsync()
    {
        if (_loop is { } loop)
        {
            await loop.StopAsync(Cancelled);
            Assert.False(loop.ExecuteTask!.IsFaulted, loop.ExecuteTask.Exception?.ToString());
            loop.Dispose();
            await _reader!.DisposeAsync();
            _buffer!.Dispose();
            _loop = null;
        }
    }

    private IReadOnlyList<BufferedSample> Rows() => _buffer!.Peek(500)?.Samples ?? [];

    private async Task StartAsync(
        int samplesPerRow = 1, string? device = null, Words? words = null, string? path = null, ClockTrust? trust = null)
    {
        var polling = Options.Create(new PollingOptions { SamplesPerRow = samplesPerRow });
        _inverter.Words = words ?? _inverter.Words;
        var inverter = Options.Create(new InverterOptions
        {
            Host = "127.0.0.1",
            Port = _inverter.Port,
            RequestTimeout = TimeSpan.FromSeconds(30),
            TimeZone = "UTC",
        });
        var file = Options.Create(new BufferOptions { Path = path ?? _folder.File("buffer.db") });
        _reader = new(inverter, TimeProvider.System, new ListLogger<InverterReader>());
        _buffer = SampleBuffer.Open(file.Value.Path, "boot");
        _loop = new(
            _reader,
            _buffer,
            _status,
            polling,
            new Ownership(Options.Create(new DeviceOptions { Id = device }), file, new ListLogger<Ownership>()),
            new DailyCounter(inverter, file, _metrics, new ListLogger<DailyCounter>()),
            Clocks.Of(_buffer, _time, trust),
            new GapBook(_buffer, polling),
            _time,
            _metrics,
            _log);
        await _loop.StartAsync(Cancelled);
        await PolledAsync(0);
    }

    /// <summary>Lets time pass to the next poll and waits for its outcome.</summary>
    private async Task AdvanceAsync(double seconds)
    {
        var outcomes = _metrics.PolledSoFar + _metrics.MissedSoFar;
        _time.Advance(TimeSpan.FromSeconds(seconds));
        await PolledAsync(outcomes + 1);
    }

    private Task PolledAsync(long outcomes) => Until.TrueAsync(
        () => _metrics.PolledSoFar + _metrics.MissedSoFar >= outcomes && _time.Waiting == 1, cancellationToken: Cancelled);
}
