using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Fleet;

/// <summary>What another VPS pushes, on the side that takes it.</summary>
public class FleetIngestTests(Databases databases)
{
    [Fact]
    public async Task A_client_has_no_such_route()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());

        Assert.Equal(HttpStatusCode.NotFound, (await PostAsync(server, "any", "sites", "{}")).Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("sites,devices")]
    [InlineData("Sites")]
    public async Task A_batch_of_no_known_type_is_400(string type)
    {
        var (server, token) = await StartAsync();
        await using var _ = server;

        var answer = await PostAsync(server, token, type, "{}");

        Assert.Equal((HttpStatusCode.BadRequest, "BATCH_TYPE_INVALID"), (answer.Status, answer.Code));
    }

    [Theory]
    [InlineData("measurements", "[]")]
    [InlineData("measurements", "{\"measurements\":5}")]
    [InlineData("measurements", "{\"measurements\":[")]
    [InlineData("measurements", "{\"samples\":[]}")]
    [InlineData("measurements", "{\"measurements\":[],\"measurements\":[]}")]
    [InlineData("sites", "{\"devices\":[]}")]
    [InlineData("devices", "nothing")]
    public async Task A_body_that_is_no_batch_is_400_and_an_event(string type, string body)
    {
        var (server, token) = await StartAsync();
        await using var _ = server;

        var answer = await PostAsync(server, token, type, body);

        Assert.Equal((HttpStatusCode.BadRequest, "MALFORMED_BODY"), (answer.Status, answer.Code));
        Assert.Equal(
            $"one {type} 0 0 0 MALFORMED_BODY",
            await server.AskAsync<string>(
                "SELECT concat_ws(' ', customer_id, batch_type, accepted, duplicates, rejected, error) FROM fleet.ingest_events"));
        Assert.Equal(0, await server.CountAsync("fleet.customers WHERE last_seen IS NOT NULL"));
    }

    [Fact]
    public async Task Too_much_is_413()
    {
        var (server, token) = await StartAsync("--MAX_PAYLOAD_BYTES=1048576");
        await using var _ = server;

        var many = await PostAsync(server, token, "sites", $$"""{"sites":[{{string.Join(',', Enumerable.Repeat("{}", 5001))}}]}""");
        var large = await PostAsync(server, token, "measurements", new string(' ', 1_100_000));

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "TOO_MANY_SAMPLES"), (many.Status, many.Code));
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "PAYLOAD_TOO_LARGE"), (large.Status, large.Code));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task Measurements_are_stored_once_whatever_comes_again_in_whatever_order(Kind kind)
    {
        var (server, token) = await StartAsync(kind);
        await using var _ = server;
        var second = await AddCustomerAsync(server, "two");
        var samples = Series.Samples(300);

        Assert.Equal((200, 0, 0), await PushAsync(server, token, samples[100..]));
        Assert.Equal((100, 50, 0), await PushAsync(server, token, [.. samples[50..150].Reverse(), .. samples[..50]]));
        Assert.Equal((0, 300, 0), await PushAsync(server, token, samples));
        Assert.Equal((0, 1, 0), await PushAsync(server, token, [samples[7] with { LoadPowerW = 1 }])); // What is there stays.
        Assert.Equal((300, 0, 0), await PushAsync(server, second, samples)); // The same device id, another customer's.
        Assert.Equal((1, 1, 0), await PushAsync(server, second, [samples[0] with { DeviceId = "other" }, samples[0] with { DeviceId = "other" }]));
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PushAsync(server, token, Series.Samples(400))));
        Assert.Equal(100, answers.Sum(answer => answer.Accepted));

        Assert.Equal(400 + 301, await server.CountAsync("fleet.measurements"));
        Assert.Equal(
            400, await server.CountAsync("fleet.measurements WHERE customer_id = 'one' AND load_power_w = 800.25 AND interval_s = 10"));
        Assert.Equal(14, await server.CountAsync("fleet.ingest_events WHERE first_ts <= last_ts AND bytes > 0 AND client_cursor = 42"));
        Assert.Equal(2, await server.CountAsync("fleet.customers WHERE first_seen <= last_seen"));
    }

    [Fact]
    public async Task A_bad_row_is_rejected_alone_and_counted()
    {
        var (server, token) = await StartAsync();
        await using var _ = server;
        var samples = Series.Samples(5);
        SungrowSample[] sent =
        [
            .. samples, samples[0] with { Ts = samples[0].Ts.AddSeconds(1), BatterySocPct = 101 },
            samples[0] with { Ts = TimeProvider.System.GetUtcNow().AddDays(2) },
        ];

        Assert.Equal((5, 0, 2), await PushAsync(server, token, sent));
        Assert.Equal((0, 0, 1), await PushAsync(server, token, [sent[5]]));
        Assert.Equal(2, await server.CountAsync("fleet.ingest_events WHERE rejected > 0 AND error = 'OUT_OF_RANGE'"));
    }

    [Fact]
    public async Task Sites_and_devices_are_kept_as_last_pushed_and_nothing_absent_is_deleted()
    {
        var (server, token) = await StartAsync();
        await using var _ = server;
        const string Sites =
            """{"sites":[{"id":"default/a","name":"a","time_zone":"UTC"},{"id":"default/b","name":"b","time_zone":"UTC"},{"id":"","name":"c","time_zone":"UTC"},5]}""";
        const string Device = """{"id":"d-1","site_id":"default/a","model":null,"serial":"A1","status":"ACTIVE","poll_interval_s":10,"first_seen":null,"last_seen":"2026-01-02T00:00:00Z"}""";

        Assert.Equal((2, 0, 2), Counts(await PostAsync(server, token, "sites", Sites)));
        Assert.Equal((0, 2, 2), Counts(await PostAsync(server, token, "sites", Sites)));
        Assert.Equal((1, 0, 0), Counts(await PostAsync(server, token, "sites", """{"sites":[{"id":"default/b","name":"new","time_zone":"UTC"}]}""")));
        Assert.Equal((1, 1, 0), Counts(await PostAsync(server, token, "devices", $$"""{"devices":[{{Device}},{{Device}}]}""")));
        Assert.Equal((0, 0, 1), Counts(await PostAsync(server, token, "devices", $$"""{"devices":[{{Device.Replace("ACTIVE", "GONE")}}]}""")));
        var older = Device.Replace("2026-01-02", "2026-01-01").Replace("\"A1\"", "null");
        Assert.Equal((0, 1, 0), Counts(await PostAsync(server, token, "devices", $$"""{"devices":[{{older}}]}""")));

        Assert.Equal("a,new", await server.AskAsync<string>("SELECT string_agg(name, ',' ORDER BY id) FROM fleet.sites"));
        Assert.Equal("A1", await server.AskAsync<string>("SELECT serial FROM fleet.devices WHERE last_seen = '2026-01-02T00:00:00Z'"));
    }

    [Fact]
    public async Task A_customer_has_limits_of_his_own()
    {
        var (server, token) = await StartAsync("--RATE_LIMIT_SAMPLES_PER_SECOND=0.001", "--RATE_LIMIT_BURST_SAMPLES=100");
        await using var _ = server;
        Assert.Equal((100, 0, 0), await PushAsync(server, token, Series.Samples(100)));

        var refused = await PostAsync(server, token, "measurements", Body(Series.Samples(50)));

        Assert.Equal((HttpStatusCode.TooManyRequests, "RATE_LIMITED"), (refused.Status, refused.Code));
        Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        Assert.Equal((50, 0, 0), await PushAsync(server, await AddCustomerAsync(server, "two"), Series.Samples(50)));
        Assert.Equal(100, await server.CountAsync("fleet.measurements WHERE customer_id = 'one'"));
    }

    [Fact]
    public async Task Guessing_locks_an_address_out_and_never_a_good_token()
    {
        var (server, token) = await StartAsync("--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=3");
        await using var _ = server;
        Assert.Equal((5, 0, 0), await PushAsync(server, token, Series.Samples(5)));
        List<string?> codes = [];
        for (var i = 0; i < 6; i++)
        {
            codes.Add((await PostAsync(server, Tokens.Issue(), "sites", "{}")).Code);
        }

        Assert.Equal("CUSTOMER_TOKEN_INVALID", codes[0]);
        Assert.Equal("RATE_LIMITED", codes[^1]);
        Assert.Equal((0, 5, 0), await PushAsync(server, token, Series.Samples(5)));
    }

    [Fact]
    public async Task On_TimescaleDB_the_tables_are_listed_and_a_back_fill_shows_in_the_hours()
    {
        var (server, token) = await StartAsync(Kind.Timescale);
        await using var _ = server;
        const string Jobs =
            """
            SELECT string_agg(proc_name || ' ' || coalesce(config->>'compress_after', config->>'drop_after'), ', ' ORDER BY proc_name)
            FROM timescaledb_information.jobs WHERE hypertable_schema = 'fleet' AND hypertable_name = 'measurements'
            """;
        Assert.Equal(1, await server.CountAsync(
            "timescaledb_information.hypertables WHERE hypertable_schema = 'fleet' AND hypertable_name = 'measurements' AND compression_enabled"));
        Assert.Equal("policy_compression 7 days, policy_retention 1826 days", await server.AskAsync<string>(Jobs));
        Assert.Equal(1, await server.CountAsync(
            "timescaledb_information.continuous_aggregates WHERE view_schema = 'fleet' AND view_name = 'hourly_per_device'"));
        var refresh = server.Services.GetRequiredService<AggregateRefresh>();
        await PushAsync(server, token, Series.Samples(400));
        await refresh.RunAsync(regular: true, TestContext.Current.CancellationToken);

        var late = Aggregates.Fleet.Floor(TimeProvider.System.GetUtcNow().AddDays(-200));
        Assert.Equal((500, 0, 0), await PushAsync(server, token, Series.Samples(500, late)));
        await server.ExecuteAsync("SELECT compress_chunk(chunk) FROM show_chunks('fleet.measurements', older_than => interval '60 days') AS chunk");
        Assert.Equal((60, 500, 0), await PushAsync(server, token, Series.Samples(560, late)));
        await Sungrow.TestServers.Until.TrueAsync(async () => await refresh.RunAsync(regular: false, CancellationToken.None)
            && await server.CountAsync("pending_refresh") == 0);

        Assert.Equal(
            "360 3600,200 2000",
            await server.AskAsync<string>(
                $"""
                SELECT string_agg(samples || ' ' || covered_s, ',' ORDER BY bucket) FROM fleet.hourly_per_device
                WHERE customer_id = 'one' AND device_id = 'inverter-1' AND bucket < '{Rfc3339.Write(late.AddDays(1))}'
                """));
    }

    [Fact]
    public async Task On_plain_PostgreSQL_the_hours_are_a_view()
    {
        var (server, token) = await StartAsync();
        await using var _ = server;
        await PushAsync(server, token, Series.Samples(500, Aggregates.Fleet.Floor(Series.Start)));

        Assert.Equal(
            "360,140", await server.AskAsync<string>("SELECT string_agg(samples::text, ',' ORDER BY bucket) FROM fleet.hourly_per_device"));
    }

    private static async Task<(int Accepted, int Duplicates, int Rejected)> PushAsync(VpsServer server, string token, SungrowSample[] samples) =>
        Counts(await PostAsync(server, token, "measurements", Body(samples)));

    private static string Body(SungrowSample[] samples) =>
        $$"""{"measurements":[{{string.Join(',', samples.Select(sample => JsonSerializer.Serialize(sample, ProtocolJson.Default.SungrowSample)))}}]}""";

    private static (int Accepted, int Duplicates, int Rejected) Counts(Answer answer)
    {
        Assert.True(answer.Status == HttpStatusCode.OK, $"{answer.Status}: {answer.Body}");
        return (Count("accepted"), Count("duplicates"), Count("rejected"));

        int Count(string name) => answer.Json.GetProperty(name).GetInt32();
    }

    private static async Task<Answer> PostAsync(VpsServer server, string token, string type, string body)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes(body));
        }

        using ByteArrayContent content = new(packed.ToArray());
        content.Headers.Add("Content-Type", "application/json");
        content.Headers.Add("Content-Encoding", "gzip");
        return await server.PostAsync(
            "/api/fleet/ingest", content, token: null, ("X-Customer-Token", token), ("X-Batch-Type", type), ("X-Push-Cursor", "42"));
    }

    private static async Task<string> AddCustomerAsync(VpsServer server, string name)
    {
        var token = Tokens.Issue();
        await server.ExecuteAsync(
            $"INSERT INTO fleet.customers (customer_id, digest) VALUES ('{name}', '\\x{Convert.ToHexString(Tokens.Digest(token))}')");
        return token;
    }

    private Task<(VpsServer Server, string Token)> StartAsync(params string[] settings) => StartAsync(Kind.Plain, settings);

    private async Task<(VpsServer Server, string Token)> StartAsync(Kind kind, params string[] settings)
    {
        var server = await VpsServer.StartAsync(await databases.CreateAsync(kind), ["--Application:RunMode=Admin", .. settings]);
        return (server, await AddCustomerAsync(server, "one"));
    }
}
