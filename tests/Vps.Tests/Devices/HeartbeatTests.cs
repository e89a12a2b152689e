using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

public class HeartbeatTests(Databases databases)
{
    private static readonly DateTimeOffset Noon = new(2026, 6, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid Buffer = new("6f6a2f35-5b2e-4a61-9a43-6f6f5e3b1b11");

    private static readonly EdgeReport Report = new()
    {
        BufferId = Buffer,
        BootId = "boot-1",
        Version = "0.1.0",
        StartedAt = Noon,
        SentAt = Noon.AddMinutes(1),
        ClockTrusted = true,
        PollIntervalS = 10,
        SamplesPerRow = 1,
        Inverter = new("SH10RT", "A2290400123", Reachable: true, Noon),
        Cursors = new Dictionary<string, long> { ["inverter-1"] = 7 },
        Waiting = new(3, 1, Noon, Noon.AddSeconds(20)),
        Counters = new(12, 7, 1, 1),
        Missing = [new(4, 6, 3, Noon, Noon.AddSeconds(20), "evicted"), new(9, 9, 1, null, null, "a new word")],
        Gaps = [new(Noon, Noon.AddHours(1), "night", 0), new(Noon.AddHours(2), null, "inverter_unreachable", 12)],
    };

    internal static StringContent Body(Func<EdgeReport, EdgeReport>? change = null) => Text(Json((change ?? (report => report))(Report)));

    [Fact]
    public async Task A_report_is_kept_whole_and_answered_with_the_servers_time()
    {
        await using var server = await StartAsync();

        var answer = await server.PostAsync("/v1/heartbeat", Body(report => report with { Replaces = new(Guid.Empty, 5, 2) }));

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(["server_time", "resend", "repeat_since"], answer.Json.EnumerateObject().Select(member => member.Name));
        // Of the seven rows acknowledged none is here, three are reported as missing: a server whose data were lost asks for the others.
        Assert.Equal(
            [(1, 3), (7, 7)],
            answer.Json.GetProperty("resend").EnumerateArray()
                .Select(range => (range.GetProperty("from_seq").GetInt32(), range.GetProperty("to_seq").GetInt32())));
        Assert.Equal(ProtocolLimits.OldestTimestamp, answer.Json.GetProperty("repeat_since").GetDateTimeOffset());
        Assert.InRange(
            answer.Json.GetProperty("server_time").GetDateTimeOffset(),
            TimeProvider.System.GetUtcNow().AddMinutes(-5),
            TimeProvider.System.GetUtcNow());
        Assert.Equal(
            $"inverter-1 {Guid.Empty} 5 2 boot-1 0.1.0 t SH10RT A2290400123 t 7 3 1 12 7 1 1",
            await server.AskAsync<string>(
                """
                SELECT concat_ws(' ', device_id, replaces, salvaged, lost, boot_id, version, clock_trusted, inverter_model, inverter_serial,
                                 inverter_reachable, cursors->>'inverter-1', waiting_rows, waiting_held, committed, acknowledged,
                                 dead_lettered, evicted)
                FROM buffers
                """));
        Assert.Equal("4 6 3 evicted|9 9 1 a new word", await MissingAsync(server));
        Assert.Equal("night 3600 0|inverter_unreachable open 12", await GapsAsync(server));
        Assert.Equal(
            1, await server.CountAsync("devices WHERE first_seen IS NOT NULL AND last_seen >= first_seen AND device_id = 'inverter-1'"));
    }

    [Fact]
    public async Task The_same_entries_again_change_nothing_and_a_closed_gap_closes()
    {
        await using var server = await StartAsync();
        await server.PostAsync("/v1/heartbeat", Body(report => report with { Replaces = new(Guid.Empty, 5, 2) }));
        await server.PostAsync("/v1/heartbeat", Body());
        GapReport closed = new(Noon.AddHours(2), Noon.AddHours(3), "inverter_unreachable", 360);

        await server.PostAsync(
            "/v1/heartbeat",
            Body(report => report with
            {
                Counters = new(20, 18, 1, 1),
                Missing = [new(4, 7, 4, null, null, "evicted"), new(4, 7, 4, null, null, "evicted")],
                Gaps = [closed, closed],
            }));

        Assert.Equal(1, await server.CountAsync("buffers"));
        Assert.Equal(20, await server.AskAsync<long>("SELECT committed FROM buffers"));
        Assert.Equal(5, await server.AskAsync<long>("SELECT salvaged FROM buffers")); // Reported until acknowledged, then no more.
        Assert.Equal("4 7 4 evicted|9 9 1 a new word", await MissingAsync(server));
        Assert.Equal("night 3600 0|inverter_unreachable 3600 360", await GapsAsync(server));
    }

    [Fact]
    public async Task Each_change_of_the_poll_interval_is_kept_from_when_it_was_in_force()
    {
        await using var server = await StartAsync();
        await ReportAsync(Noon, 10, 1);
        await ReportAsync(Noon.AddHours(1), 10, 1); // A restart, and the same interval.
        await ReportAsync(Noon.AddHours(2), 5, 1);
        await ReportAsync(Noon.AddHours(3), 5, 6);
        await ReportAsync(Noon.AddHours(3), 5, 6);

        Assert.Equal(
            "0 10 1|7200 5 1|10800 5 6",
            await server.AskAsync<string>(
                $"""
                SELECT string_agg(
                    concat_ws(' ', extract(epoch FROM from_ts - '{Noon:O}')::int, poll_interval_s, samples_per_row), '|' ORDER BY from_ts)
                FROM poll_intervals
                """));
        Assert.Equal(5.0, await server.AskAsync<double>("SELECT poll_interval_s FROM devices WHERE device_id = 'inverter-1'"));

        Task ReportAsync(DateTimeOffset startedAt, double interval, int perRow) =>
            server.PostAsync(
                "/v1/heartbeat", Body(report => report with { StartedAt = startedAt, PollIntervalS = interval, SamplesPerRow = perRow }));
    }

    [Fact]
    public async Task A_start_by_a_clock_that_nobody_trusts_is_no_time_to_count_from()
    {
        await using var server = await StartAsync();

        await server.PostAsync("/v1/heartbeat", Body(report => report with { StartedAt = DateTimeOffset.UnixEpoch, ClockTrusted = false }));
        Assert.Equal(1, await server.CountAsync("poll_intervals WHERE from_ts > now() - interval '10 minutes'"));
    }

    [Fact]
    public async Task One_device_cannot_write_into_the_report_of_another()
    {
        await using var server = await StartAsync();
        await server.PostAsync("/v1/heartbeat", Body());

        await server.PostAsync(
            "/v1/heartbeat",
            Body(report => report with { Counters = new(0, 0, 0, 0), Missing = [new(4, 4, 1, null, null, "x")] }),
            "device-2");

        Assert.Equal(12, await server.AskAsync<long>("SELECT committed FROM buffers WHERE device_id = 'inverter-1'"));
        Assert.Equal("evicted", await server.AskAsync<string>("SELECT reason FROM missing_ranges WHERE from_seq = 4"));
        Assert.Equal(2, await server.CountAsync("gaps WHERE device_id = 'inverter-1'"));
    }

    [Fact]
    public async Task Ten_reports_of_one_device_at_once_are_all_acknowledged()
    {
        await using var server = await StartAsync();

        var answers = await Task.WhenAll(Enumerable.Range(1, 10).Select(
            number => server.PostAsync("/v1/heartbeat", Body(report => report with { PollIntervalS = number }))));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        Assert.Equal(1, await server.CountAsync("buffers"));
    }

    [Fact]
    public async Task A_report_of_a_device_that_a_restore_has_lost_is_tried_again_and_then_kept()
    {
        await using var server = await StartAsync();
        await server.GetAsync("/v1/whoami"); // From here on the registry is not asked for a minute.
        await server.ExecuteAsync("DELETE FROM devices WHERE device_id = 'inverter-1'");

        var answer = await server.PostAsync("/v1/heartbeat", Body());

        AssertRefused(answer, 503, "DATABASE_UNAVAILABLE");
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync("/v1/heartbeat", Body())).Status);
        Assert.Equal(1, await server.CountAsync("buffers WHERE device_id = 'inverter-1'"));
    }

    [Theory]
    [InlineData("", 400, "MALFORMED_BODY")]
    [InlineData("hunter2", 400, "MALFORMED_BODY")]
    [InlineData("{}}", 400, "MALFORMED_BODY")]
    [InlineData("{", 400, "MALFORMED_BODY")]
    [InlineData("null", 422, "INVALID_REPORT")]
    [InlineData("[]", 422, "INVALID_REPORT")]
    [InlineData("{}", 422, "INVALID_REPORT")]
    public async Task What_is_no_report_is_refused(string body, int status, string code)
    {
        await using var server = await StartAsync();

        AssertRefused(await server.PostAsync("/v1/heartbeat", Text(body)), status, code);
    }

    [Fact]
    public async Task A_report_with_a_wrong_member_is_refused_by_the_name_of_that_member()
    {
        await using var server = await StartAsync();
        var tooMany = new JsonArray([.. Enumerable.Range(1, 1001).Select(
            seq => JsonNode.Parse($$"""{"from_seq":{{seq}},"to_seq":{{seq}},"rows":1,"from":null,"to":null,"reason":"x"}"""))]);
        (string Member, JsonNode? Value, string Named)[] wrong =
        [
            ("buffer_id", "hunter2", "buffer_id"),
            ("boot_id", null, "boot_id"),
            ("version", "hunter2\0", "version"),
            ("version", new string('x', 129), "version"),
            ("started_at", "hunter2", "started_at"),
            ("poll_interval_s", 0, "poll_interval_s"),
            ("poll_interval_s", "10", "poll_interval_s"),
            ("samples_per_row", 1.5, "samples_per_row"),
            ("inverter", new JsonObject { ["reachable"] = "hunter2" }, "inverter.reachable"),
            ("cursors", new JsonObject { ["hunter2/"] = 7 }, "cursors"),
            ("cursors", new JsonObject { ["hunter2/"] = "seven" }, "cursors"),
            ("cursors", new JsonObject { ["inverter-1"] = -1 }, "cursors"),
            ("counters", new JsonObject { ["committed"] = -1, ["acknowledged"] = 0, ["dead_lettered"] = 0, ["evicted"] = 0 }, "counters"),
            ("missing", new JsonArray([null]), "missing"),
            ("missing", tooMany, "missing"),
            ("gaps", new JsonArray([null]), "gaps"),
        ];

        foreach (var (member, value, named) in wrong)
        {
            var report = JsonNode.Parse(Json(Report))!.AsObject();
            report[member] = value?.DeepClone();

            var answer = await server.PostAsync("/v1/heartbeat", Text(report.ToJsonString()));

            AssertRefused(answer, 422, "INVALID_REPORT");
            var path = Assert.Single(answer.Json.GetProperty("errors").EnumerateObject()).Name;
            Assert.True(path == named || path == "report", $"{member}: {path}");
        }

        Assert.Equal(0, await server.CountAsync("buffers"));
    }

    [Fact]
    public async Task Half_of_a_character_is_no_text()
    {
        await using var server = await StartAsync();

        AssertRefused(
            await server.PostAsync("/v1/heartbeat", Text(Json(Report).Replace("\"boot-1\"", "\"\\ud800\"", StringComparison.Ordinal))),
            422,
            "INVALID_REPORT");
    }

    [Fact]
    public async Task Members_of_a_newer_edge_are_ignored()
    {
        await using var server = await StartAsync();

        var answer = await server.PostAsync("/v1/heartbeat", Text(Json(Report).Insert(1, "\"cpu_temperature\":{\"c\":[51]},")));

        Assert.Equal(HttpStatusCode.OK, answer.Status);
    }

    private static void AssertRefused(Answer answer, int status, string code)
    {
        Assert.Equal((status, code, "application/problem+json"), ((int)answer.Status, answer.Code, answer.ContentType));
        Assert.DoesNotContain("hunter2", answer.Body, StringComparison.Ordinal);
    }

    private static string Json(EdgeReport report) => JsonSerializer.Serialize(report, ProtocolJson.Default.EdgeReport);

    private static StringContent Text(string body) => new(body, Encoding.UTF8, "application/json");

    private static Task<string> MissingAsync(VpsServer server) => server.AskAsync<string>(
        "SELECT string_agg(concat_ws(' ', from_seq, to_seq, rows, reason), '|' ORDER BY from_seq) FROM missing_ranges");

    private static Task<string> GapsAsync(VpsServer server) => server.AskAsync<string>(
        """
        SELECT string_agg(
            concat_ws(' ', reason, coalesce(extract(epoch FROM to_ts - from_ts)::int::text, 'open'), missed), '|' ORDER BY from_ts)
        FROM gaps
        """);

    private async Task<VpsServer> StartAsync() => await VpsServer.StartAsync(await databases.CreateAsync());
}
