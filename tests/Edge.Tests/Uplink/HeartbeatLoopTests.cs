using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Edge.Tests.Polling;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public sealed class HeartbeatLoopTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly FakeTime _time = new(new(2026, 9, 8, 6, 0, 0, TimeSpan.Zero));
    private readonly ListLogger<HeartbeatLoop> _log = new();
    private readonly SampleBuffer _buffer;
    private int _seen;

    public HeartbeatLoopTests() => _buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_report_at_the_start_says_what_is_known_and_leaves_nothing_out()
    {
        await using var vps = await ScriptedVps.StartAsync();
        _buffer.AppendMany(1, 3, "SN1");
        _buffer.AppendMany(4, 5, "SN2");
        _buffer.Acknowledge(_buffer.Peek(2)!);

        await using var loop = Start(vps.Url);
        await Until.TrueAsync(() => vps.Requests.Count == 1, cancellationToken: Cancelled);

        var request = vps.Requests[0];
        Assert.Equal(("POST", "/v1/heartbeat"), (request.Method, request.Path));
        var report = JsonNode.Parse(request.Text)!.AsObject();

        // Of this machine and build.
        Assert.Equal(Clock.BootId, (string?)report["boot_id"]);
        Assert.Matches(@"^\d+\.\d+\.\d+", (string?)report["version"]);
        Assert.Contains(report["clock_trusted"]!.GetValueKind(), new[] { JsonValueKind.True, JsonValueKind.False });
        foreach (var name in new[] { "boot_id", "version", "clock_trusted" })
        {
            report.Remove(name);
        }

        Assert.True(
            JsonNode.DeepEquals(report, JsonNode.Parse($$"""
            {
              "buffer_id": "{{_buffer.BufferId}}",
              "replaces": null,
              "started_at": "2026-09-08T06:00:00Z",
              "sent_at": "2026-09-08T06:00:00Z",
              "poll_interval_s": 5,
              "samples_per_row": 6,
              "inverter": {"model": null, "serial": null, "reachable": false, "last_poll": null},
              "cursors": {"SN1": 2, "SN2": 3},
              "waiting": {"rows": 3, "held": 0, "oldest": "2026-09-08T06:00:30.000003Z", "newest": "2026-09-08T06:00:50.000005Z"},
              "counters": {"committed": 5, "acknowledged": 2, "dead_lettered": 0, "evicted": 0},
              "missing": [],
              "gaps": []
            }
            """)),
            report.ToString());
    }

    [Fact]
    public async Task A_report_follows_each_minute_and_one_at_the_stop_sees_the_end()
    {
        await using var vps = await ScriptedVps.StartAsync();
        var loop = Start(vps.Url);
        await ReportsAsync(vps, 1);

        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Single(vps.Requests);
        _time.Advance(TimeSpan.FromSeconds(1));
        await ReportsAsync(vps, 2);
        _time.Advance(TimeSpan.FromMinutes(1));
        await ReportsAsync(vps, 3);
        _buffer.AppendMany(1, 4);
        _time.Advance(TimeSpan.FromSeconds(20));
        await loop.DisposeAsync();

        var reports = vps.Requests.Select(Read).ToList();
        Assert.Equal([0, 60, 120, 140], reports.Select(report => (report.SentAt - report.StartedAt).TotalSeconds));
        Assert.Equal([0, 0, 0, 4], reports.Select(report => report.Waiting.Rows));
        Assert.All(reports, report => Assert.Empty(EdgeReportRules.Check(report)));
        Assert.All(reports, report => Assert.Equal(report.Counters.Committed, report.Counters.Acknowledged + report.Waiting.Rows));
    }

    [Fact]
    public async Task A_report_that_is_refused_or_not_taken_is_no_reason_to_stop()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Problem(503, "DATABASE_UNAVAILABLE"));
        vps.Next(Answers.Plain(200, "application/json", "{}"));
        vps.Next(Answers.Reset);
        await using var loop = Start(vps.Url);
        for (var n = 1; n <= 4; n++)
        {
            await ReportsAsync(vps, n);
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        await ReportsAsync(vps, 5);
        Assert.Contains("Warning: The VPS refused the report: 503 DATABASE_UNAVAILABLE.", _log.Lines);
        Assert.Equal(2, _log.Lines.Count(line => line.StartsWith("Debug: The report was not taken: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_stop_does_not_wait_for_a_server_that_is_silent()
    {
        await using var vps = await ScriptedVps.StartAsync();
        var loop = Start(vps.Url);
        await ReportsAsync(vps, 1);
        vps.Next(Answers.Silence);

        var stopping = loop.DisposeAsync().AsTask();
        await Until.TrueAsync(() => vps.Requests.Count == 2, cancellationToken: Cancelled);
        Assert.False(stopping.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));

        await stopping.WaitAsync(Until.Deadline, Cancelled);
    }

    [Fact]
    public async Task A_stop_does_not_wait_for_a_server_that_is_gone()
    {
        var loop = Start(new Uri($"http://127.0.0.1:{FreePort.Next()}"));
        await Until.TrueAsync(() => _log.Lines.Count == 1, cancellationToken: Cancelled);

        await loop.DisposeAsync().AsTask().WaitAsync(Until.Deadline, Cancelled);

        Assert.Equal(2, _log.Lines.Count(line => line.Contains("no connection", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Missing_rows_and_gaps_are_repeated_until_a_200_and_then_no_more_but_open_gaps_stay()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Problem(503, "DATABASE_UNAVAILABLE"));
        _buffer.AppendMany(1, 6);
        DeadLetter(3, 4);
        var closed = _buffer.OpenGap(_time.GetUtcNow(), "night", 1);
        _buffer.UpdateGap(closed.Id, _time.GetUtcNow().AddMinutes(1), 6);
        var open = _buffer.OpenGap(_time.GetUtcNow().AddMinutes(2), "bad_read", 1);

        await using var loop = Start(vps.Url);
        await MinutesAsync(vps, 2);
        _buffer.UpdateGap(open.Id, _time.GetUtcNow(), 9);
        await MinutesAsync(vps, 2);

        var reports = vps.Requests.Select(Read).ToList();
        Assert.Equal([1, 1, 0, 0], reports.Select(report => report.Missing.Count));
        Assert.Equal((3, 4, 2, "dead_lettered"), Row(reports[1].Missing[0]));
        Assert.Equal(
            ["night 6, bad_read open 1", "night 6, bad_read open 1", "bad_read 9", ""],
            reports.Select(report => string.Join(", ", report.Gaps.Select(gap => $"{gap.Reason}{(gap.To is null ? " open" : "")} {gap.Missed}"))));
        Assert.All(reports, report => Assert.Equal(new(6, 2, 2, 0), report.Counters));
        Assert.All(reports, report => Assert.Equal(2, report.Waiting.Rows));
        Assert.All(reports, report => Assert.Empty(EdgeReportRules.Check(report)));

        static (long, long, long, string) Row(Protocol.MissingRange range) => (range.FromSeq, range.ToSeq, range.Rows, range.Reason);
    }

    [Fact]
    public async Task What_the_server_asks_for_is_sent_again_and_entries_are_repeated()
    {
        await using var vps = await ScriptedVps.StartAsync();
        _buffer.AppendMany(1, 6);
        _buffer.Acknowledge(_buffer.Peek(6)!);
        var gap = _buffer.OpenGap(_time.GetUtcNow(), "night", 1);
        _buffer.UpdateGap(gap.Id, _time.GetUtcNow().AddMinutes(1), 6);
        vps.Next(Answers.Plain(200, "application/json", """{"server_time":"2026-09-08T06:00:00Z","resend":[],"repeat_since":null}"""));
        vps.Next(Answers.Plain(200, "application/json", $$"""
            {"server_time":"2026-09-08T06:00:00Z","repeat_since":"2000-01-01T00:00:00Z","resend":[
             {"buffer_id":"{{_buffer.BufferId}}","from_seq":2,"to_seq":3},{"buffer_id":"{{Guid.NewGuid()}}","from_seq":5,"to_seq":5}]}
            """));

        await using var loop = Start(vps.Url);
        await MinutesAsync(vps, 3);

        Assert.Equal([1, 0, 1], vps.Requests.Select(Read).Select(report => report.Gaps.Count));
        Assert.Equal([2L, 3L], _buffer.PeekResend(10)!.Samples.Select(row => row.Seq));
        Assert.Equal((6, 6), (_buffer.ReadState().Committed, _buffer.ReadState().Acknowledged));
    }

    [Fact]
    public async Task At_most_a_thousand_entries_go_in_one_report_the_oldest_first()
    {
        await using var vps = await ScriptedVps.StartAsync();
        for (var n = 0; n < 1_050; n++)
        {
            var gap = _buffer.OpenGap(_time.GetUtcNow().AddSeconds(n), "night", 1);
            _buffer.UpdateGap(gap.Id, _time.GetUtcNow().AddSeconds(n + 1), 1);
        }

        await using var loop = Start(vps.Url);
        await MinutesAsync(vps, 3);

        var reports = vps.Requests.Select(Read).ToList();
        Assert.Equal([1_000, 50, 0], reports.Select(report => report.Gaps.Count));
        Assert.Equal(_time.GetUtcNow().AddMinutes(-2), reports[0].Gaps[0].From);
    }

    [Fact]
    public async Task While_the_clock_is_not_trusted_a_report_every_ten_seconds_asks_the_server_for_the_time()
    {
        await using var vps = await ScriptedVps.StartAsync();
        var trust = Clocks.Auto(_time);
        await using var loop = Start(vps.Url, trust);
        await ReportsAsync(vps, 1);
        _time.Advance(TimeSpan.FromSeconds(10));
        await ReportsAsync(vps, 2);

        trust.Heard(vps.Url, _time.GetUtcNow());
        _time.Advance(TimeSpan.FromSeconds(10));
        await ReportsAsync(vps, 3);
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(3, vps.Requests.Count);

        Assert.Equal([false, false, true], vps.Requests.Select(Read).Select(report => report.ClockTrusted));
    }

    [Fact]
    public async Task An_answer_of_the_vps_on_this_machine_says_what_time_it_is()
    {
        await using var vps = await ScriptedVps.StartAsync();
        var trust = new ClockTrust(Options.Create(new ClockOptions()), TimeProvider.System, () => false, DateTimeOffset.UnixEpoch);
        using var api = new IngestApi(
            Options.Create(new UplinkOptions { Url = vps.Url.ToString(), Token = "token" }), TimeProvider.System, trust);
        Assert.False(trust.IsTrusted());

        vps.Next(Answers.Problem(503, "DATABASE_UNAVAILABLE")); // Also a refusal has a date.
        await api.WhoAmIAsync(Cancelled);

        Assert.True(trust.IsTrusted());
    }

    [Fact]
    public async Task A_buffer_that_broke_costs_the_lists_and_not_the_report()
    {
        await using var vps = await ScriptedVps.StartAsync();
        _buffer.AppendMany(1, 3);
        await using var loop = Start(vps.Url);
        await MinutesAsync(vps, 1);

        Rename("gaps", "lost");
        await MinutesAsync(vps, 2);
        Rename("lost", "gaps");
        await MinutesAsync(vps, 1);

        var reports = vps.Requests.Select(Read).ToList();
        Assert.Equal(4, reports.Count);
        Assert.Equal(2, _log.Lines.Count(line => line.StartsWith("Warning: The report says what was known before", StringComparison.Ordinal)));
        Assert.All(reports, report => Assert.Equal((3, 3), (report.Counters.Committed, report.Waiting.Rows)));
    }

    public void Dispose()
    {
        _buffer.Dispose();
        _folder.Dispose();
    }

    private static EdgeReport Read(Request request) => JsonSerializer.Deserialize(request.Body, ProtocolJson.Default.EdgeReport)!;

    /// <summary>Rows 1 and 2 are stored, those from <paramref name="first"/> on are not.</summary>
    private void DeadLetter(long first, long last)
    {
        var batch = _buffer.Peek((int)last)!;
        _buffer.Settle(batch, batch.Samples.Where(row => row.Seq >= first).ToDictionary(
            row => row.Seq, Verdict (_) => new DeadLetter("OUT_OF_RANGE", "0 .. 100")));
    }

    private void Rename(string table, string name)
    {
        using var connection = new SqliteConnection($"Data Source={_folder.File("buffer.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"ALTER TABLE {table} RENAME TO {name}";
        command.ExecuteNonQuery();
    }

    /// <summary>So many more reports come, the first at once and then one each minute.</summary>
    private async Task MinutesAsync(ScriptedVps vps, int reports)
    {
        for (var n = 0; n < reports; n++)
        {
            if (_seen > 0)
            {
                _time.Advance(TimeSpan.FromMinutes(1));
            }

            await ReportsAsync(vps, ++_seen);
        }
    }

    /// <summary>So many reports have come, and the loop waits for the next minute.</summary>
    private Task ReportsAsync(ScriptedVps vps, int count) => Until.TrueAsync(
        () => vps.Requests.Count == count && _time.Waiting == 1, cancellationToken: Cancelled);

    private Running Start(Uri url, ClockTrust? trust = null)
    {
        var api = Batches.Api(url);
        var polling = Options.Create(new PollingOptions { Interval = TimeSpan.FromSeconds(5), SamplesPerRow = 6 });
        return Running.Start(new HeartbeatLoop(_buffer, api, new PollStatus(), Clocks.Of(_buffer, _time, trust), polling, _time, _log), api);
    }
}
