using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Edge.Tests.Inverter;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

/// <summary>What the loop writes down of the times that it has no samples of.</summary>
public sealed class PollLoopGapTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Six = new(2026, 9, 8, 6, 0, 0, TimeSpan.Zero);

    private readonly TempFolder _folder = new();
    private readonly EdgeMetrics _metrics = new();
    private readonly ListLogger<PollLoop> _log = new();
    private readonly FakeTime _time = new(Six.AddSeconds(3.2));
    private RegisterServer? _inverter = new(Words.Sh10Rt());
    private InverterReader? _reader;
    private SampleBuffer? _buffer;
    private PollLoop? _loop;
    private string? _path;
    private int? _port;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_inverter_that_is_away_is_one_gap_that_ends_when_it_is_back()
    {
        await StartAsync();
        await PollAsync(1);
        var port = await PullAsync();
        await PollAsync(3);
        Assert.Equal("inverter_unreachable 20-open 1", Gaps()); // Written when it began.

        _inverter = new RegisterServer(Words.Sh10Rt(), port);
        await PollAsync(1);

        Assert.Equal("inverter_unreachable 20-50 3", Gaps());
        Assert.Equal([10, 50], Rows().Select(row => (row.Ts - Six).TotalSeconds));
    }

    [Fact]
    public async Task How_many_polls_an_open_gap_has_cost_is_written_every_few_minutes_and_at_the_stop()
    {
        await StartAsync();
        await PollAsync(1);
        await PullAsync();
        await PollAsync(35);
        Assert.Equal("inverter_unreachable 20-open 30", Gaps());
        await PollAsync(2);
        Assert.Equal("inverter_unreachable 20-open 30", Gaps());

        await _loop!.StopAsync(Cancelled);

        Assert.Equal("inverter_unreachable 20-open 37", Gaps());
    }

    [Fact]
    public async Task A_restart_in_an_open_gap_ends_it_where_it_was_known_last_and_the_edge_was_off_from_there()
    {
        await StartAsync();
        await PollAsync(1);
        var port = await PullAsync();
        await PollAsync(6);
        await StopAsync(); // At 70 s, the next poll would have been at 80.
        _time.Advance(TimeSpan.FromSeconds(3600));
        _inverter = new RegisterServer(Words.Sh10Rt(), port);

        await StartAsync();
        await PollAsync(1);

        Assert.Equal("inverter_unreachable 20-80 6|edge_off 80-3680 360", Gaps());
        Assert.Equal(
            (Rows()[^1].Ts - Rows()[0].Ts).TotalSeconds / 10, Rows().Count - 1 + _buffer!.UnreportedGaps(10).Sum(gap => gap.Missed));
    }

    [Fact]
    public async Task A_restart_that_misses_no_poll_goes_on_with_the_open_gap()
    {
        await StartAsync();
        await PollAsync(1);
        var port = await PullAsync();
        await PollAsync(2);
        await StopAsync();

        await StartAsync();
        await PollAsync(2);
        _inverter = new RegisterServer(Words.Sh10Rt(), port);
        await PollAsync(1);

        Assert.Equal("inverter_unreachable 20-60 4", Gaps());
    }

    [Fact]
    public async Task A_killed_process_leaves_edge_off_from_its_newest_row()
    {
        await StartAsync();
        await PollAsync(3);
        await StopAsync();
        _time.Advance(TimeSpan.FromMinutes(10));

        await StartAsync();
        await PollAsync(2);

        Assert.Equal("edge_off 40-640 60", Gaps());
    }

    [Fact]
    public async Task A_first_start_and_a_quick_restart_have_no_gap()
    {
        await StartAsync();
        await PollAsync(3);
        await StopAsync();
        await StartAsync();
        await PollAsync(3);

        Assert.Equal("", Gaps());
    }

    [Fact]
    public async Task A_poll_that_takes_long_is_a_gap_of_the_moments_that_it_covered()
    {
        var answer = new TaskCompletionSource();
        _inverter!.Script = async (_, _) =>
        {
            await answer.Task;
            return false;
        };
        await StartAsync();
        _time.Advance(TimeSpan.FromSeconds(6.8));
        await Until.TrueAsync(() => _inverter.Connections == 1, cancellationToken: Cancelled);
        _time.Advance(TimeSpan.FromSeconds(25));
        answer.SetResult();
        await OutcomesAsync(3);
        await PollAsync(1, seconds: 5);

        Assert.Equal("inverter_unreachable 20-40 2", Gaps());
    }

    [Fact]
    public async Task A_process_that_did_not_run_for_a_minute_was_off()
    {
        await StartAsync();
        await PollAsync(1);

        _time.Jump(TimeSpan.FromSeconds(65)); // Nothing fires in between, as of a process that is stopped.
        await OutcomesAsync(7);
        await PollAsync(1, seconds: 5);

        // The poll of 20 s took place at 75 s.
        Assert.Equal("edge_off 30-80 5", Gaps());
    }

    [Fact]
    public async Task A_disk_that_is_pulled_costs_samples_and_polling_goes_on()
    {
        using var disk = SmallDisk.Mount(_folder);
        _path = disk.File("buffer.db");
        await StartAsync();
        await PollAsync(2);
        Assert.SkipUnless(disk.TryHide(), "needs the right to mount over a folder");
        await PollAsync(3);
        disk.Show();
        await PollAsync(2);

        Assert.Equal(7, _metrics.PolledSoFar);
        Assert.Equal("buffer_unavailable 30-60 3", Gaps());
        Assert.Equal([10, 20, 60, 70], Rows().Select(row => (row.Ts - Six).TotalSeconds));
        await StopAsync();
    }

    [Fact]
    public async Task Samples_that_a_full_disk_costs_are_a_gap_that_is_written_when_there_is_room()
    {
        using var disk = SmallDisk.Mount(_folder);
        _path = disk.File("buffer.db");
        await StartAsync();
        await PollAsync(1);
        disk.Fill();
        for (var poll = 0; poll < 1_000 && !_log.Lines.Any(line => line.StartsWith("Error: A sample is lost", StringComparison.Ordinal)); poll++)
        {
            await PollAsync(1);
        }

        await PollAsync(2);
        var polls = _metrics.PolledSoFar;
        var kept = _buffer!.ReadState().Committed;
        disk.MakeSpace();
        await PollAsync(2);

        var gap = Assert.Single(_buffer.UnreportedGaps(10));
        Assert.Equal(("buffer_unavailable", polls - kept), (gap.Reason, gap.Missed));
        Assert.Equal(gap.Missed * 10, (gap.To - gap.From)!.Value.TotalSeconds);
        Assert.Equal(polls + 2, _buffer.ReadState().Committed + gap.Missed);
        await StopAsync();
    }

    [Fact]
    public async Task With_several_polls_per_row_a_gap_counts_polls_and_a_row_says_how_many_it_has()
    {
        await StartAsync(samplesPerRow: 3);
        await PollAsync(2);
        var port = await PullAsync();
        await PollAsync(2);
        _inverter = new RegisterServer(Words.Sh10Rt(), port);
        await PollAsync(5);
        await StopAsync();

        await StartAsync(samplesPerRow: 3);
        Assert.Equal("inverter_unreachable 30-50 2", Gaps());
        Assert.Equal(9, Rows().Sum(row => row.SampleCount) + 2);
    }

    [Fact]
    public async Task Until_the_clock_is_trusted_gaps_wait_in_memory_and_then_have_the_right_times()
    {
        var trust = Clocks.Auto(_time);
        _time.Step(TimeSpan.FromDays(-100));
        await StartAsync(trust: trust);
        await PollAsync(1);
        var port = await PullAsync();
        await PollAsync(2);
        _inverter = new RegisterServer(Words.Sh10Rt(), port);
        await PollAsync(1);
        Assert.Empty(Rows());
        Assert.Equal("", Gaps());

        _time.Step(TimeSpan.FromDays(100));
        trust.Heard(new("https://vps.example.net"), _time.GetUtcNow());
        await PollAsync(1);

        Assert.Equal("inverter_unreachable 20-40 2", Gaps());
        Assert.Equal([10, 40, 50], Rows().Select(row => Math.Round((row.Ts - Six).TotalSeconds)));
        Assert.All(Rows(), row => Assert.Null(row.Seq == 3 ? null : row.Metrics.PvDailyKwh)); // Of which day, nobody knew.
    }

    [Fact]
    public async Task A_boot_that_never_knew_the_time_is_a_gap_of_the_clock_at_the_next_start()
    {
        await StartAsync();
        await PollAsync(2);
        await StopAsync();
        _time.Step(TimeSpan.FromDays(-100));
        await StartAsync(trust: Clocks.Auto(_time), boot: "boot-2");
        await PollAsync(4);
        await StopAsync();
        _time.Step(TimeSpan.FromDays(100));

        await StartAsync(boot: "boot-3");
        await PollAsync(1);

        Assert.Equal("clock 30-70 4", Gaps());
        Assert.Equal(4, _buffer!.ReadState().DeadLettered);
    }

    [Fact]
    public async Task A_clock_set_forward_leaves_out_an_hour_until_it_is_set_back()
    {
        await StartAsync();
        await PollAsync(2);
        _time.Step(TimeSpan.FromHours(1));
        await PollAsync(2);
        Assert.Equal("clock 30-3630 360", Gaps());
        _time.Step(TimeSpan.FromHours(-2));
        await PollAsync(2);

        Assert.Equal("clock 30-30 0", Gaps()); // The hour that was left out comes after all.
        Assert.Equal(6, _buffer!.ReadState().Committed);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_inverter is not null)
        {
            await _inverter.DisposeAsync();
        }

        _metrics.Dispose();
        _folder.Dispose();
    }

    private async Task StartAsync(int samplesPerRow = 1, ClockTrust? trust = null, string boot = "boot-1")
    {
        var inverter = Options.Create(new InverterOptions
        {
            Host = "127.0.0.1",
            Port = _port ?? _inverter!.Port,
            RequestTimeout = TimeSpan.FromSeconds(30),
            TimeZone = "UTC",
        });
        var file = Options.Create(new BufferOptions { Path = _path ?? _folder.File("buffer.db"), KeepSent = TimeSpan.FromDays(3650), MinFreeBytes = 0 });
        var polling = Options.Create(new PollingOptions { SamplesPerRow = samplesPerRow });
        _reader = new(inverter, TimeProvider.System, NullLogger<InverterReader>.Instance);
        _buffer = SampleBuffer.Open(file.Value.Path, boot, file.Value, _time);
        _loop = new(
            _reader, _buffer, new PollStatus(), polling,
            new Ownership(Options.Create(new DeviceOptions()), file, NullLogger<Ownership>.Instance),
            new DailyCounter(inverter, file, _metrics, NullLogger<DailyCounter>.Instance),
            Clocks.Of(_buffer, _time, trust), new GapBook(_buffer, polling), _time, _metrics, _log);
        await _loop.StartAsync(Cancelled);
        await OutcomesAsync(0);
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

    /// <returns>Where it was.</returns>
    private async Task<int> PullAsync()
    {
        var port = _inverter!.Port;
        _port = port;
        await _inverter.DisposeAsync();
        _inverter = null;
        return port;
    }

    /// <summary>Lets time pass to the next polls, which are at the multiples of ten seconds.</summary>
    private async Task PollAsync(int polls, double? seconds = null)
    {
        for (var n = 0; n < polls; n++)
        {
            var into = _time.GetUtcNow().Ticks % TimeSpan.FromSeconds(10).Ticks;
            var outcomes = _metrics.PolledSoFar + _metrics.MissedSoFar;
            _time.Advance(seconds is { } some ? TimeSpan.FromSeconds(some) : TimeSpan.FromSeconds(10) - TimeSpan.FromTicks(into));
            await OutcomesAsync(outcomes + 1);
        }
    }

    private Task OutcomesAsync(long outcomes) => Until.TrueAsync(
        () => _metrics.PolledSoFar + _metrics.MissedSoFar >= outcomes && _time.Waiting == 1, cancellationToken: Cancelled);

    private IReadOnlyList<BufferedSample> Rows() => _buffer!.Peek(5_000)?.Samples ?? [];

    private string Gaps() => string.Join('|', _buffer!.UnreportedGaps(100).Select(gap => string.Create(
        CultureInfo.InvariantCulture,
        $"{gap.Reason} {Math.Round((gap.From - Six).TotalSeconds)}-{(gap.To is { } to ? Math.Round((to - Six).TotalSeconds) : "open")} {gap.Missed}")));
}
