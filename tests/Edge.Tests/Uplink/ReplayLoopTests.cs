using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public sealed class ReplayLoopTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly EdgeMetrics _metrics = new();
    private readonly ListLogger<ReplayLoop> _log = new();
    private readonly SampleBuffer _buffer;

    public ReplayLoopTests() => _buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_backlog_is_delivered_oldest_first_in_full_batches_and_each_sample_once()
    {
        await using var vps = await ScriptedVps.StartAsync();
        _buffer.AppendMany(1, 1_203);

        await using (Start(vps.Url))
        {
            await DrainedAsync();
        }

        Assert.Equal([500, 500, 203], vps.Requests.Select(request => Seqs(request).Length));
        Assert.Equal(Enumerable.Range(1, 1_203).Select(n => (long)n), vps.Requests.SelectMany(Seqs));
        Assert.Equal(1_203, vps.Stored.Count);
    }

    [Fact]
    public async Task What_arrives_is_what_the_buffer_holds_to_the_last_bit()
    {
        await using var vps = await ScriptedVps.StartAsync();
        _buffer.AppendMany(1, 60);
        var rows = _buffer.Peek(500)!.Samples;

        await using (Start(vps.Url))
        {
            await DrainedAsync();
        }

        Assert.Equal(rows.Select(row => new SungrowSample
        {
            DeviceId = Rows.Device,
            Ts = row.Ts,
            PvPowerW = row.Metrics.PvPowerWatts,
            PvDailyKwh = row.Metrics.PvDailyKwh,
            BatteryPowerW = row.Metrics.BatteryPowerWatts,
            BatterySocPct = row.Metrics.BatterySocPercent,
            BatteryTempC = row.Metrics.BatteryTemperatureCelsius,
            LoadPowerW = row.Metrics.LoadPowerWatts,
            ExportPowerW = row.Metrics.ExportPowerWatts,
            SampleCount = row.SampleCount,
            IntervalS = row.IntervalSeconds,
            Seq = row.Seq,
        }), vps.Stored.OrderBy(sample => sample.Seq));
        Assert.Contains($"\"buffer_id\":\"{_buffer.BufferId}\"", vps.Requests[0].Text);
    }

    [Fact]
    public async Task A_sample_appended_later_is_sent_at_once()
    {
        await using var vps = await ScriptedVps.StartAsync();
        await using var loop = Start(vps.Url);
        for (var n = 1; n <= 5; n++)
        {
            _buffer.AppendMany(n, n);
            await DrainedAsync();
        }

        Assert.Equal(5, vps.Requests.Count);
    }

    [Fact]
    public async Task Samples_of_two_devices_never_share_a_batch()
    {
        await using var vps = await ScriptedVps.StartAsync();
        for (var n = 1; n <= 40; n++)
        {
            _buffer.Append(Rows.Number(n, $"device-{n % 2}"));
        }

        await using (Start(vps.Url))
        {
            await DrainedAsync();
        }

        Assert.All(vps.Requests, request => Assert.Single(Read(request).DeviceIds));
        Assert.Equal(40, vps.Stored.Count);
    }

    /// <summary>Everything that is not our own 200 for this batch.</summary>
    public static TheoryData<string> Others =>
    [
        "portal", "empty 200", "other json", "too few", "too many", "negative", "204", "redirect", "foreign 503", "reset", "reset within",
        "400", "401", "403", "404", "408", "409", "413", "422", "429", "500", "502", "503", "504",
    ];

    [Theory]
    [MemberData(nameof(Others))]
    public async Task The_cursor_stays_and_the_same_batch_goes_again_after(string other)
    {
        await using var vps = await ScriptedVps.StartAsync();
        long acknowledged = -1;
        var answer = Other(other);
        vps.Next((context, request) =>
        {
            acknowledged = _buffer.ReadState().Acknowledged;
            return answer(context, request);
        });
        vps.Next((context, request) =>
        {
            acknowledged += _buffer.ReadState().Acknowledged;
            return Answers.CountsAsync(context, vps.Store(request));
        });
        _buffer.AppendMany(1, 20);

        await using (Start(vps.Url))
        {
            await DrainedAsync();
        }

        Assert.Equal(0, acknowledged);
        Assert.Equal(2, vps.Requests.Count);
        Assert.Equal(vps.Requests[0].Text, vps.Requests[1].Text);
        Assert.Equal(20, vps.Stored.Count);
        Assert.Single(_log.Lines, line => line.StartsWith("Warning: Samples wait in the buffer: ", StringComparison.Ordinal));
        Assert.Single(_log.Lines, line => line == "Information: The VPS takes samples again.");
        Assert.DoesNotContain(_log.Lines, line => line.Contains(Batches.Token, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_lost_after_the_server_s_commit_costs_nothing(bool answerBegan)
    {
        await using var vps = await ScriptedVps.StartAsync();
        IngestAnswer? first = null, second = null;
        vps.Next((context, request) =>
        {
            first = vps.Store(request);
            return answerBegan ? Answers.ResetWithin(context, request) : Answers.Reset(context, request);
        });
        vps.Next((context, request) => Answers.CountsAsync(context, second = vps.Store(request)));
        _buffer.AppendMany(1, 20);

        await using (Start(vps.Url))
        {
            await DrainedAsync();
        }

        Assert.Equal((new(20, 0, 0), new(0, 20, 0)), (first!, second!));
        Assert.Equal(vps.Requests[0].Text, vps.Requests[1].Text);
        Assert.Equal(20, vps.Stored.Count);
    }

    [Fact]
    public async Task After_a_restart_between_the_server_s_commit_and_the_cursor_s_move_nothing_is_stored_twice()
    {
        await using var vps = await ScriptedVps.StartAsync();
        var stored = new TaskCompletionSource();
        vps.Next((context, request) =>
        {
            vps.Store(request);
            stored.SetResult();
            return Answers.Silence(context, request);
        });
        _buffer.AppendMany(1, 20);
        await using (Start(vps.Url))
        {
            await stored.Task.WaitAsync(Until.Deadline, Cancelled);
        }

        Assert.Equal(20, _buffer.ReadState().Waiting);
        await using (Start(vps.Url))
        {
            await DrainedAsync();
        }

        Assert.Equal(vps.Requests[0].Text, vps.Requests[1].Text);
        Assert.Equal(20, vps.Stored.Count);
    }

    [Fact]
    public async Task An_outage_is_made_up_for_in_order_and_nothing_comes_twice()
    {
        var port = FreePort.Next();
        _buffer.AppendMany(1, 700);
        await using var loop = Start(new Uri($"http://127.0.0.1:{port}"));
        await Until.TrueAsync(
            () => _log.Lines.Any(line => line.Contains("no connection", StringComparison.Ordinal)), cancellationToken: Cancelled);
        _buffer.AppendMany(701, 900);

        await using var vps = await ScriptedVps.StartAsync(port);
        await DrainedAsync();

        Assert.Equal(Enumerable.Range(1, 900).Select(n => (long)n), vps.Requests.SelectMany(Seqs));
    }

    [Fact]
    public async Task Retry_after_is_waited_for_and_not_less()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Problem(503, "WRITE_QUEUE_FULL", retryAfter: "120"));
        var time = new FakeTime(DateTimeOffset.UnixEpoch);
        _buffer.AppendMany(1, 1);
        await using var loop = Start(vps.Url, time);
        await Until.TrueAsync(() => time.Waiting == 1, cancellationToken: Cancelled);

        time.Advance(TimeSpan.FromSeconds(119.9));
        Assert.Equal((1, 1), (time.Waiting, vps.Requests.Count));
        time.Advance(TimeSpan.FromSeconds(0.1));

        await DrainedAsync();
        Assert.Equal(2, vps.Requests.Count);
    }

    [Fact]
    public async Task A_trouble_that_lasts_is_said_once()
    {
        await using var vps = await ScriptedVps.StartAsync();
        for (var i = 0; i < 6; i++)
        {
            vps.Next(Answers.Problem(401, "TOKEN_INVALID"));
        }

        _buffer.AppendMany(1, 1);
        await using (Start(vps.Url))
        {
            await DrainedAsync();
        }

        Assert.Equal(7, vps.Requests.Count);
        Assert.Single(_log.Lines, line => line == "Warning: Samples wait in the buffer: the VPS refused with 401 TOKEN_INVALID.");
    }

    [Fact]
    public async Task A_stop_in_the_middle_of_a_request_does_not_wait_for_the_answer_and_keeps_the_batch()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Silence);
        _buffer.AppendMany(1, 20);
        var loop = Start(vps.Url);
        await Until.TrueAsync(() => vps.Requests.Count == 1, cancellationToken: Cancelled);

        // The request itself would wait for ten minutes.
        await loop.DisposeAsync().AsTask().WaitAsync(Until.Deadline, Cancelled);

        Assert.Equal(20, _buffer.ReadState().Waiting);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task A_stop_while_it_waits_between_attempts_is_as_quick()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Problem(429, "RATE_LIMITED", retryAfter: "900"));
        _buffer.AppendMany(1, 1);
        var loop = Start(vps.Url);
        await Until.TrueAsync(() => _log.Lines.Count > 0, cancellationToken: Cancelled);

        await loop.DisposeAsync().AsTask().WaitAsync(Until.Deadline, Cancelled);

        Assert.Equal(1, _buffer.ReadState().Waiting);
    }

    public void Dispose()
    {
        _buffer.Dispose();
        _metrics.Dispose();
        _folder.Dispose();
    }

    private static Func<HttpContext, Request, Task> Other(string name) => name switch
    {
        "portal" => Answers.Plain(200, "text/html", "<html>Please sign in.</html>"),
        "empty 200" => Answers.Plain(200, "application/json", ""),
        "other json" => Answers.Plain(200, "application/json", """{"inserted":20}"""),
        "too few" => Answers.Counts(19),
        "too many" => Answers.Counts(20, 1),
        "negative" => Answers.Counts(21, -1),
        "204" => Answers.Plain(204, "application/json", ""),
        "redirect" => Answers.Redirect(302, new("https://portal.invalid/")),
        "foreign 503" => Answers.Plain(503, "text/html", "<h1>Service Unavailable</h1>"),
        "reset" => Answers.Reset,
        "reset within" => Answers.ResetWithin,
        _ => Answers.Problem(int.Parse(name), "SOME_CODE"),
    };

    private static ReadBatch Read(Request request) =>
        IngestBatchReader.Read(request.Body, SampleWindow.At(DateTimeOffset.MaxValue.AddYears(-1), null));

    private static long[] Seqs(Request request) => [.. Read(request).Samples.Select(sample => sample.Seq!.Value)];

    private Task DrainedAsync() => Until.TrueAsync(() => _buffer.ReadState().Waiting == 0, cancellationToken: Cancelled);

    private Running Start(Uri url, TimeProvider? time = null)
    {
        var api = Batches.Api(url, more: options => options.Timeout = TimeSpan.FromMinutes(10));
        var loop = new ReplayLoop(
            _buffer,
            api,
            Options.Create(new UplinkOptions()),
            new Backoff(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(20), () => 1),
            time ?? TimeProvider.System,
            _metrics,
            _log);
        return Running.Start(loop, api);
    }
}
