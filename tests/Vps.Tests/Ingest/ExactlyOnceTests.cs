using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Vps.Tests.Ingest;

public class ExactlyOnceTests(Databases databases)
{
    private static readonly Guid Buffer = new("6f6a2f35-5b2e-4a61-9a43-6f6f5e3b1b11");
    private static readonly Guid OtherBuffer = new("0d0e0f35-5b2e-4a61-9a43-6f6f5e3b1b12");

    private const string Compress = "SELECT compress_chunk(chunk) FROM show_chunks('sungrow_samples') AS chunk";

    public static TheoryData<Kind> Kinds => [Kind.Plain, Kind.Timescale];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_same_batch_twice_is_stored_once(Kind kind)
    {
        await using var server = await StartAsync(kind);
        var batch = Series.Numbered(Buffer, 1, Series.Samples(100));

        Assert.Equal(new(100, 0, 0), (await server.IngestAsync(batch)).Counts());
        Assert.Equal(new(0, 100, 0), (await server.IngestAsync(batch)).Counts());

        Assert.Equal(100, await server.CountAsync("sungrow_samples"));
        Assert.Equal(0, await server.CountAsync("quarantine"));
        Assert.Equal(0, await server.CountAsync("elsewhere"));
    }

    [Fact]
    public async Task Every_value_is_stored_to_the_last_digit_and_microsecond()
    {
        await using var server = await StartAsync(Kind.Plain);
        await server.IngestAsync(
            $$"""
            {"buffer_id":"{{Buffer}}","samples":[{"device_id":"inverter-1","ts":"2026-01-31T23:59:59.1234569+05:45",
             "pv_power_w":0.30000000000000004,"pv_daily_kwh":11999.999999999998,"battery_power_w":-499999.99999999994,
             "battery_soc_pct":5e-324,"load_power_w":-0.0,
             "export_power_w":null,"sample_count":3,"interval_s":30.5,"seq":9223372036854775807}]}
            """);

        Assert.Equal(
            "2026-01-31 18:14:59.123456+00 0.30000000000000004 11999.999999999998 -499999.99999999994 5e-324 null -0 null 3 30.5 "
            + $"9223372036854775807 {Buffer}",
            await server.AskAsync<string>(
                """
                SELECT concat_ws(' ', ts AT TIME ZONE 'UTC' || '+00', pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct,
                                 coalesce(battery_temp_c::text, 'null'), load_power_w, coalesce(export_power_w::text, 'null'),
                                 sample_count, interval_s, seq, buffer_id)
                FROM sungrow_samples
                """));
        Assert.InRange(
            await server.AskAsync<double>("SELECT extract(epoch FROM now() - received_at)::float8 FROM sungrow_samples"), 0, 600);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Ten_clients_at_once_store_each_row_once_and_count_it_once(Kind kind)
    {
        await using var server = await StartAsync(kind);
        for (var round = 0; round < 5; round++)
        {
            var batch = Series.Numbered(Buffer, 1 + (1000 * round), Series.Samples(200, Series.Start.AddDays(-round)));

            var answers = await AtOnceAsync(10, _ => server.IngestAsync(batch));

            Assert.All(answers, answer => Assert.True(answer.Counts().Covers(200)));
            Assert.Equal(200, answers.Sum(answer => answer.Counts().Inserted));
            Assert.Equal(0, answers.Sum(answer => answer.Counts().Conflicts));
        }

        Assert.Equal(1000, await server.CountAsync("sungrow_samples"));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Ten_clients_with_other_values_each_agree_on_one_and_quarantine_the_rest(Kind kind)
    {
        await using var server = await StartAsync(kind);

        var answers = await AtOnceAsync(
            10, client => server.IngestAsync([.. Series.Samples(50).Select(sample => sample with { LoadPowerW = client })]));

        Assert.Equal(50, answers.Sum(answer => answer.Counts().Inserted));
        Assert.Equal(450, answers.Sum(answer => answer.Counts().Conflicts));
        Assert.Equal(0, answers.Sum(answer => answer.Counts().Duplicates));
        Assert.Equal(50, await server.CountAsync("sungrow_samples"));
        Assert.Equal(450, await server.CountAsync("quarantine"));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Overlapping_batches_in_opposite_order_neither_fail_nor_deadlock_nor_lose_a_row(Kind kind)
    {
        await using var postgres = await Databases.StartAsync(kind); // One whose log holds nothing but this.
        await using var server = await VpsServer.StartAsync(await postgres.CreateDatabaseAsync());
        for (var round = 1; round <= 3; round++)
        {
            var all = Series.Samples(6000, Series.Start.AddDays(-round));

            var answers = await AtOnceAsync(8, client => server.IngestAsync(client % 2 == 0 ? all[..4000] : [.. all[2000..].Reverse()]));

            Assert.Equal(6000, answers.Sum(answer => answer.Counts().Inserted));
            Assert.Equal((8 * 4000) - 6000, answers.Sum(answer => answer.Counts().Duplicates));
        }

        Assert.Equal(18_000, await server.CountAsync("sungrow_samples"));
        Assert.DoesNotContain("deadlock detected", postgres.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deadlock_with_another_transaction_is_tried_again_and_not_answered()
    {
        // Time enough for this test to close the circle before the server's transaction looks for one.
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync() + ";Options=-c deadlock_timeout=5s");
        var (first, second) = (Series.Sample(1), Series.Sample(2));
        await using var other = await server.Database.OpenConnectionAsync();
        await ExecuteAsync("SET deadlock_timeout = '60s'"); // So that the server's transaction is the one that finds it and gives way.
        await ExecuteAsync("BEGIN");
        await ExecuteAsync(InsertOf(second));

        var answer = server.IngestAsync(first, second);
        await Until.TrueAsync(async () =>
            await server.CountAsync("pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1);
        await ExecuteAsync(InsertOf(first));
        await ExecuteAsync("COMMIT");

        Assert.Equal(new(0, 0, 2), (await answer).Counts());
        await Until.TrueAsync(async () => // Its statistics come a moment later.
            await server.AskAsync<long>("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 1);

        async Task ExecuteAsync(string sql)
        {
            await using NpgsqlCommand command = new(sql, other);
            await command.ExecuteNonQueryAsync();
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_sample_with_other_values_is_a_conflict_and_the_stored_one_stays(Kind kind)
    {
        await using var server = await StartAsync(kind);
        var stored = Series.Sample(1) with { ExportPowerW = null };
        await server.IngestAsync(stored);
        SungrowSample[] others =
        [
            stored with { PvPowerW = 2 }, stored with { PvPowerW = null }, stored with { PvDailyKwh = 2 },
            stored with { BatteryPowerW = 2 }, stored with { BatterySocPct = 2 }, stored with { BatteryTempC = 0 },
            stored with { LoadPowerW = 2 }, stored with { ExportPowerW = 0 }, stored with { SampleCount = 2 },
        ];

        foreach (var other in others)
        {
            Assert.Equal(new(0, 0, 1), (await server.IngestAsync(other)).Counts());
            Assert.Equal(new(0, 0, 1), (await server.IngestAsync(other with { IntervalS = 7, Seq = 8 })).Counts()); // Kept once.
        }

        Assert.Equal(others.Length, await server.CountAsync("quarantine WHERE code = 'CONFLICTING_SAMPLE' AND device_id = 'inverter-1'"));
        Assert.Equal(1.0, await server.AskAsync<double>("SELECT pv_power_w FROM sungrow_samples"));
        Assert.Equal(1, await server.CountAsync("quarantine WHERE (payload->>'pv_power_w')::float8 = 2"));
    }

    [Fact]
    public async Task Number_buffer_and_interval_never_make_a_conflict()
    {
        await using var server = await StartAsync(Kind.Plain);
        var sample = Series.Sample(1) with { IntervalS = 10, Seq = 1 };
        await server.IngestAsync(new IngestBatch(Buffer, [sample]));

        Assert.Equal(
            new(0, 1, 0), (await server.IngestAsync(new IngestBatch(OtherBuffer, [sample with { IntervalS = 20, Seq = 7 }]))).Counts());
        Assert.Equal(
            new(0, 1, 0), (await server.IngestAsync(new IngestBatch(null, [sample with { IntervalS = null, Seq = null }]))).Counts());

        Assert.Equal(
            $"10 1 {Buffer}", await server.AskAsync<string>("SELECT concat_ws(' ', interval_s, seq, buffer_id) FROM sungrow_samples"));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Of_two_in_one_request_the_first_wins(Kind kind)
    {
        await using var server = await StartAsync(kind);
        var (one, two) = (Series.Sample(1), Series.Sample(2));

        // The later time first: the order of the request counts within one key, not the order of the keys.
        var answer = await server.IngestAsync(
            two, one with { LoadPowerW = 1 }, two with { LoadPowerW = 2 }, one with { LoadPowerW = 3 }, one with { LoadPowerW = 1 });

        Assert.Equal(new(2, 1, 2), answer.Counts());
        Assert.Equal(
            "1,800.25", await server.AskAsync<string>("SELECT string_agg(load_power_w::text, ',' ORDER BY ts) FROM sungrow_samples"));
        Assert.Equal("3,2", await server.AskAsync<string>("SELECT string_agg(payload->>'load_power_w', ',' ORDER BY ts) FROM quarantine"));
    }

    [Fact]
    public async Task An_absent_interval_is_the_polls_times_what_the_device_last_reported()
    {
        await using var server = await StartAsync(Kind.Plain);
        await server.IngestAsync(Series.Sample(1), Series.Sample(2) with { SampleCount = 6 });
        await server.PostAsync("/v1/heartbeat", Devices.HeartbeatTests.Body(report => report with { PollIntervalS = 2.5 }));
        await server.IngestAsync(Series.Sample(3), Series.Sample(4) with { SampleCount = 6 });

        Assert.Equal(
            "10,60,2.5,15", await server.AskAsync<string>("SELECT string_agg(interval_s::text, ',' ORDER BY ts) FROM sungrow_samples"));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Each_acknowledged_row_of_a_buffer_is_stored_conflicting_or_elsewhere_exactly_once(Kind kind)
    {
        await using var server = await StartAsync(kind);
        var samples = Series.Samples(100);
        await server.IngestAsync(samples[..10]); // Known already, without any number.
        await server.IngestAsync([.. samples[10..20].Select(sample => sample with { LoadPowerW = 1 })]); // Known with other values.

        var acknowledged = new HashSet<long>();
        for (var round = 0; round < 3; round++)
        {
            // The rows again and again, as an edge whose answers get lost; and some of them twice under numbers of their own.
            var batch = Series.Numbered(Buffer, 1, [.. samples, .. samples[..30]]);
            Assert.True((await server.IngestAsync(batch)).Counts().Covers(130));
            acknowledged.UnionWith(batch.Samples.Select(sample => sample.Seq!.Value));
        }

        await AssertBalanceAsync(server, Buffer, acknowledged.Count, stored: 80, conflicting: 10, elsewhere: 40);

        // The file is salvaged into a new one, which has numbers of its own and sends all of it again.
        await server.IngestAsync(Series.Numbered(OtherBuffer, 1, samples));
        await AssertBalanceAsync(server, OtherBuffer, 100, stored: 0, conflicting: 0, elsewhere: 100);
        await AssertBalanceAsync(server, Buffer, acknowledged.Count, stored: 80, conflicting: 10, elsewhere: 40);
    }

    [Fact]
    public async Task Rows_sent_again_into_compressed_chunks_are_found_there()
    {
        // The policy is not to come before us.
        await using var server = await VpsServer.StartAsync(
            await databases.CreateAsync(Kind.Timescale), "--Storage:CompressAfter=3650.00:00:00");
        var old = Series.Samples(500, Series.Start.AddDays(-60));
        var even = old.Where((_, i) => i % 2 == 0).ToArray();
        await server.IngestAsync(even);
        await server.ExecuteAsync(Compress);

        Assert.Equal(new(0, 250, 0), (await server.IngestAsync(even)).Counts());
        Assert.Equal(new(250, 250, 0), (await server.IngestAsync(old)).Counts());
        Assert.Equal(new(0, 499, 1), (await server.IngestAsync([.. old[..499], old[499] with { LoadPowerW = 1 }])).Counts());
        await server.ExecuteAsync(Compress);
        Assert.Equal(new(0, 499, 1), (await server.IngestAsync([.. old[..499], old[499] with { LoadPowerW = 1 }])).Counts());

        Assert.Equal(500, await server.CountAsync("sungrow_samples"));
        Assert.Equal(500, await server.AskAsync<long>("SELECT count(DISTINCT ts) FROM sungrow_samples"));
        Assert.Equal(1, await server.CountAsync("quarantine"));
    }

    [Fact]
    public async Task A_comparison_plans_for_the_chunks_of_its_batch_alone()
    {
        await using var server = await StartAsync(Kind.Timescale);
        await server.ExecuteAsync(
            """
            INSERT INTO sungrow_samples (device_id, ts, pv_power_w, sample_count, interval_s)
            SELECT 'inverter-1', now() - week * interval '7 days', week, 1, 10 FROM generate_series(1, 60) AS week
            """);
        var batch = Series.Samples(10, Series.Start.AddDays(-100));
        await server.IngestAsync(batch);
        await using var other = await server.Database.OpenConnectionAsync();
        await using (NpgsqlCommand hold = new("BEGIN; LOCK TABLE quarantine", other))
        {
            await hold.ExecuteNonQueryAsync();
        }

        const string Waiting = "pg_locks WHERE NOT granted AND relation = 'quarantine'::regclass";
        // Held at its end, so that the locks of what it has planned can be counted.
        var answer = server.IngestAsync([.. batch.Select(sample => sample with { LoadPowerW = 1 })]);
        await Until.TrueAsync(async () => await server.CountAsync(Waiting) == 1);
        var chunks = await server.AskAsync<long>(
            """
            SELECT count(DISTINCT relation) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
            WHERE locktype = 'relation' AND relname LIKE '\_hyper\_%\_chunk'
              AND pid = (SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'quarantine'::regclass)
            """);
        await other.CloseAsync();

        Assert.Equal(new(0, 0, 10), (await answer).Counts());
        Assert.InRange(chunks, 1, 2);
    }

    private async Task<VpsServer> StartAsync(Kind kind) => await VpsServer.StartAsync(await databases.CreateAsync(kind));

    private static async Task<Answer[]> AtOnceAsync(int clients, Func<int, Task<Answer>> ask)
    {
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var asking = Enumerable.Range(0, clients).Select(async client =>
        {
            await go.Task;
            return await ask(client);
        }).ToArray();
        go.SetResult();
        return await Task.WhenAll(asking);
    }

    private static async Task AssertBalanceAsync(
        VpsServer server, Guid buffer, int acknowledged, int stored, int conflicting, int elsewhere)
    {
        var mine = $"WHERE buffer_id = '{buffer}'";
        var found = (
            Stored: await server.CountAsync("sungrow_samples " + mine),
            Conflicting: await server.CountAsync("quarantine " + mine),
            Elsewhere: await server.CountAsync("elsewhere " + mine));

        Assert.Equal((stored, conflicting, elsewhere), found);
        Assert.Equal(acknowledged, found.Stored + found.Conflicting + found.Elsewhere);
        Assert.Equal(
            acknowledged,
            await server.AskAsync<long>(
                $"""
                SELECT count(*) FROM (
                    SELECT seq FROM sungrow_samples {mine} UNION SELECT seq FROM quarantine {mine} UNION SELECT seq FROM elsewhere {mine}
                ) AS each
                """));
    }

    private static string InsertOf(SungrowSample sample) =>
        $"""
        INSERT INTO sungrow_samples (device_id, ts, pv_power_w, sample_count, interval_s)
        VALUES ('{sample.DeviceId}', '{Rfc3339.Write(sample.Ts)}', 77, 1, 10)
        """;
}
