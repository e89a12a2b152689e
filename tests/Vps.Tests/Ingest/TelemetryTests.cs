using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Ingest;

public class TelemetryTests(Databases databases)
{
    private const string Path = "/v1/tenants/default/devices/inverter-1/";

    private static readonly string Ts = Rfc3339.Write(Series.Start);

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task Telemetry_and_heartbeat_are_stored_once_each_and_counted(Kind kind)
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(kind));

        Assert.Equal((HttpStatusCode.OK, """{"inserted":1,"duplicates":0}"""), await PostAsync(vps, "telemetry", Body()));
        Assert.Equal((HttpStatusCode.OK, """{"inserted":0,"duplicates":1}"""), await PostAsync(vps, "telemetry", Body()));
        Assert.Equal((HttpStatusCode.OK, """{"inserted":1,"duplicates":0}"""), await PostAsync(vps, "heartbeat", Body("{}")));
        Assert.Equal((HttpStatusCode.OK, """{"inserted":0,"duplicates":1}"""), await PostAsync(vps, "heartbeat", Body("{}")));

        Assert.Equal(
            """heartbeat default {}|telemetry default {"power_w": 12.5}""",
            await vps.AskAsync<string>("SELECT string_agg(type || ' ' || site_id || ' ' || metrics, '|' ORDER BY type) FROM telemetry"));
        Assert.Equal(0, await vps.CountAsync("quarantine"));
        Assert.Equal(1, await vps.AskAsync<long>("SELECT count(*) FROM devices WHERE last_seen IS NOT NULL AND device_id = 'inverter-1'"));
    }

    [Fact]
    public async Task Telemetry_is_a_hypertable_and_a_duplicate_is_found_in_a_compressed_chunk()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale), "--Storage:Timescale=Required");
        await PostAsync(vps, "telemetry", Body());
        Assert.Equal(
            TimeSpan.FromDays(7),
            await vps.AskAsync<TimeSpan>(
                "SELECT time_interval FROM timescaledb_information.dimensions WHERE hypertable_name = 'telemetry'"));
        Assert.Equal(
            "policy_compression,policy_retention",
            await vps.AskAsync<string>(
                "SELECT string_agg(proc_name, ',' ORDER BY proc_name) FROM timescaledb_information.jobs WHERE hypertable_name = 'telemetry'"));

        await vps.ExecuteAsync("SELECT compress_chunk(chunk) FROM show_chunks('telemetry') AS chunk");

        Assert.Equal("""{"inserted":0,"duplicates":1}""", (await PostAsync(vps, "telemetry", Body())).Body);
        Assert.Equal("""{"inserted":0,"duplicates":1}""", (await PostAsync(vps, "telemetry", Body("""{"power_w":13}"""))).Body);
        Assert.Equal(1, await vps.CountAsync("telemetry"));
        Assert.Equal("CONFLICTING_TELEMETRY", await vps.AskAsync<string>("SELECT code FROM quarantine"));
    }

    [Fact]
    public async Task The_same_key_with_other_metrics_is_a_duplicate_and_its_metrics_are_in_quarantine_once()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync());
        await PostAsync(vps, "telemetry", Body());

        for (var i = 0; i < 2; i++)
        {
            Assert.Equal("""{"inserted":0,"duplicates":1}""", (await PostAsync(vps, "telemetry", Body("""{"power_w":13}"""))).Body);
        }

        Assert.Equal(
            """CONFLICTING_TELEMETRY {"site_id":"default","ts":"TS","metrics":{"power_w":13}}""".Replace("TS", Ts, StringComparison.Ordinal),
            await vps.AskAsync<string>("SELECT string_agg(code || ' ' || (payload->>'body'), '|') FROM quarantine"));
    }

    [Fact]
    public async Task Many_at_once_with_one_key_on_two_replicas_insert_one()
    {
        var database = await databases.CreateAsync();
        await using var one = await VpsServer.StartAsync(database);
        await using var other = await VpsServer.StartAsync(database);

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 40).Select(i => PostAsync(i % 2 == 0 ? one : other, "telemetry", Body())));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        Assert.Single(answers, answer => answer.Body.Contains("\"inserted\":1", StringComparison.Ordinal));
        Assert.Equal((1L, 0L), (await one.CountAsync("telemetry"), await one.CountAsync("quarantine")));
    }

    [Fact]
    public async Task Refused_telemetry_of_an_authenticated_device_is_kept_as_it_came_and_nobody_elses()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync());
        var refused = Body("""{"power_w":1e999}""");
        const string noTime = """{"site_id":"default","metrics":{"a":1}, "note":"\u0000"}""";

        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(vps, "telemetry", refused)).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(vps, "telemetry", refused)).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(vps, "telemetry", noTime)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await PostAsync(vps, "telemetry", Body(site: "elsewhere"))).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await PostAsync(vps, "telemetry", refused, token: "wrong")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await PostAsync(vps, "telemetry", refused, token: null)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await PostAsync(vps, "telemetry", refused, token: "device-2")).Status);

        Assert.Equal(
            $"INVALID_TELEMETRY {refused}|INVALID_TELEMETRY {noTime}|SITE_MISMATCH {Body(site: "elsewhere")}",
            await vps.AskAsync<string>("SELECT string_agg(code || ' ' || (payload->>'body'), '|' ORDER BY id) FROM quarantine"));
        Assert.Equal(1, await vps.AskAsync<long>("SELECT count(*) FROM quarantine WHERE ts = '-infinity'"));

        await vps.Services.GetRequiredService<Refusals>().FlushAsync(TestContext.Current.CancellationToken);
        Assert.Equal(
            "TOKEN_INVALID 2|TOKEN_MISSING 1",
            await vps.AskAsync<string>(
                """
                SELECT string_agg(code || ' ' || count, '|' ORDER BY code)
                FROM (SELECT code, sum(count) AS count FROM refusals GROUP BY code) AS sums
                """));
    }

    [Theory]
    [InlineData("/v1/tenants/nobody/devices/inverter-1/telemetry")]
    [InlineData("/v1/tenants/default/devices/nobody/telemetry")]
    [InlineData("/v1/tenants/default/devices/in%20verter/telemetry")]
    [InlineData("/v1/tenants/default/devices/%00/heartbeat")]
    [InlineData("/v1/tenants/%ff%fe/devices/inverter-1/heartbeat")]
    public async Task Nobody_is_registered_where_the_address_names_nobody(string path)
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync());

        var answer = await vps.PostAsync(path, Json(Body()));

        // A NUL in an address the web server itself refuses, and says nothing.
        Assert.True(
            answer.Status == HttpStatusCode.BadRequest ? answer.Body.Length == 0
                : (answer.Status, answer.Code) == (HttpStatusCode.Unauthorized, "UNREGISTERED_DEVICE"),
            $"{answer.Status}: {answer.Body}");
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused_before_anybody_is_asked_for_a_token()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync());

        Assert.Equal("PAYLOAD_TOO_LARGE", (await vps.PostAsync(Path + "telemetry", Json(new string(' ', 70_000)), token: null)).Code);
        var chunked = new StreamContent(new MemoryStream(new byte[70_000])) { Headers = { { "Content-Type", "application/json" } } };
        Assert.Equal("PAYLOAD_TOO_LARGE", (await vps.PostAsync(Path + "telemetry", chunked, token: null)).Code);
        var text = new StringContent(new string(' ', 70_000), Encoding.UTF8, "text/plain");
        Assert.Equal("PAYLOAD_TOO_LARGE", (await vps.PostAsync(Path + "telemetry", text, token: null)).Code);
        Assert.Equal("TOKEN_MISSING", (await vps.PostAsync(Path + "telemetry", new StringContent("{}"), token: null)).Code);
        Assert.Equal("UNSUPPORTED_MEDIA_TYPE", (await vps.PostAsync(Path + "telemetry", new StringContent("{}"))).Code);
    }

    [Fact]
    public async Task A_revoked_device_is_refused_and_leaves_nothing()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync());
        await vps.ExecuteAsync("UPDATE devices SET status = 'REVOKED'");

        Assert.Equal("DEVICE_REVOKED", (await vps.PostAsync(Path + "telemetry", Json(Body()))).Code);
        Assert.Equal((0L, 0L), (await vps.CountAsync("telemetry"), await vps.CountAsync("quarantine")));
    }

    [Fact]
    public async Task Who_asks_too_often_is_told_so_and_fills_no_quarantine()
    {
        await using var vps = await VpsServer.StartAsync(
            await databases.CreateAsync(), "--RATE_LIMIT_REQUESTS_PER_SECOND=0.001", "--RATE_LIMIT_BURST_REQUESTS=3");

        Assert.Equal("SITE_MISMATCH", (await vps.PostAsync(Path + "telemetry", Json(Body(site: "elsewhere")))).Code);
        Assert.Equal("INVALID_TELEMETRY", (await vps.PostAsync(Path + "telemetry", Json(Body("5")))).Code);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(vps, "telemetry", Body())).Status);

        var answer = await vps.PostAsync(Path + "telemetry", Json(Body()));
        Assert.Equal(((HttpStatusCode)429, "RATE_LIMITED"), (answer.Status, answer.Code));
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal("SITE_MISMATCH", (await vps.PostAsync(Path + "telemetry", Json(Body(site: "a third")))).Code);
        Assert.Equal(2, await vps.CountAsync("quarantine"));
    }

    [Fact]
    public async Task A_device_that_is_not_registered_registers_itself_where_that_is_switched_on()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(), "--AUTO_PROVISION=true");
        const string plug = "/v1/tenants/default/devices/plug-1/telemetry";

        Assert.Equal("UNREGISTERED_DEVICE", (await vps.PostAsync(plug, Json(Body(site: "elsewhere")), "secret")).Code);
        Assert.Equal("UNREGISTERED_DEVICE", (await vps.PostAsync("/v1/tenants/nobody/devices/plug-1/telemetry", Json(Body()), "secret")).Code);
        Assert.Equal("UNREGISTERED_DEVICE", (await vps.PostAsync(plug, Json(Body()), VpsServer.Token)).Code); // Another device's.
        Assert.Equal("UNREGISTERED_DEVICE", (await vps.PostAsync(plug, Json(Body()), "viewer")).Code);
        Assert.Equal("TOKEN_MISSING", (await vps.PostAsync(plug, Json(Body()), token: null)).Code);
        Assert.Equal(0, await vps.AskAsync<long>("SELECT count(*) FROM devices WHERE device_id = 'plug-1'"));

        Assert.Equal(HttpStatusCode.OK, (await vps.PostAsync(plug, Json(Body()), "secret")).Status);
        Assert.Equal(HttpStatusCode.OK, (await vps.PostAsync(plug, Json(Body()), "secret")).Status);
        Assert.Equal("TOKEN_INVALID", (await vps.PostAsync(plug, Json(Body()), "another")).Code);
        Assert.Equal(
            Convert.ToHexStringLower(Tokens.Digest("secret")),
            await vps.AskAsync<string>("SELECT encode(digest, 'hex') FROM device_tokens WHERE device_id = 'plug-1'"));
        Assert.Equal(
            "UNREGISTERED_DEVICE", (await vps.PostAsync("/v1/tenants/default/devices/plug-2/telemetry", Json(Body()), "secret")).Code);
    }

    [Fact]
    public async Task Of_two_that_register_one_device_at_once_on_two_replicas_one_has_its_token()
    {
        var database = await databases.CreateAsync();
        string[] settings = ["--AUTO_PROVISION=true", "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=0"];
        await using var one = await VpsServer.StartAsync(database, settings);
        await using var other = await VpsServer.StartAsync(database, settings);
        const string plug = "/v1/tenants/default/devices/plug-1/heartbeat";

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? one : other).PostAsync(plug, Json(Body("{}")), $"token-{i % 2}")));

        Assert.Equal(1, await one.AskAsync<long>("SELECT count(*) FROM device_tokens WHERE device_id = 'plug-1'"));
        Assert.Equal(10, answers.Count(answer => answer.Status == HttpStatusCode.OK));
        Assert.All(answers.Where(answer => answer.Status != HttpStatusCode.OK), answer =>
            Assert.Contains(answer.Code, new[] { "TOKEN_INVALID", "UNREGISTERED_DEVICE" }));
    }

    [Fact]
    public async Task Without_a_required_token_a_known_device_needs_none_and_a_wrong_one_is_still_refused()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(), "--REQUIRE_TOKEN=false");

        Assert.Equal(HttpStatusCode.OK, (await PostAsync(vps, "telemetry", Body(), token: null)).Status);
        Assert.Equal("TOKEN_INVALID", (await vps.PostAsync(Path + "telemetry", Json(Body()), "wrong")).Code);
        Assert.Equal("INVALID_TELEMETRY", (await vps.PostAsync(Path + "telemetry", Json(Body("5")), token: null)).Code);
        Assert.Equal(0, await vps.CountAsync("quarantine"));
    }

    [Fact]
    public async Task Over_the_bound_the_oldest_payloads_go_and_over_the_next_one_no_more_keys_come()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync());
        await vps.ExecuteAsync(
            $$"""
            INSERT INTO quarantine (device_id, ts, code, payload_hash, payload)
            SELECT 'inverter-1', now(), 'INVALID_TELEMETRY', int4send(i), '{}' FROM generate_series(1, {{Quarantine.MostTelemetryPayloads}}) AS i
            """);

        await PostAsync(vps, "telemetry", Body("5"));

        const string kept = "SELECT count(payload) || ' of ' || count(*) || ', ' || min(id) FILTER (WHERE payload IS NOT NULL) FROM quarantine";
        Assert.Equal("1000 of 1001, 2", await vps.AskAsync<string>(kept));

        await vps.ExecuteAsync(
            $"""
            INSERT INTO quarantine (device_id, ts, code, payload_hash)
            SELECT 'inverter-1', now(), 'INVALID_TELEMETRY', int4send(-i) FROM generate_series(1, {Quarantine.MostTelemetryKeys - 1001}) AS i
            """);
        await PostAsync(vps, "telemetry", Body("6"));
        Assert.Equal("1000 of 10000, 2", await vps.AskAsync<string>(kept));

        await PostAsync(vps, "telemetry", Body(site: "elsewhere")); // Of another code: one flood hides nothing else.
        Assert.Equal(1, await vps.AskAsync<long>("SELECT count(*) FROM quarantine WHERE code = 'SITE_MISMATCH'"));
    }

    [Fact]
    public async Task Of_conflicts_too_only_the_newest_payloads_are_kept_and_every_key()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync());
        await vps.IngestAsync(Series.Sample(1));
        await vps.ExecuteAsync(
            $$"""
            INSERT INTO quarantine (device_id, ts, code, payload_hash, payload)
            SELECT 'inverter-1', now(), 'CONFLICTING_SAMPLE', int4send(i), '{}' FROM generate_series(1, {{Quarantine.MostSamplePayloads}}) AS i
            """);

        Assert.Equal(1, (await vps.IngestAsync(Series.Sample(1) with { LoadPowerW = 1 })).Counts().Conflicts);

        Assert.Equal(
            "10000 of 10001, 2",
            await vps.AskAsync<string>(
                "SELECT count(payload) || ' of ' || count(*) || ', ' || min(id) FILTER (WHERE payload IS NOT NULL) FROM quarantine"));
    }

    [Fact]
    public async Task Who_shows_no_token_does_not_drain_the_devices_own_bucket()
    {
        await using var vps = await VpsServer.StartAsync(
            await databases.CreateAsync(), "--REQUIRE_TOKEN=false", "--RATE_LIMIT_REQUESTS_PER_SECOND=0.001", "--RATE_LIMIT_BURST_REQUESTS=1");

        Assert.Equal(HttpStatusCode.OK, (await PostAsync(vps, "telemetry", Body(), token: null)).Status);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await PostAsync(vps, "telemetry", Body(), token: null)).Status);

        Assert.Equal(1, (await vps.IngestAsync(Series.Sample(1))).Counts().Inserted);
    }

    [Fact]
    public async Task Two_first_messages_at_once_cost_their_address_no_failure()
    {
        await using var vps = await VpsServer.StartAsync(
            await databases.CreateAsync(), "--AUTO_PROVISION=true", "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=8");

        for (var i = 0; i < 10; i++)
        {
            var (path, token) = ($"/v1/tenants/default/devices/plug-{i}/", Tokens.Issue());
            var answers = await Task.WhenAll(
                new[] { "telemetry", "heartbeat" }.Select(type => vps.PostAsync(path + type, Json(Body()), token)));

            Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        }

        var limits = vps.Services.GetRequiredService<RateLimits>();
        Assert.All(Enumerable.Range(0, 8), _ => Assert.Null(limits.TakeFailure(IPAddress.Loopback)));
    }

    [Fact]
    public async Task A_device_made_by_its_first_message_is_found_though_another_look_up_began_before()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(), "--AUTO_PROVISION=true");
        var token = Tokens.Issue();
        await using var other = await vps.Database.OpenConnectionAsync();
        await using (NpgsqlCommand hold = new("BEGIN; LOCK TABLE devices IN SHARE MODE", other))
        {
            await hold.ExecuteNonQueryAsync();
        }

        var first = vps.PostAsync("/v1/tenants/default/devices/plug-1/telemetry", Json(Body()), token);
        await Until.TrueAsync(
            async () => await vps.CountAsync("pg_locks WHERE NOT granted AND relation = 'devices'::regclass") == 1);
        TaskCompletionSource<RegisteredDevice?> before = new();
        var second = vps.Services.GetRequiredService<DeviceAuthCache>()
            .AskAsync("default", "plug-1", Tokens.Digest(token), () => before.Task, default);
        await other.CloseAsync();

        Assert.Equal(HttpStatusCode.OK, (await first).Status);
        before.SetResult(null);
        Assert.Null(await second);
    }

    private static string Body(string metrics = """{"power_w":12.5}""", string site = "default") =>
        $$"""{"site_id":"{{site}}","ts":"{{Ts}}","metrics":{{metrics}}}""";

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    private static async Task<(HttpStatusCode Status, string Body)> PostAsync(
        VpsServer vps, string type, string body, string? token = VpsServer.Token)
    {
        var answer = await vps.PostAsync(Path + type, Json(body), token);
        return (answer.Status, answer.Body);
    }
}
