using System.Net;
using System.Text;
using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Vps.Tests.Ingest;

/// <summary>The commands as an operator runs them, beside a server that works.</summary>
public class QuarantineCommandsTests(Databases databases)
{
    private static readonly Guid First = new("11111111-1111-4111-8111-111111111111");
    private static readonly Guid Second = new("22222222-2222-4222-8222-222222222222");

    [Theory]
    [InlineData(Kind.Plain, false)]
    [InlineData(Kind.Timescale, true)]
    public async Task A_released_conflict_takes_the_place_of_what_stands_and_both_buffers_balance(Kind kind, bool compressed)
    {
        var database = await databases.CreateAsync(kind);
        await using var vps = await VpsServer.StartAsync(database);
        var id = await ConflictAsync(vps);
        if (compressed)
        {
            await vps.ExecuteAsync("SELECT compress_chunk(chunk) FROM show_chunks('sungrow_samples') AS chunk");
        }

        var released = await RunAsync(database, "quarantine", "release", $"{id}");

        Assert.Equal(
            (0, $"{id} is stored; what stood in its place is in quarantine, marked REPLACED."), (released.ExitCode, released.Output.Trim()));
        Assert.Equal(
            $"2 of {Second}, 7, 801 W|1 of {First}, 2, 800.25 W",
            await vps.AskAsync<string>(
                """
                SELECT string_agg(concat(n, ' of ', buffer_id, ', ', seq, ', ', load, ' W'), '|' ORDER BY n DESC) FROM (
                    SELECT 2 AS n, buffer_id, seq, load_power_w AS load FROM sungrow_samples WHERE load_power_w = 801
                    UNION ALL SELECT 1, buffer_id, seq, (payload->>'load_power_w')::float8 FROM quarantine WHERE resolution = 'REPLACED') AS rows
                """));
        Assert.Equal((3L, 1L), (await vps.CountAsync("sungrow_samples"), await vps.CountAsync("quarantine")));

        // Both edges send again what they sent: nothing changes, nothing is counted twice.
        Assert.Equal(new(0, 2, 1), (await vps.IngestAsync(Series.Numbered(First, 1, Series.Samples(3)))).Counts());
        Assert.Equal(new(0, 1, 0), (await vps.IngestAsync(Series.Numbered(Second, 7, [Refused()]))).Counts());
        Assert.Equal((1L, 0L), (await vps.CountAsync("quarantine"), await vps.CountAsync("elsewhere")));

        // And it can be undone.
        var replaced = await vps.AskAsync<long>("SELECT id FROM quarantine");
        Assert.Equal(0, (await RunAsync(database, "quarantine", "release", $"{replaced}")).ExitCode);
        Assert.Equal(new(0, 3, 0), (await vps.IngestAsync(Series.Numbered(First, 1, Series.Samples(3)))).Counts());
        Assert.Equal(
            "RELEASED,RELEASED",
            await vps.AskAsync<string>("SELECT string_agg(code, ',') FROM ingest_events WHERE code IS NOT NULL AND actor <> ''"));
    }

    [Fact]
    public async Task A_release_among_ingest_of_the_same_samples_leaves_every_row_in_exactly_one_place()
    {
        var database = await databases.CreateAsync();
        await using var one = await VpsServer.StartAsync(database);
        await using var other = await VpsServer.StartAsync(database);
        var id = await ConflictAsync(one);
        using var stop = new CancellationTokenSource();
        var senders = new[] { one, other }.Select(vps => Task.Run(async () =>
        {
            var answers = 0;
            for (; !stop.IsCancellationRequested || answers == 0; answers++)
            {
                Assert.Equal(3, Sum((await vps.IngestAsync(Series.Numbered(First, 1, Series.Samples(3)))).Counts()));
                Assert.Equal(1, Sum((await vps.IngestAsync(Series.Numbered(Second, 7, [Refused()]))).Counts()));
            }
        })).ToList();

        for (var i = 0; i < 3; i++)
        {
            var released = await RunAsync(database, "quarantine", "release", $"{id}");
            Assert.True(released.ExitCode == 0, released.Output);
            id = await one.AskAsync<long>("SELECT id FROM quarantine");
        }

        await stop.CancelAsync();
        await Task.WhenAll(senders);

        Assert.Equal(
            (3L, 1L, 0L), (await one.CountAsync("sungrow_samples"), await one.CountAsync("quarantine"), await one.CountAsync("elsewhere")));
        Assert.Equal(
            4L,
            await one.AskAsync<long>(
                """
                SELECT count(DISTINCT (buffer_id, seq)) FROM (
                    SELECT buffer_id, seq FROM sungrow_samples UNION ALL SELECT buffer_id, seq FROM quarantine) AS rows
                """));

        static int Sum(IngestAnswer answer) => answer.Inserted + answer.Duplicates + answer.Conflicts;
    }

    [Fact]
    public async Task Whoever_reads_realtime_after_a_release_sees_what_was_released()
    {
        await using var redis = await RedisServer.StartAsync();
        var database = await databases.CreateAsync();
        await using var vps = await VpsServer.StartAsync(database, $"--REDIS_URL={redis.Url}");
        await vps.IngestAsync(Series.Sample(1));
        await vps.IngestAsync(Series.Sample(1) with { LoadPowerW = 801 });
        Assert.Equal(800.25, await LoadAsync());

        Assert.Equal(0, (await RunAsync(database, [$"--REDIS_URL={redis.Url}"], "quarantine", "release", "1")).ExitCode);

        Assert.Equal(801, await LoadAsync());

        async Task<double> LoadAsync() =>
            (await vps.GetAsync($"/v1/realtime?device_id={VpsServer.Device}", "viewer")).Json.GetProperty("load_power_w").GetDouble();
    }

    [Fact]
    public async Task Refused_telemetry_is_tried_again_by_the_rules_of_today()
    {
        var database = await databases.CreateAsync();
        await using var vps = await VpsServer.StartAsync(database);
        var ts = Rfc3339.Write(Series.Start);
        var wrongSite = $$"""{"site_id":"garage","ts":"{{ts}}","metrics":{"power_w":5} }""";
        await TelemetryAsync(vps, wrongSite);

        var refused = await RunAsync(database, "quarantine", "release", "1");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("1 is refused again: SITE_MISMATCH", refused.Output, StringComparison.Ordinal);
        Assert.Equal((0L, 1L), (await vps.CountAsync("telemetry"), await vps.CountAsync("quarantine")));

        await vps.ExecuteAsync(
            """
            INSERT INTO sites (tenant_id, name, time_zone) VALUES (1, 'garage', 'UTC');
            UPDATE devices SET site_id = (SELECT id FROM sites WHERE name = 'garage') WHERE device_id = 'inverter-1'
            """);
        Assert.Equal(0, (await RunAsync(database, "quarantine", "release", "1")).ExitCode);
        Assert.Equal("""{"power_w": 5}""", await vps.AskAsync<string>("SELECT metrics::text FROM telemetry"));
        Assert.Equal(0, await vps.CountAsync("quarantine"));
    }

    [Fact]
    public async Task What_is_dropped_loses_its_values_and_stays_counted()
    {
        var database = await databases.CreateAsync();
        await using var vps = await VpsServer.StartAsync(database);
        var id = await ConflictAsync(vps);

        Assert.Equal($"{id} is dropped; that it came stays counted.", (await RunAsync(database, "quarantine", "drop", $"{id}")).Output.Trim());
        Assert.Equal(new(0, 0, 1), (await vps.IngestAsync(Series.Numbered(Second, 7, [Refused()]))).Counts());

        Assert.Equal(
            $"{Second} 7 DROPPED",
            await vps.AskAsync<string>("SELECT string_agg(concat(buffer_id, ' ', seq, payload, ' ', resolution), '|') FROM quarantine"));
        Assert.Equal("DROPPED", await vps.AskAsync<string>("SELECT string_agg(code, ',') FROM ingest_events WHERE code IS NOT NULL"));
        var again = await RunAsync(database, "quarantine", "drop", $"{id}", "99");
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("was dropped already", again.Output, StringComparison.Ordinal);
        Assert.Contains("99 is not in quarantine", again.Output, StringComparison.Ordinal);
        Assert.Contains("holds no values any more", (await RunAsync(database, "quarantine", "release", $"{id}")).Output, StringComparison.Ordinal);
        Assert.Equal("Nothing is in quarantine.", (await RunAsync(database, "quarantine", "list")).Output.Trim());
    }

    [Fact]
    public async Task Lists_fit_into_eighty_columns_and_the_same_is_there_as_JSON()
    {
        var database = await databases.CreateAsync();
        await using var vps = await VpsServer.StartAsync(database);
        var id = await ConflictAsync(vps);
        await TelemetryAsync(vps, """{"site_id":"garage"}""");

        foreach (var words in new[] { new[] { "quarantine", "list" }, ["quarantine", "show", $"{id}"], ["events", "list"] })
        {
            var shown = await RunAsync(database, words);
            Assert.Equal(0, shown.ExitCode);
            Assert.All(shown.Output.Split('\n'), line => Assert.True(line.Length <= 80, line));
            Assert.Contains("inverter-1", shown.Output, StringComparison.Ordinal);
        }

        var list = JsonDocument.Parse((await RunAsync(database, "quarantine", "list", "--json")).Output).RootElement;
        Assert.Equal(
            ["SITE_MISMATCH", "CONFLICTING_SAMPLE"], list.EnumerateArray().Select(row => row.GetProperty("code").GetString()));
        Assert.Equal(JsonValueKind.Null, list[0].GetProperty("ts").ValueKind);
        var show = JsonDocument.Parse((await RunAsync(database, "quarantine", "show", $"{id}", "--json")).Output).RootElement;
        Assert.Equal(801, show.GetProperty("payload").GetProperty("load_power_w").GetDouble());
        Assert.Equal(800.25, show.GetProperty("stored").GetProperty("load_power_w").GetDouble());
        var events = JsonDocument.Parse((await RunAsync(database, "events", "list", "--json")).Output).RootElement;
        Assert.Equal(["BATCH", "BATCH"], events.EnumerateArray().Select(row => row.GetProperty("kind").GetString()));
        Assert.Equal(1, events[0].GetProperty("conflicts").GetInt64());
        var last = $"{events[0].GetProperty("id").GetInt64()}";
        Assert.Contains(Second.ToString(), (await RunAsync(database, "events", "show", last)).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "--limit is '0'; allowed is 1 .. 10000.", "quarantine", "list", "--limit", "0")]
    [InlineData(2, "Required argument missing for command: 'release'", "quarantine", "release")]
    [InlineData(2, "'x' is no id; allowed are numbers, as listed.", "quarantine", "release", "1", "x")]
    [InlineData(2, "Required argument missing for command: 'drop'", "quarantine", "drop", "--Storage:Timescale=Off")]
    [InlineData(2, "Required argument missing for command: 'show'", "events", "show", "--INGEST_API_KEY=secret")]
    [InlineData(1, "7 is not in quarantine. See: sungrow-vps quarantine list --all", "quarantine", "show", "7")]
    [InlineData(1, "There is no event 7", "events", "show", "7")]
    [InlineData(1, "There is no event 7", "events", "show", "--BATCH_SIZE=5000", "7")]
    public async Task What_cannot_be_is_one_sentence(int exitCode, string sentence, params string[] words)
    {
        var database = await databases.CreateAsync();
        await using var vps = await VpsServer.StartAsync(database);

        var answer = await RunAsync(database, words);

        Assert.Equal(exitCode, answer.ExitCode);
        Assert.Contains(sentence, answer.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", answer.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", answer.Output, StringComparison.Ordinal);
    }

    private static SungrowSample Refused() => Series.Sample(1) with { LoadPowerW = 801 };

    /// <returns>The id of what is in quarantine.</returns>
    private static async Task<long> ConflictAsync(VpsServer vps)
    {
        Assert.Equal(new(3, 0, 0), (await vps.IngestAsync(Series.Numbered(First, 0 + 1, Series.Samples(3)))).Counts());
        Assert.Equal(new(0, 0, 1), (await vps.IngestAsync(Series.Numbered(Second, 7, [Refused()]))).Counts());
        return await vps.AskAsync<long>("SELECT id FROM quarantine");
    }

    private static async Task TelemetryAsync(VpsServer vps, string body)
    {
        var answer = await vps.PostAsync(
            "/v1/tenants/default/devices/inverter-1/telemetry", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.Forbidden, answer.Status);
    }

    private static Task<(int ExitCode, string Output)> RunAsync(string database, params string[] words) => RunAsync(database, [], words);

    private static async Task<(int ExitCode, string Output)> RunAsync(string database, string[] settings, params string[] words)
    {
        await using var command = ProgramProcess.StartOurs(
            "sungrow-vps", [.. words, .. settings], new Dictionary<string, string?> { ["DATABASE_URL"] = database });
        return (await command.ExitCodeAsync(), command.Output);
    }
}
