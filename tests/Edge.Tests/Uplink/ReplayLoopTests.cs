using Microsoft.AspNetCore.Http;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public sealed class ReplayLoopTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_backlog_is_delivered_oldest_first_in_full_batches_and_each_sample_once()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 1_203);

        await using (bench.Start())
        {
            await bench.DrainedAsync();
        }

        // The newest may come ahead in small requests of their own as long as more than a batch waits.
        var backlog = bench.Vps.Batches.Where(request => request.Samples.Count > 10).ToList();
        Assert.Equal([500, 500, 203], backlog.Select(request => request.Seqs.Count));
        Assert.Equal(Enumerable.Range(1, 1_203).Select(n => (long)n), backlog.SelectMany(request => request.Seqs));
        bench.AssertBalance(1_203);
    }

    [Fact]
    public async Task What_arrives_is_what_the_buffer_holds_to_the_last_bit()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 60);
        var rows = bench.Buffer.Peek(Rows.Device, 500)!.Samples;

        await using (bench.Start())
        {
            await bench.DrainedAsync();
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
        }), bench.Vps.Stored.OrderBy(sample => sample.Seq));
        Assert.Contains($"\"buffer_id\":\"{bench.Buffer.BufferId}\"", bench.Vps.Batches[0].Text);
    }

    [Fact]
    public async Task A_sample_appended_later_is_sent_at_once()
    {
        await using var bench = await Bench.StartAsync();
        await using var loop = bench.Start();
        for (var n = 1; n <= 5; n++)
        {
            bench.Buffer.AppendMany(n, n);
            // Without a second of the loop's clock.
            await Until.TrueAsync(() => bench.State.Waiting == 0, cancellationToken: Cancelled);
        }

        Assert.Equal(5, bench.Vps.Batches.Count);
    }

    /// <summary>Everything that leaves the batch where it is: not our 200 for this batch, and not a refusal of what it holds.</summary>
    public static TheoryData<string> Others =>
    [
        "portal", "empty 200", "other json", "too few", "too many", "negative", "204", "redirect", "foreign 400", "foreign 413",
        "foreign 422", "foreign 429", "foreign 503", "foreign 511", "reset", "reset within",
        "401", "403", "404", "405", "408", "409", "410", "415", "418", "500", "501", "502", "503", "504",
    ];

    [Theory]
    [MemberData(nameof(Others))]
    public async Task The_cursor_stays_and_the_same_batch_goes_again_after(string other)
    {
        await using var bench = await Bench.StartAsync();
        long acknowledged = -1;
        var answer = Other(other);
        bench.Vps.Next((context, request) =>
        {
            acknowledged = bench.State.Acknowledged;
            return answer(context, request);
        });
        bench.Vps.Next((context, request) =>
        {
            acknowledged += bench.State.Acknowledged;
            return bench.Vps.StoreAsync(context, request);
        });
        bench.Buffer.AppendMany(1, 20);

        await using (bench.Start())
        {
            await bench.DrainedAsync(TimeSpan.FromMinutes(2));
        }

        Assert.Equal(0, acknowledged);
        Assert.Equal(2, bench.Vps.Requests.Count);
        Assert.Equal(bench.Vps.Requests[0].Text, bench.Vps.Requests[1].Text);
        bench.AssertBalance(20);
        Assert.Single(bench.Log.Lines, line => line.Contains(": Samples wait in the buffer", StringComparison.Ordinal));
        Assert.Single(bench.Log.Lines, line => line == "Information: The VPS takes samples again.");
        Assert.DoesNotContain(bench.Log.Lines, line => line.Contains(Batches.Token, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_lost_after_the_server_s_commit_costs_nothing(bool answerBegan)
    {
        await using var bench = await Bench.StartAsync();
        IngestAnswer? first = null, second = null;
        bench.Vps.Next((context, request) =>
        {
            first = bench.Vps.Store(request);
            return answerBegan ? Answers.ResetWithin(context, request) : Answers.Reset(context, request);
        });
        bench.Vps.Next((context, request) => Answers.CountsAsync(context, second = bench.Vps.Store(request)));
        bench.Buffer.AppendMany(1, 20);

        await using (bench.Start())
        {
            await bench.DrainedAsync();
        }

        Assert.Equal((new(20, 0, 0), new(0, 20, 0)), (first!, second!));
        Assert.Equal(bench.Vps.Requests[0].Text, bench.Vps.Requests[1].Text);
        bench.AssertBalance(20);
    }

    [Fact]
    public async Task After_a_restart_between_the_server_s_commit_and_the_cursor_s_move_nothing_is_stored_twice()
    {
        await using var bench = await Bench.StartAsync();
        var stored = new TaskCompletionSource();
        bench.Vps.Next((context, request) =>
        {
            bench.Vps.Store(request);
            stored.SetResult();
            return Answers.Silence(context, request);
        });
        bench.Buffer.AppendMany(1, 20);
        await using (bench.Start())
        {
            await stored.Task.WaitAsync(Until.Deadline, Cancelled);
        }

        bench.Reopen();
        Assert.Equal(20, bench.State.Waiting);
        await using (bench.Start())
        {
            await bench.DrainedAsync();
        }

        Assert.Equal(bench.Vps.Requests[0].Text, bench.Vps.Requests[1].Text);
        bench.AssertBalance(20);
    }

    [Fact]
    public async Task An_outage_is_made_up_for_in_order_and_nothing_comes_twice()
    {
        await using var bench = await Bench.StartAsync();
        var port = FreePort.Next();
        bench.Buffer.AppendMany(1, 300);
        await using var loop = bench.Start(url: new Uri($"http://127.0.0.1:{port}"));
        await Until.TrueAsync(
            () => bench.Log.Lines.Any(line => line.Contains("no connection", StringComparison.Ordinal)), cancellationToken: Cancelled);
        bench.Buffer.AppendMany(301, 450);

        await using var vps = await ScriptedVps.StartAsync(port);
        await bench.DrainedAsync();

        Assert.Equal(Enumerable.Range(1, 450).Select(n => (long)n), vps.Batches.SelectMany(request => request.Seqs));
    }

    [Theory]
    [InlineData(503, "WRITE_QUEUE_FULL", "120", 120)]
    [InlineData(429, "RATE_LIMITED", "120", 120)]
    [InlineData(429, "RATE_LIMITED", "86400", 900)]
    [InlineData(503, "DATABASE_UNAVAILABLE", "99999999999999999999", 900)]
    public async Task Retry_after_is_waited_for_and_not_less(int status, string code, string retryAfter, int seconds)
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Next(Answers.Problem(status, code, retryAfter));
        bench.Buffer.AppendMany(1, 1);
        await using var loop = bench.Start();
        // The live lane looks again each ten seconds; the other waits as asked.
        await Until.TrueAsync(() => bench.Vps.Requests.Count == 1 && bench.Time.Waiting == 2, cancellationToken: Cancelled);

        for (var second = 1; second < seconds; second++)
        {
            bench.Time.Advance(TimeSpan.FromSeconds(1));
            await Until.TrueAsync(() => bench.Time.Waiting == 2, cancellationToken: Cancelled);
        }

        Assert.Single(bench.Vps.Requests);
        bench.Time.Advance(TimeSpan.FromSeconds(1));

        await Until.TrueAsync(() => bench.State.Waiting == 0, cancellationToken: Cancelled);
        Assert.Equal(2, bench.Vps.Requests.Count);
    }

    [Theory]
    [InlineData(401, "TOKEN_INVALID")]
    [InlineData(403, "DEVICE_REVOKED")]
    [InlineData(403, "DEVICE_MISMATCH")]
    public async Task What_needs_a_person_is_said_loudly_once_and_hourly_and_tried_about_once_a_minute(int status, string code)
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = Answers.Problem(status, code);
        bench.Buffer.AppendMany(1, 5);
        var since = bench.Time.GetUtcNow();

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.Time.GetUtcNow() - since > TimeSpan.FromHours(2.5));
        }

        Assert.InRange(bench.Vps.Batches.Count, 20, 160);
        Assert.InRange(bench.Log.Lines.Count(line => line.StartsWith("Error: ", StringComparison.Ordinal) && line.Contains(code)), 2, 3);
        bench.AssertBalance(stored: 0, waiting: 5);
    }

    [Fact]
    public async Task A_planned_wait_is_progress_and_a_request_without_an_end_is_not()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Next(Answers.Problem(429, "RATE_LIMITED", retryAfter: "900"));
        bench.Vps.Next(Answers.Silence);
        bench.Buffer.AppendMany(1, 5);

        await using (bench.Start())
        {
            await bench.UntilAsync(() =>
            {
                Assert.Null(bench.Liveness.Stuck());
                return bench.Vps.Batches.Count == 2;
            });
            // The client's own timeout does not end this one: as if it hung.
            bench.Time.Advance(TimeSpan.FromMinutes(2));
            Assert.Equal("backlog lane", bench.Liveness.Stuck());
        }
    }

    [Fact]
    public async Task A_stop_in_the_middle_of_a_request_does_not_wait_for_the_answer_and_keeps_the_batch()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Next(Answers.Silence);
        bench.Buffer.AppendMany(1, 20);
        var loop = bench.Start();
        await Until.TrueAsync(() => bench.Vps.Requests.Count == 1, cancellationToken: Cancelled);

        // The request itself would wait for ten minutes.
        await loop.DisposeAsync().AsTask().WaitAsync(Until.Deadline, Cancelled);

        Assert.Equal(20, bench.State.Waiting);
        Assert.Empty(bench.Log.Lines);
    }

    [Fact]
    public async Task A_stop_while_it_waits_between_attempts_is_as_quick()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Next(Answers.Problem(429, "RATE_LIMITED", retryAfter: "900"));
        bench.Buffer.AppendMany(1, 1);
        var loop = bench.Start();
        await Until.TrueAsync(() => bench.Log.Lines.Count > 0, cancellationToken: Cancelled);

        await loop.DisposeAsync().AsTask().WaitAsync(Until.Deadline, Cancelled);

        Assert.Equal(1, bench.State.Waiting);
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
        "reset" => Answers.Reset,
        "reset within" => Answers.ResetWithin,
        _ when name.StartsWith("foreign ", StringComparison.Ordinal) =>
            Answers.Plain(int.Parse(name["foreign ".Length..]), "text/html", "<h1>Something else</h1>"),
        _ => Answers.Problem(int.Parse(name), "SOME_CODE"),
    };
}
