using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Npgsql;
using Xunit;
using static Sungrow.Vps.Tests.Shelly.QueueWorker;

namespace Sungrow.Vps.Tests.Shelly;

public class IngestBatchTests(Databases databases)
{
    [Fact]
    public async Task Without_the_key_or_with_a_wrong_one_nobody_is_let_in()
    {
        await using var vps = await StartAsync();

        Assert.Equal((HttpStatusCode.Unauthorized, "API_KEY_MISSING"), await CodeAsync(vps.ShellyAsync(Batch(Message()), key: null)));
        Assert.Equal((HttpStatusCode.Unauthorized, "API_KEY_MISSING"), await CodeAsync(vps.ShellyAsync(Batch(Message()), key: "")));
        foreach (var wrong in new[] { "wrong", Key + "x", Key[..^1], Key.ToUpperInvariant(), VpsServer.Token })
        {
            var refused = await vps.ShellyAsync(Batch(Message()), wrong);
            Assert.Equal((HttpStatusCode.Unauthorized, "API_KEY_INVALID"), (refused.Status, refused.Code));
            Assert.DoesNotContain(Key, refused.Body, StringComparison.Ordinal);
        }

        Assert.Equal(0, await vps.CountAsync("power_logs"));
        Assert.Equal("1 0 0 1 1", await vps.ShellyAsync(Message()).CountsAsync());
    }

    [Fact]
    public async Task Who_guesses_keys_is_slowed_down_and_the_right_one_is_not()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(), Setting, "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=2");

        Assert.Equal("API_KEY_INVALID", (await vps.ShellyAsync(Batch(Message()), "one")).Code);
        Assert.Equal("API_KEY_INVALID", (await vps.ShellyAsync(Batch(Message()), "two")).Code);
        var third = await vps.ShellyAsync(Batch(Message()), "three");
        Assert.Equal(((HttpStatusCode)429, "RATE_LIMITED"), (third.Status, third.Code));
        Assert.Equal("1 0 0 1 1", await vps.ShellyAsync(Message()).CountsAsync());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    public async Task Without_a_configured_key_the_server_says_so(string? key)
    {
        var database = await databases.CreateAsync();
        await using var vps = await VpsServer.StartAsync(database, key is null ? [] : [$"--INGEST_API_KEY={key}"]);

        Assert.Equal(
            (HttpStatusCode.InternalServerError, "INGEST_API_KEY_NOT_CONFIGURED"), await CodeAsync(vps.ShellyAsync(Message())));
    }

    [Fact]
    public async Task A_key_that_no_header_can_carry_stops_the_start()
    {
        var refused = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(
            async () => await VpsServer.StartAsync(await databases.CreateAsync(), "--INGEST_API_KEY=mit Leerzeichen"));

        Assert.Equal(
            "INGEST_API_KEY: it cannot be sent in a header; allowed is 1 to 256 visible ASCII characters.", Assert.Single(refused.Failures));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task One_message_is_stored_and_the_same_again_is_a_duplicate(Kind kind)
    {
        await using var vps = await StartAsync(kind);
        var message = Message("shellyplus1pm-a8032abe54dc", 61.25, "\"apower\":60.5,\"voltage\":230.1,\"current\":0.26");

        var answer = await vps.ShellyAsync(message);

        Assert.Equal(
            ["inserted", "duplicates", "errors", "total_messages", "devices", "processing_time"],
            answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal("1 0 0 1 1", await Task.FromResult(answer).CountsAsync());
        Assert.Equal("0 1 0 1 1", await vps.ShellyAsync(message).CountsAsync());
        Assert.Equal(
            $"shellyplus1pm-a8032abe54dc 0 60.5 230.1 0.26 {Start + 61}.25 {Start + 60} shellyplus1pm-a8032abe54dc_0_{(Start / 60) + 1}",
            await vps.AskAsync<string>(
                """
                SELECT string_agg(concat_ws(' ', device_id, channel, power, voltage, current, trim_scale(extract(epoch FROM "timestamp")),
                                            extract(epoch FROM minute)::bigint, idempotency_key), '|')
                FROM power_logs
                """));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task A_hundred_messages_are_counted_right(Kind kind)
    {
        await using var vps = await StartAsync(kind);
        // Ten devices, ten minutes.
        var messages = Enumerable.Range(0, 100).Select(i => Message($"plug-{i % 10}", 60 * (i / 10))).ToArray();

        Assert.Equal("30 0 0 30 10", await vps.ShellyAsync(messages[..30]).CountsAsync());
        Assert.Equal("70 30 0 100 10", await vps.ShellyAsync(messages).CountsAsync());
        Assert.Equal("0 100 0 100 10", await vps.ShellyAsync(messages).CountsAsync());
        Assert.Equal(100, await vps.CountAsync("power_logs"));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task What_looks_new_and_is_there_already_is_stored_once_all_the_same(Kind kind)
    {
        await using var vps = await StartAsync(kind);
        var messages = Enumerable.Range(0, 70).Select(i => Message($"plug-{i % 7}", 60 * (i / 7), "\"apower\":5,\"voltage\":230")).ToArray();
        Assert.Equal("60 0 0 60 7", await vps.ShellyAsync(messages[..60]).CountsAsync());

        await vps.ExecuteAsync("DELETE FROM loads"); // As after a clock that was ahead: nobody knows how far the readings go.

        Assert.Equal("10 60 0 70 7", await vps.ShellyAsync(messages).CountsAsync());
        Assert.Equal((70L, 7L), (await vps.CountAsync("power_logs"), await vps.CountAsync("loads WHERE power_w = 5")));
        Assert.Equal(70, await vps.AskAsync<long>("SELECT count(*) FROM power_logs WHERE voltage = 230 AND current IS NULL AND \"timestamp\" = minute"));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task Four_channels_come_in_one_message_and_other_things_are_passed_over(Kind kind)
    {
        await using var vps = await StartAsync(kind);

        Assert.Equal("4 0 0 1 1", await vps.ShellyAsync(FourChannels("pro4pm")).CountsAsync());
        Assert.Equal(
            "1 0 0 2 2",
            await vps.ShellyAsync(
                Of("other", 0, """
                {"switch:4":{"apower":1},"switch:00":{"apower":1},"Switch:0":{"apower":1},"switch:0":[1],"switch:1":{"output":true,"voltage":"x"},
                 "switch:2":null,"switch:3":{"apower":3,"output":true,"aenergy":{"total":1,"by_minute":[0,0,0]} },"sys":{"apower":1},"ts":1}
                """),
                """{"timestamp":TS,"extra":[{"src":"x"}],"src":"  third  ","id":7}""".Replace("TS", $"{Start}", StringComparison.Ordinal)).CountsAsync());
        Assert.Equal(
            "other 3 3|pro4pm 0 0.5|pro4pm 1 1.5|pro4pm 2 2.5|pro4pm 3 3.5",
            await vps.AskAsync<string>(
                "SELECT string_agg(concat_ws(' ', device_id, channel, power), '|' ORDER BY device_id, channel) FROM power_logs"));
    }

    [Fact]
    public async Task Too_many_messages_and_none_are_refused_and_a_thousand_are_not()
    {
        await using var vps = await StartAsync();
        var messages = Enumerable.Range(0, 1001).Select(i => FourChannels($"plug-{i}")).ToArray();

        foreach (var body in new[] { Batch(messages), Batch(), Json("{}"), Json("[]"), Json("""{"messages":null}"""), Json("""{"messages":{"src":"a"}}""") })
        {
            var refused = await vps.ShellyAsync(body);
            Assert.Equal((HttpStatusCode.UnprocessableEntity, "INVALID_MESSAGES"), (refused.Status, refused.Code));
            Assert.Equal("messages", Assert.Single(refused.Json.GetProperty("errors").EnumerateObject()).Name);
        }

        Assert.Equal("4000 0 0 1000 1000", await vps.ShellyAsync(messages[..1000]).CountsAsync());
        Assert.Equal("0 4000 0 1000 1000", await vps.ShellyAsync(messages[..1000]).CountsAsync());
    }

    public static TheoryData<string, string, string> BadMessages => new()
    {
        { """{"timestamp":TS}""", "src", "REQUIRED" },
        { """{"src":null,"timestamp":TS}""", "src", "OUT_OF_RANGE" },
        { """{"src":"","timestamp":TS}""", "src", "OUT_OF_RANGE" },
        { """{"src":"  \t ","timestamp":TS}""", "src", "OUT_OF_RANGE" },
        { """{"src":5,"timestamp":TS}""", "src", "OUT_OF_RANGE" },
        { """{"src":{"a":1},"timestamp":TS}""", "src", "OUT_OF_RANGE" },
        { """{"src":"a\u0000b","timestamp":TS}""", "src", "OUT_OF_RANGE" },
        { """{"src":"\ud800","timestamp":TS}""", "src", "OUT_OF_RANGE" },
        { """{"src":"LONG","timestamp":TS}""", "src", "OUT_OF_RANGE" },
        { """{"src":"a","src":"b","timestamp":TS}""", "src", "DUPLICATE_MEMBER" },
        { """{"src":"a"}""", "timestamp", "REQUIRED" },
        { """{"src":"a","timestamp":null}""", "timestamp", "REQUIRED" },
        { """{"src":"a","timestamp":"TS"}""", "timestamp", "OUT_OF_RANGE" },
        { """{"src":"a","timestamp":0}""", "timestamp", "OUT_OF_RANGE" },
        { """{"src":"a","timestamp":-1}""", "timestamp", "OUT_OF_RANGE" },
        { """{"src":"a","timestamp":1e999}""", "timestamp", "OUT_OF_RANGE" },
        { """{"src":"a","timestamp":TS000}""", "timestamp", "OUT_OF_RANGE" }, // Milliseconds.
        { """{"src":"a","timestamp":TOMORROW}""", "timestamp", "OUT_OF_RANGE" },
        { """{"src":"a","timestamp":0,"params":{"ts":TS}}""", "timestamp", "OUT_OF_RANGE" },
        { """{"src":"a","timestamp":TS,"params":{},"params":{}}""", "params", "DUPLICATE_MEMBER" },
    };

    [Theory]
    [MemberData(nameof(BadMessages))]
    public async Task A_bad_message_is_named_and_nothing_is_stored(string message, string member, string code)
    {
        await using var vps = await StartAsync();
        message = message.Replace("TS", $"{Start}", StringComparison.Ordinal).Replace("LONG", new string('x', 129), StringComparison.Ordinal)
            .Replace("TOMORROW", $"{TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + 86_400 + 120}", StringComparison.Ordinal);

        var refused = await vps.ShellyAsync(Message(), message);

        Assert.Equal((HttpStatusCode.UnprocessableEntity, "INVALID_MESSAGES"), (refused.Status, refused.Code));
        var error = Assert.Single(refused.Json.GetProperty("errors").EnumerateObject());
        Assert.Equal(($"messages[1].{member}", code), (error.Name, error.Value[0].GetProperty("code").GetString()));
        Assert.Equal((0L, 0L), (await vps.CountAsync("power_logs"), await vps.CountAsync("loads")));
    }

    [Fact]
    public async Task Almost_a_day_ahead_passes_and_each_bad_message_is_listed()
    {
        await using var vps = await StartAsync();
        var ahead = Message("a", TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - Start + 86_400 - 120);

        Assert.Equal("1 0 0 1 1", await vps.ShellyAsync(ahead).CountsAsync());
        var refused = await vps.ShellyAsync(ahead, "5", """{"src":""}""");
        Assert.Equal(
            ["messages[1]", "messages[2].src", "messages[2].timestamp"],
            refused.Json.GetProperty("errors").EnumerateObject().Select(error => error.Name));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task A_minute_ends_with_its_last_second_and_several_messages_of_it_count_once(Kind kind)
    {
        await using var vps = await StartAsync(kind);

        Assert.Equal(
            "2 0 0 5 1",
            await vps.ShellyAsync(
                Message("plug", 59.999999, "\"apower\":3"), Message("plug", 0, "\"apower\":1"), Message("plug", 60, "\"apower\":4"),
                Message("plug", 30, "\"apower\":2"), Message("plug", 119.5, "\"apower\":5")).CountsAsync());
        Assert.Equal("0 2 0 2 1", await vps.ShellyAsync(Message("plug", 59), Message("plug", 60)).CountsAsync());
        Assert.Equal("1 0 0 1 1", await vps.ShellyAsync(Message("plug", -0.000001)).CountsAsync());
        Assert.Equal("60.5 1 4", await vps.AskAsync<string>("SELECT string_agg(power::text, ' ' ORDER BY minute) FROM power_logs"));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task The_database_itself_holds_the_minute_and_its_key(Kind kind)
    {
        await using var vps = await StartAsync(kind);
        await vps.ShellyAsync(Message("plug"));

        var outside = await Assert.ThrowsAsync<PostgresException>(
            () => vps.ExecuteAsync("INSERT INTO power_logs (device_id, channel, power, \"timestamp\", minute) VALUES ('a', 0, 1, now(), now() - interval '1 minute')"));
        Assert.Equal(PostgresErrorCodes.CheckViolation, outside.SqlState);
        var twice = await Assert.ThrowsAsync<PostgresException>(() => vps.ExecuteAsync(
            "INSERT INTO power_logs (device_id, channel, power, \"timestamp\", minute, idempotency_key) SELECT device_id, 0, 9, \"timestamp\", minute, idempotency_key FROM power_logs"));
        Assert.Equal(PostgresErrorCodes.UniqueViolation, twice.SqlState);
        Assert.Equal(
            "idx_power_logs_idempotency,idx_power_logs_timestamp",
            await vps.AskAsync<string>("SELECT string_agg(indexname, ',' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'power_logs'"));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task The_same_batch_from_many_at_once_on_two_replicas_is_stored_once(Kind kind)
    {
        var database = await databases.CreateAsync(kind);
        await using var one = await VpsServer.StartAsync(database, Setting);
        await using var other = await VpsServer.StartAsync(database, Setting);
        var messages = Enumerable.Range(0, 200).Select(i => FourChannels($"plug-{i % 20}", 60 * (i / 20))).ToArray();
        var reversed = messages.Reverse().ToArray();

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(i =>
            (i % 2 == 0 ? one : other).ShellyAsync(i % 3 == 0 ? messages : reversed)));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        Assert.Equal(800, answers.Sum(answer => answer.Json.GetProperty("inserted").GetInt32()));
        Assert.Equal(11 * 800, answers.Sum(answer => answer.Json.GetProperty("duplicates").GetInt32()));
        Assert.Equal((800L, 80L, 20L), (await one.CountAsync("power_logs"), await one.CountAsync("loads"), await one.CountAsync("load_devices")));
    }

    [Fact]
    public async Task A_bad_reading_is_counted_and_in_quarantine_and_the_others_are_stored()
    {
        await using var vps = await StartAsync();
        var message = Of("plug", 5, """
            {"switch:0":{"apower":1e999},"switch:1":{"apower":1,"voltage":"230"},"switch:2":{"apower":2},"switch:3":{"voltage":1,"apower":true,"current":2}}
            """);

        Assert.Equal("2 0 3 2 2", await vps.ShellyAsync(message, Message("good")).CountsAsync());
        Assert.Equal("0 2 3 2 2", await vps.ShellyAsync(message, Message("good")).CountsAsync());

        Assert.Equal(
            """
            INVALID_READING plug 0 {"apower":1e999}|INVALID_READING plug 1 {"apower":1,"voltage":"230"}|INVALID_READING plug 3 {"voltage":1,"apower":true,"current":2}
            """,
            await vps.AskAsync<string>(
                """
                SELECT string_agg(concat_ws(' ', code, device_id, payload->>'channel', payload->>'text'), '|' ORDER BY payload->>'channel')
                FROM quarantine
                """));
        Assert.Equal(Start + 5, await vps.AskAsync<decimal>("SELECT DISTINCT extract(epoch FROM ts) FROM quarantine"));
        Assert.Equal("0 0 1 1 1", await vps.ShellyAsync(Message("bad", 0, "\"apower\":[1]")).CountsAsync());
        Assert.Equal(0, await vps.AskAsync<long>("SELECT count(*) FROM load_devices WHERE device_id = 'bad'"));
    }

    [Fact]
    public async Task A_null_is_as_good_as_absent()
    {
        await using var vps = await StartAsync();

        Assert.Equal("0 0 0 1 1", await vps.ShellyAsync(Message("plug", 0, "\"apower\":null,\"voltage\":\"x\"")).CountsAsync());
        Assert.Equal("1 0 0 1 1", await vps.ShellyAsync(Message("plug", 0, "\"apower\":-3,\"voltage\":null")).CountsAsync());
        Assert.Equal(1, await vps.AskAsync<long>("SELECT count(*) FROM power_logs WHERE voltage IS NULL AND current IS NULL AND power = -3"));
    }

    [Fact]
    public async Task Quarantine_of_readings_is_bounded()
    {
        await using var vps = await StartAsync();
        await vps.ExecuteAsync(
            """
            INSERT INTO quarantine (device_id, ts, code, payload_hash, payload)
            SELECT 'plug', now(), 'INVALID_READING', int4send(i), '{}' FROM generate_series(1, 1000) AS i
            """);
        const string kept = "SELECT count(payload) || ' of ' || count(*) FROM quarantine WHERE device_id = 'plug'";

        await vps.ShellyAsync(Message("plug", 0, "\"apower\":\"" + new string('9', 5000) + "\""));
        Assert.Equal("1000 of 1001", await vps.AskAsync<string>(kept));
        Assert.Equal(1024, await vps.AskAsync<int>("SELECT max(length(payload->>'text')) FROM quarantine"));

        await vps.ExecuteAsync(
            "INSERT INTO quarantine (device_id, ts, code, payload_hash) SELECT 'plug', now(), 'INVALID_READING', int4send(-i) FROM generate_series(1, 8999) AS i");
        Assert.Equal("0 0 2 2 2", await vps.ShellyAsync(Message("plug", 60, "\"apower\":\"a\""), Message("other", 60, "\"apower\":\"a\"")).CountsAsync());
        Assert.Equal("1000 of 10000", await vps.AskAsync<string>(kept));
        Assert.Equal(1, await vps.AskAsync<long>("SELECT count(*) FROM quarantine WHERE device_id = 'other'"));
    }

    [Fact]
    public async Task Bodies_are_bounded_and_may_be_packed()
    {
        await using var vps = await StartAsync();
        Assert.Equal("UNSUPPORTED_MEDIA_TYPE", (await vps.ShellyAsync(new StringContent("{}"))).Code);
        Assert.Equal("MALFORMED_BODY", (await vps.ShellyAsync(Json("{\"messages\":["))).Code);
        Assert.Equal("MALFORMED_BODY", (await vps.ShellyAsync(Json("{\"messages\":[]}]"))).Code);
        Assert.Equal("MALFORMED_BODY", (await vps.ShellyAsync(Batch(Message("plug", 0, "\"apower\":NaN")))).Code);
        Assert.Equal("PAYLOAD_TOO_LARGE", (await vps.ShellyAsync(Packed(new byte[5 * 1024 * 1024]))).Code);
        Assert.Equal("MALFORMED_BODY", (await vps.ShellyAsync(Packed([], "{}"u8.ToArray()))).Code);

        Assert.Equal("1 0 0 1 1", await vps.ShellyAsync(Packed(Encoding.UTF8.GetBytes($$"""{"messages":[{{Message()}}]}"""))).CountsAsync());
    }

    [Fact]
    public async Task Shellys_own_status_message_is_accepted_as_its_documentation_shows_it()
    {
        await using var vps = await StartAsync();
        // Gen2 API, General / Notifications and Components / Switch. The first two say nothing of power, the third does.
        const string frames = """
            {"src":"shellypro4pm-f008d1d8b8b8","dst":"user_1","method":"NotifyStatus",
             "params":{"ts":1631186545.04,"switch:0":{"id":0,"output":true,"source":"button"}}},
            {"src":"shellypro4pm-f008d1d8b8b8","dst":"user_1","method":"NotifyStatus",
             "params":{"ts":1624348482.25,"cloud":{"connected":false}}},
            {"src":"shellypro4pm-f008d1d8b8b8","dst":"user_1","method":"NotifyStatus",
             "params":{"ts":1631186605.04,"switch:0":{"id":0,"source":"timer","output":true,"timer_started_at":1626935739.79,"timer_duration":60,
              "apower":8.9,"voltage":237.5,"pf":0.87,"current":0.043,"aenergy":{"total":6.532,"by_minute":[45.199,47.141,88.397],"minute_ts":1626935779},
              "temperature":{"tC":23.5,"tF":74.4}}}}
            """;

        Assert.Equal("1 0 0 3 1", await vps.ShellyAsync(Batch(frames)).CountsAsync());
        Assert.Equal("0 1 0 3 1", await vps.ShellyAsync(Batch(frames)).CountsAsync());
        Assert.Equal(
            "8.9 237.5 0.043 1631186605.04",
            await vps.AskAsync<string>(
                "SELECT concat_ws(' ', power, voltage, current, trim_scale(extract(epoch FROM \"timestamp\"))) FROM power_logs"));
    }

    private static ByteArrayContent Packed(byte[] body, byte[]? instead = null)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
        {
            gzip.Write(body);
        }

        return new(instead ?? packed.ToArray())
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/json"), ContentEncoding = { "gzip" } },
        };
    }

    private static async Task<(HttpStatusCode, string?)> CodeAsync(Task<Answer> asked)
    {
        var answer = await asked;
        return (answer.Status, answer.Code);
    }

    private async Task<VpsServer> StartAsync(Kind kind = Kind.Plain) => await VpsServer.StartAsync(await databases.CreateAsync(kind), Setting);
}
