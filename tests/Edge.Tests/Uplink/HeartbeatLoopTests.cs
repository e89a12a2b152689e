using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Tests.Buffer;
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
              "cursors": {"SN1": 2, "SN2": 0},
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

    public void Dispose()
    {
        _buffer.Dispose();
        _folder.Dispose();
    }

    private static EdgeReport Read(Request request) => JsonSerializer.Deserialize(request.Body, ProtocolJson.Default.EdgeReport)!;

    /// <summary>So many reports have come, and the loop waits for the next minute.</summary>
    private Task ReportsAsync(ScriptedVps vps, int count) => Until.TrueAsync(
        () => vps.Requests.Count == count && _time.Waiting == 1, cancellationToken: Cancelled);

    private Running Start(Uri url)
    {
        var api = Batches.Api(url);
        var polling = Options.Create(new PollingOptions { Interval = TimeSpan.FromSeconds(5), SamplesPerRow = 6 });
        return Running.Start(new HeartbeatLoop(_buffer, api, new PollStatus(), polling, _time, _log), api);
    }
}
