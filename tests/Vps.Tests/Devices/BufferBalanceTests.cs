using System.Globalization;
using System.Net;
using System.Text.Json;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

/// <summary>The server's half of the balance, on a real database.</summary>
public class BufferBalanceTests(Databases databases)
{
    private static readonly Guid Buffer = new("0d5a4a5e-7a53-4a0e-8a55-0a5ae1b1c001");
    private static readonly DateTimeOffset Started = Series.Start;

    [Fact]
    public async Task What_is_acknowledged_and_stored_balances_report_after_report()
    {
        await using var server = await StartAsync();

        for (var round = 0; round < 3; round++)
        {
            await IngestAsync(server, round * 10, 10);
            Assert.Equal("[]", (await ReportAsync(server, (round + 1) * 10, sentAfter: (round + 1) * 100)).GetProperty("resend").ToString());
        }

        Assert.Equal("balanced 30 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task Rows_sent_live_ahead_of_the_cursor_do_not_count_yet()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 5);
        await IngestAsync(server, 90, 10); // Live, while the backlog drains.

        await ReportAsync(server, 5, waiting: 95, waitingFrom: 5);
        Assert.Equal("balanced 5 0 0 0 0", await BalanceAsync(server));

        await IngestAsync(server, 5, 95); // Ten of them are there already.
        await ReportAsync(server, 100, sentAfter: 60);
        Assert.Equal("balanced 100 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task Conflicts_and_rows_that_another_buffer_brought_are_found_where_they_are()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 4);
        var other = Guid.NewGuid();
        SungrowSample[] again = [Series.Sample(0), Series.Sample(1) with { PvPowerW = 9_999 }, Series.Sample(10)];
        await server.IngestAsync(Series.Numbered(other, 1, again));

        await ReportAsync(server, 4);
        await ReportAsync(server, 3, buffer: other);

        Assert.Equal("balanced 4 0 0 0 0", await BalanceAsync(server));
        Assert.Equal("balanced 1 1 1 0 0", await BalanceAsync(server, other));
    }

    [Fact]
    public async Task Rows_that_a_backup_did_not_have_are_asked_for_by_their_numbers_and_then_balance()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 100);
        await ReportAsync(server, 100);
        await IngestAsync(server, 100, 100);
        await server.ExecuteAsync("DELETE FROM sungrow_samples WHERE seq BETWEEN 121 AND 140 OR seq = 160 OR seq > 195");

        var answer = await ReportAsync(server, 200, sentAfter: 60);
        Assert.Equal(
            ["121-140", "160-160", "196-200"],
            answer.GetProperty("resend").EnumerateArray().Select(range => $"{range.GetProperty("from_seq")}-{range.GetProperty("to_seq")}"));
        Assert.All(answer.GetProperty("resend").EnumerateArray(), range => Assert.Equal(Buffer, range.GetProperty("buffer_id").GetGuid()));
        Assert.Equal("missing 100 0 0 26 0", await BalanceAsync(server));

        // Asked for once an hour, not with each report.
        Assert.Equal("[]", (await ReportAsync(server, 200, sentAfter: 120)).GetProperty("resend").ToString());

        await IngestAsync(server, 100, 100);
        await ReportAsync(server, 200, sentAfter: 180);
        Assert.Equal("balanced 200 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task Rows_that_the_edge_reports_as_missing_are_not_asked_for()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 10);
        await IngestAsync(server, 15, 5);

        var answer = await ReportAsync(
            server, 20, acknowledged: 16, evicted: 4, missing: [new(11, 14, 4, null, null, MissingReasons.Evicted)]);

        var asked = Assert.Single(answer.GetProperty("resend").EnumerateArray());
        Assert.Equal((15, 15), (asked.GetProperty("from_seq").GetInt64(), asked.GetProperty("to_seq").GetInt64()));
    }

    [Fact]
    public async Task Rows_that_never_come_again_are_given_up_and_counted_and_the_rest_goes_on()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 10);
        await server.ExecuteAsync("DELETE FROM sungrow_samples WHERE seq IN (3, 4)");
        for (var ask = 0; ask < Balance.MostAsks; ask++)
        {
            var answer = await ReportAsync(server, 10, sentAfter: ask);
            Assert.Equal(1, answer.GetProperty("resend").GetArrayLength());
            await server.ExecuteAsync("UPDATE buffer_balance SET searched_at = searched_at - interval '1 hour'");
        }

        await IngestAsync(server, 10, 5);
        Assert.Equal("[]", (await ReportAsync(server, 15, sentAfter: 60)).GetProperty("resend").ToString());
        Assert.Equal("missing 13 0 0 2 2", await BalanceAsync(server));
        await ReportAsync(server, 15, sentAfter: 120);
        Assert.Equal("balanced 13 0 0 0 2", await BalanceAsync(server));
    }

    [Fact]
    public async Task A_row_that_was_held_back_is_found_behind_the_cursor()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 4);
        await IngestAsync(server, 5, 5);
        await ReportAsync(server, 10, acknowledged: 9, waiting: 1, held: 1, waitingFrom: 4);
        Assert.Equal("balanced 9 0 0 0 0", await BalanceAsync(server));

        await IngestAsync(server, 4, 1);
        await ReportAsync(server, 10, sentAfter: 60);

        Assert.Equal("balanced 10 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task A_row_behind_the_cursor_that_was_stored_before_its_acknowledgement_was_reported_is_found()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 4);
        await IngestAsync(server, 5, 5);
        await ReportAsync(server, 10, acknowledged: 9, waiting: 1, held: 1, waitingFrom: 4);
        await IngestAsync(server, 4, 1); // Its answer is lost.
        await ReportAsync(server, 10, acknowledged: 9, waiting: 1, held: 1, waitingFrom: 4, sentAfter: 60);

        await ReportAsync(server, 10, sentAfter: 120);

        Assert.Equal("balanced 10 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task While_a_row_is_held_the_times_to_look_at_stay_bounded()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 4);

        await ReportAsync(server, 5, acknowledged: 4, waiting: 1, held: 1, waitingFrom: 4);

        Assert.Equal(1, await server.CountAsync("buffer_balance WHERE rows_since IS NOT NULL"));
        await PostAsync(server, Report(5) with
        {
            ClockTrusted = false,
            SentAt = Started.AddSeconds(60),
            Waiting = new(1, 1, null, null),
            Counters = new(5, 4, 0, 0),
        });
        Assert.Equal(1, await server.CountAsync("buffer_balance WHERE rows_since IS NOT NULL AND verdict = 'balanced'"));
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(long.MaxValue - 1)]
    public async Task The_largest_numbers_there_are_get_an_answer(long cursor)
    {
        await using var server = await StartAsync();

        for (var i = 0; i < 2; i++)
        {
            await PostAsync(server, Report(cursor) with
            {
                SentAt = Started.AddSeconds(i),
                Missing = [new(5, long.MaxValue, 1, null, null, MissingReasons.Evicted)],
            });
            await server.ExecuteAsync("UPDATE buffer_balance SET searched_at = NULL");
        }

        var answer = await PostAsync(server, Report(cursor) with { SentAt = Started.AddSeconds(2) });
        var asked = Assert.Single(answer.GetProperty("resend").EnumerateArray());
        Assert.Equal((1, 4), (asked.GetProperty("from_seq").GetInt64(), asked.GetProperty("to_seq").GetInt64()));
    }

    [Fact]
    public async Task A_device_has_one_check_at_a_time_and_one_search_an_hour_whatever_names_it_gives_its_buffer()
    {
        await using var server = await StartAsync();
        Task<JsonElement>[] reports;
        long most = 0;
        await using (var connection = await server.Database.OpenConnectionAsync(TestContext.Current.CancellationToken))
        {
            await using NpgsqlCommand hold = new("BEGIN; LOCK TABLE elsewhere", connection);
            await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            reports = [.. Enumerable.Range(0, 5).Select(_ => ReportAsync(server, 5, buffer: Guid.NewGuid()))];
            await Until.TrueAsync(async () =>
            {
                most = Math.Max(most, await server.AskAsync<long>(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%elsewhere%'"));
                return reports.Count(report => report.IsCompleted) >= 4;
            });
        }

        await Task.WhenAll(reports);
        Assert.InRange(most, 0, 1);
        await ReportAsync(server, 5, buffer: Guid.NewGuid());
        Assert.Equal("[]", (await ReportAsync(server, 5, buffer: Guid.NewGuid())).GetProperty("resend").ToString());
        Assert.Equal(1, await server.CountAsync("buffer_balance WHERE searched_at IS NOT NULL"));
    }

    [Fact]
    public async Task Rows_whose_clock_stepped_out_of_their_order_are_found()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 5);
        await ReportAsync(server, 5);
        var before = Enumerable.Range(0, 5).Select(number => Series.Sample(number, Series.Start.AddDays(-3)));
        await server.IngestAsync(Series.Numbered(Buffer, 6, before));

        await ReportAsync(server, 10, sentAfter: 60);

        Assert.Equal("balanced 10 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task More_than_the_edge_counts_is_news_when_it_stays()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 10);

        await ReportAsync(server, 10, acknowledged: 9, evicted: 1);
        Assert.Equal("balanced 10 0 0 -1 0", await BalanceAsync(server));
        await ReportAsync(server, 10, acknowledged: 9, evicted: 1, sentAfter: 60);
        Assert.Equal("surplus 10 0 0 -1 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task An_edge_whose_own_numbers_do_not_add_up_is_named()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 10);

        await ReportAsync(server, 10, committed: 12);

        Assert.Equal("miscounted 10 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task Two_copies_of_a_buffer_that_report_in_turn_are_noticed_and_one_restart_is_not()
    {
        await using var server = await StartAsync();
        await ReportAsync(server, 10, sentAfter: 0, boot: "a");
        await ReportAsync(server, 12, sentAfter: 60, boot: "b"); // A restart, so far.
        Assert.Equal("", await AnomalyAsync(server));

        await ReportAsync(server, 13, sentAfter: 120, boot: "a");
        Assert.Equal("cloned", await AnomalyAsync(server));
        Assert.StartsWith("unchecked", await BalanceAsync(server), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_last_report_of_a_process_that_arrives_after_the_next_ones_first_is_only_late()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 10);
        await ReportAsync(server, 8, sentAfter: 0, boot: "a");
        await ReportAsync(server, 10, sentAfter: 60, boot: "b");

        await ReportAsync(server, 9, sentAfter: 59, boot: "a");

        Assert.Equal("", await AnomalyAsync(server));
        Assert.Equal("balanced 10 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task An_older_copy_put_back_is_noticed_and_counted_anew()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 10);
        await ReportAsync(server, 10, boot: "a");

        await ReportAsync(server, 6, waiting: 2, waitingFrom: 6, sentAfter: 60, boot: "b");

        Assert.Equal("restored", await AnomalyAsync(server));
        Assert.Equal("balanced 6 0 0 0 0", await BalanceAsync(server));

        // It gives out numbers anew: 9 and 10 are now other samples, and each number still counts once.
        await IngestAsync(server, 6, 2);
        await server.IngestAsync(Series.Numbered(Buffer, 9, [Series.Sample(50), Series.Sample(51)]));
        await ReportAsync(server, 10, sentAfter: 120, boot: "b");
        Assert.Equal("balanced 10 0 0 0 0", await BalanceAsync(server));
        Assert.Equal(2, await server.AskAsync<long>("SELECT doubled FROM buffer_balance"));
    }

    [Fact]
    public async Task After_a_silence_what_was_acknowledged_in_it_is_asked_for_again()
    {
        await using var server = await StartAsync();
        Assert.Equal(JsonValueKind.Null, (await ReportAsync(server, 0)).GetProperty("repeat_since").ValueKind);
        await server.ExecuteAsync("UPDATE buffer_balance SET reported_at = '2026-01-02T03:04:05Z'");

        var answer = await ReportAsync(server, 0, sentAfter: 60);
        Assert.Equal(new(2026, 1, 2, 3, 1, 5, TimeSpan.Zero), answer.GetProperty("repeat_since").GetDateTimeOffset());
        Assert.Equal(JsonValueKind.Null, (await ReportAsync(server, 0, sentAfter: 120)).GetProperty("repeat_since").ValueKind);
    }

    [Fact]
    public async Task A_server_that_never_heard_of_a_used_buffer_asks_for_everything()
    {
        await using var server = await StartAsync();

        var answer = await ReportAsync(server, 5_000);

        Assert.Equal(ProtocolLimits.OldestTimestamp, answer.GetProperty("repeat_since").GetDateTimeOffset());
        var range = Assert.Single(answer.GetProperty("resend").EnumerateArray());
        Assert.Equal((1, 5_000), (range.GetProperty("from_seq").GetInt64(), range.GetProperty("to_seq").GetInt64()));
    }

    [Fact]
    public async Task Ten_reports_at_once_count_no_row_twice()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 50);

        await Task.WhenAll(Enumerable.Range(0, 10).Select(n => ReportAsync(server, 50, sentAfter: n)));
        await ReportAsync(server, 50, sentAfter: 60);

        Assert.Equal("balanced 50 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task A_buffer_of_two_devices_balances_over_both()
    {
        await using var server = await StartAsync();
        await IngestAsync(server, 0, 3);
        await server.IngestAsync(Series.Numbered(Buffer, 4, [Series.Sample(3, device: "inverter-2")]), "device-2");
        var cursors = new Dictionary<string, long> { ["inverter-1"] = 3, ["inverter-2"] = 4 };

        await PostAsync(server, Report(4) with { Cursors = cursors });

        Assert.Equal("balanced 4 0 0 0 0", await BalanceAsync(server));

        // One waits, with an old row; the other goes on.
        var old = Series.Start.AddDays(-1);
        await server.ExecuteAsync("UPDATE buffer_balance SET searched_at = now()");
        await IngestAsync(server, 5, 1);
        await PostAsync(server, Report(5) with
        {
            Cursors = new Dictionary<string, long> { ["inverter-1"] = 6, ["inverter-2"] = 4 },
            SentAt = Started.AddSeconds(60),
            Waiting = new(1, 0, old, old),
            Counters = new(6, 5, 0, 0),
        });

        Assert.Equal("balanced 5 0 0 0 0", await BalanceAsync(server));
    }

    [Fact]
    public async Task Times_that_cannot_be_are_left_out_and_a_gap_that_ends_before_it_begins_has_no_length()
    {
        await using var server = await StartAsync();
        var now = TimeProvider.System.GetUtcNow();
        GapReport[] gaps =
        [
            new(DateTimeOffset.MinValue, null, "clock", 1), new(DateTimeOffset.UnixEpoch, now, "clock", 1),
            new(now.AddYears(1), null, "clock", 1), new(now.AddHours(-1), now.AddHours(-2), "night", 7),
            new(now.AddMinutes(-1), DateTimeOffset.MaxValue, "contention", 8),
        ];

        await PostAsync(server, Report(0) with
        {
            StartedAt = DateTimeOffset.MinValue,
            SentAt = DateTimeOffset.MaxValue,
            Waiting = new(0, 0, DateTimeOffset.MinValue, DateTimeOffset.MaxValue),
            Missing = [new(1, 1, 1, DateTimeOffset.MinValue, DateTimeOffset.MaxValue, "corrupt")],
            Gaps = gaps,
        });

        Assert.Equal(
            "night 0 7|contention 360 8",
            await server.AskAsync<string>(
                """
                SELECT string_agg(concat_ws(' ', reason, extract(epoch FROM to_ts - from_ts)::int, missed), '|' ORDER BY from_ts) FROM gaps
                """));
        Assert.Equal(1, await server.CountAsync("missing_ranges WHERE from_ts IS NULL AND to_ts IS NULL"));
        Assert.Equal(1, await server.CountAsync("buffers WHERE waiting_oldest IS NULL AND extract(year FROM started_at) = 2000"));
    }

    [Fact]
    public async Task One_token_cannot_fill_the_disk_with_buffers_gaps_and_missing_ranges()
    {
        await using var server = await StartAsync();
        await PostAsync(server, Report(0));
        await server.ExecuteAsync(
            $"""
            INSERT INTO gaps (device_id, from_ts, to_ts, reason, missed, received_at)
            SELECT 'inverter-1', timestamptz '2001-01-01' + n * interval '1 minute', NULL, 'night', 0, now()
            FROM generate_series(1, {EdgeReports.MostGaps}) AS n;
            INSERT INTO missing_ranges (buffer_id, device_id, from_seq, to_seq, rows, reason, received_at)
            SELECT '{Buffer}', 'inverter-1', n, n, 1, 'evicted', now() - interval '1 day'
            FROM generate_series(1, {EdgeReports.MostMissingRanges}) AS n;
            """);
        var (now, many) = (TimeProvider.System.GetUtcNow(), 1_000_000);

        await PostAsync(server, Report(0) with
        {
            Gaps = [new(now, null, "night", 1)],
            Missing = [new(many, many, 1, null, null, "evicted")],
        });
        for (var i = 0; i <= EdgeReports.MostBuffers; i++)
        {
            await PostAsync(server, Report(0) with { BufferId = Guid.NewGuid() });
        }

        Assert.Equal(EdgeReports.MostGaps, await server.CountAsync("gaps"));
        Assert.Equal(1, await server.CountAsync("gaps WHERE from_ts > now() - interval '10 minutes'"));
        Assert.Equal(EdgeReports.MostBuffers, await server.CountAsync("buffers"));
        Assert.Equal(EdgeReports.MostBuffers, await server.CountAsync("buffer_balance"));
        Assert.Equal(0, await server.CountAsync($"missing_ranges WHERE buffer_id = '{Buffer}'"));
    }

    private static async Task IngestAsync(VpsServer server, int first, int count) => (await server.IngestAsync(
        Series.Numbered(Buffer, first + 1, Enumerable.Range(first, count).Select(number => Series.Sample(number))))).Counts();

    /// <summary>A report as of one device with all its rows acknowledged.</summary>
    private static EdgeReport Report(long cursor) => new()
    {
        BufferId = Buffer,
        BootId = "boot",
        Version = "0.1.0",
        StartedAt = Started,
        SentAt = Started,
        ClockTrusted = true,
        PollIntervalS = 10,
        SamplesPerRow = 1,
        Inverter = new("SH10RT", "A2290400123", Reachable: true, Started),
        Cursors = new Dictionary<string, long> { ["inverter-1"] = cursor },
        Waiting = new(0, 0, null, null),
        Counters = new(cursor, cursor, 0, 0),
        Missing = [],
        Gaps = [],
    };

    private static async Task<JsonElement> ReportAsync(
        VpsServer server, long cursor, long? acknowledged = null, long waiting = 0, int held = 0, int? waitingFrom = null, long evicted = 0,
        long? committed = null, int sentAfter = 0, string boot = "boot", Guid? buffer = null, MissingRange[]? missing = null)
    {
        var taken = acknowledged ?? cursor;
        return await PostAsync(server, Report(cursor) with
        {
            BufferId = buffer ?? Buffer,
            BootId = boot,
            SentAt = Started.AddSeconds(sentAfter),
            Waiting = new(waiting, held, waitingFrom is { } number ? Series.Sample(number).Ts : null, null),
            Counters = new(committed ?? (taken + waiting + evicted), taken, 0, evicted),
            Missing = missing ?? [],
        });
    }

    private static async Task<JsonElement> PostAsync(VpsServer server, EdgeReport report)
    {
        var json = JsonSerializer.Serialize(report, ProtocolJson.Default.EdgeReport);
        var answer = await server.PostAsync("/v1/heartbeat", new StringContent(json, null, "application/json"));
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Body);
        return answer.Json;
    }

    private static Task<string> BalanceAsync(VpsServer server, Guid? buffer = null) => server.AskAsync<string>(
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            SELECT concat_ws(' ', verdict, stored, conflicting, elsewhere, difference, unexplained)
            FROM buffer_balance WHERE buffer_id = '{buffer ?? Buffer}'
            """));

    private static Task<string> AnomalyAsync(VpsServer server) =>
        server.AskAsync<string>($"SELECT coalesce(anomaly, '') FROM buffer_balance WHERE buffer_id = '{Buffer}'");

    private async Task<VpsServer> StartAsync() => await VpsServer.StartAsync(await databases.CreateAsync());
}
