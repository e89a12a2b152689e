using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

/// <summary>The limits as a client meets them.</summary>
public class LimitedRequestsTests(Databases databases)
{
    private const string Forwarded = "X-Forwarded-For";

    [Fact]
    public async Task A_device_over_its_request_limit_is_told_which_and_when_and_nothing_is_stored()
    {
        await using var server = await StartAsync("--RATE_LIMIT_REQUESTS_PER_SECOND=0.01", "--RATE_LIMIT_BURST_REQUESTS=2");
        Assert.Equal(1, (await server.IngestAsync(Series.Sample(1))).Counts().Inserted);
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync("/v1/heartbeat", HeartbeatTests.Body())).Status);

        var refused = await server.IngestAsync(Series.Sample(2));

        AssertLimited(refused, "requests");
        AssertLimited(await server.PostAsync("/v1/heartbeat", HeartbeatTests.Body()), "requests");
        Assert.Equal(1, await server.CountAsync("sungrow_samples"));
        // Neither a backlog nor another device pays for it, and what is wrong is said before how often.
        Assert.Equal(11, (await server.IngestAsync(Series.Samples(11, Series.Start.AddHours(1)))).Counts().Inserted);
        Assert.Equal(1, (await server.IngestAsync(new IngestBatch(null, [Series.Sample(1, device: "inverter-2")]), "device-2")).Counts().Inserted);
        Assert.Equal("INVALID_SAMPLES", (await server.IngestAsync(Series.Sample(3) with { BatterySocPct = 101 })).Code);
    }

    [Fact]
    public async Task A_backlog_over_its_sample_limit_leaves_live_samples_alone()
    {
        await using var server = await StartAsync("--RATE_LIMIT_SAMPLES_PER_SECOND=1", "--RATE_LIMIT_BURST_SAMPLES=100");

        Assert.Equal(1000, (await server.IngestAsync(Series.Samples(1000))).Counts().Inserted);
        AssertLimited(await server.IngestAsync(Series.Samples(11, Series.Start.AddHours(5))), "samples");
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(10, (await server.IngestAsync(Series.Samples(10, Series.Start.AddHours(5).AddMinutes(10 * i)))).Counts().Inserted);
        }
    }

    [Fact]
    public async Task Whoami_tells_the_limits_and_is_not_limited_itself()
    {
        await using var server = await StartAsync(
            "--RATE_LIMIT_REQUESTS_PER_SECOND=0.5", "--RATE_LIMIT_BURST_REQUESTS=2", "--RATE_LIMIT_SAMPLES_PER_SECOND=30",
            "--RATE_LIMIT_BURST_SAMPLES=40");
        for (var i = 0; i < 10; i++)
        {
            var limits = (await server.GetAsync("/v1/whoami")).Json.GetProperty("limits");

            Assert.Equal([0.5, 2, 30, 40], Names().Select(name => limits.GetProperty(name).GetDouble()));
        }

        static string[] Names() => ["requests_per_second", "burst_requests", "samples_per_second", "burst_samples"];
    }

    [Fact]
    public async Task An_address_that_guesses_is_refused_before_the_database_is_asked()
    {
        await using var server = await StartAsync("--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=3");
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("TOKEN_INVALID", (await server.GetAsync("/v1/whoami", Tokens.Issue())).Code);
        }

        await using var other = await LockAsync(server, "devices, device_tokens, viewer_tokens");

        AssertLimited(await server.GetAsync("/v1/whoami", Tokens.Issue()), "failed_authentication");
        AssertLimited(await server.GetAsync("/v1/realtime", Tokens.Issue()), "failed_authentication");
        AssertLimited(await server.GetAsync("/v1/realtime", "garbage"), "failed_authentication");
        Assert.Equal("TOKEN_MISSING", (await server.GetAsync("/v1/whoami", token: null)).Code);
    }

    [Fact]
    public async Task A_good_token_passes_from_an_address_that_guesses_whether_it_is_cached_or_not()
    {
        var database = await databases.CreateAsync();
        var (issued, viewer) = (Tokens.Issue(), Tokens.Issue());
        await using (var first = await VpsServer.StartAsync(database))
        {
            await first.ExecuteAsync(
                $"""
                INSERT INTO device_tokens (digest, device_id) VALUES ({Digest(issued)}, 'inverter-2');
                INSERT INTO viewer_tokens (digest, tenant_id, name) VALUES ({Digest(viewer)}, 1, 'owner');
                """);
        }

        await using var server = await VpsServer.StartAsync(database, "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=2");
        await server.GetAsync("/v1/whoami", "device-1");
        await LockOutAsync(server);

        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami", "device-1")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami", "device-3")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami", issued)).Status);
        Assert.Equal("DEVICE_ID_REQUIRED", (await server.GetAsync("/v1/realtime", viewer)).Code);
        Assert.NotEqual("RATE_LIMITED", (await server.GetAsync("/v1/realtime", "viewer")).Code);
    }

    [Fact]
    public async Task A_token_issued_after_the_start_passes_from_an_address_that_guesses_soon()
    {
        await using var server = await StartAsync("--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=1");
        await LockOutAsync(server);
        var issued = Tokens.Issue();
        await server.ExecuteAsync($"INSERT INTO device_tokens (digest, device_id) VALUES ({Digest(issued)}, 'inverter-2')");

        await Until.TrueAsync(async () =>
        {
            await server.GetAsync("/v1/whoami", Tokens.Issue()); // Whoever guesses goes on.
            return (await server.GetAsync("/v1/whoami", issued)).Status == HttpStatusCode.OK;
        });
    }

    [Fact]
    public async Task A_token_that_has_ended_opens_no_way_around_the_limit()
    {
        var database = await databases.CreateAsync();
        var ended = Tokens.Issue();
        await using (var first = await VpsServer.StartAsync(database))
        {
            await first.ExecuteAsync($"INSERT INTO device_tokens (digest, device_id) VALUES ({Digest(ended)}, 'inverter-2')");
        }

        await using var server = await VpsServer.StartAsync(database, "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=1");
        await server.ExecuteAsync("UPDATE device_tokens SET not_after = now()");

        Assert.Equal("TOKEN_INVALID", (await server.GetAsync("/v1/whoami", ended)).Code);
        AssertLimited(await server.GetAsync("/v1/whoami", ended), "failed_authentication");
    }

    [Fact]
    public async Task Who_leaves_before_his_look_up_ends_has_paid_for_it()
    {
        await using var server = await StartAsync("--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=1");
        var gate = server.Services.GetRequiredService<TokenGate>();
        var lookUp = new TaskCompletionSource<string?>();
        using CancellationTokenSource leave = new();
        var asked = gate.AskAsync(
            IPAddress.Loopback, known: false, async () => await lookUp.Task.WaitAsync(leave.Token), isGood: found => found is not null);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await asked);

        AssertLimited(await server.GetAsync("/v1/whoami", Tokens.Issue()), "failed_authentication");
    }

    [Fact]
    public async Task A_token_of_the_environment_looks_up_no_other_device_without_limit()
    {
        await using var server = await StartAsync("--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=1");
        string[] codes = new string[2];
        for (var i = 0; i < codes.Length; i++)
        {
            var body = $$"""{"site_id":"default","ts":"{{Rfc3339.Write(Series.Start)}}","metrics":{} }""";
            var answer = await server.PostAsync(
                "/v1/tenants/default/devices/inverter-2/telemetry", new StringContent(body, null, "application/json"), "device-1");
            codes[i] = answer.Code!;
        }

        Assert.Equal(["TOKEN_INVALID", "RATE_LIMITED"], codes);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami")).Status);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("192.0.2.0/24", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("10.0.0.0/8, 127.0.0.0/8", false)]
    public async Task A_forwarded_address_is_believed_from_trusted_proxies_only(string trusted, bool together)
    {
        await using var server = await StartAsync($"--TRUSTED_PROXIES={trusted}", "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=1");

        Assert.Equal("TOKEN_INVALID", await GuessAsync("198.51.100.1"));
        Assert.Equal("RATE_LIMITED", await GuessAsync("198.51.100.1"));
        Assert.Equal(together ? "RATE_LIMITED" : "TOKEN_INVALID", await GuessAsync("198.51.100.2"));
        // What a client wrote before its proxy did says nothing.
        Assert.Equal("RATE_LIMITED", await GuessAsync("203.0.113.9, 198.51.100.1"));

        async Task<string?> GuessAsync(string from)
        {
            using HttpClient client = new() { BaseAddress = server.Address };
            using HttpRequestMessage request = new(HttpMethod.Get, "/v1/whoami");
            request.Headers.Add(Forwarded, from);
            request.Headers.Authorization = new("Bearer", Tokens.Issue());
            using var answer = await client.SendAsync(request);
            return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("code").GetString();
        }
    }

    [Fact]
    public async Task A_database_that_is_away_is_nobodys_failure()
    {
        await using var server = await VpsServer.StartWithoutDatabaseAsync(
            "Host=127.0.0.1;Port=1;Database=none", "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=1");

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal("DATABASE_UNAVAILABLE", (await server.GetAsync("/v1/whoami", Tokens.Issue())).Code);
        }
    }

    private static void AssertLimited(Answer answer, string limit)
    {
        Assert.Equal((HttpStatusCode.TooManyRequests, "RATE_LIMITED"), (answer.Status, answer.Code));
        Assert.Equal(limit, answer.Json.GetProperty("limit").GetString());
        Assert.InRange(answer.Headers.RetryAfter?.Delta ?? TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
    }

    private static async Task LockOutAsync(VpsServer server) =>
        await Until.TrueAsync(async () => (await server.GetAsync("/v1/whoami", Tokens.Issue())).Code == "RATE_LIMITED");

    private static async Task<NpgsqlConnection> LockAsync(VpsServer server, string tables)
    {
        var connection = await server.Database.OpenConnectionAsync();
        await using NpgsqlCommand hold = new($"BEGIN; LOCK TABLE {tables}", connection);
        await hold.ExecuteNonQueryAsync();
        return connection;
    }

    private static string Digest(string token) => $"'\\x{Convert.ToHexString(Tokens.Digest(token))}'";

    private async Task<VpsServer> StartAsync(params string[] settings) => await VpsServer.StartAsync(
        await databases.CreateAsync(), settings);
}
