using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

public class OutageTests
{
    private const int Clients = 4;

    [Theory]
    [InlineData(Kind.Plain, 1)]
    [InlineData(Kind.Plain, 25)]
    [InlineData(Kind.Timescale, 60)] // By COPY.
    public async Task A_database_killed_in_the_middle_of_a_load_loses_nothing_that_was_answered_200(Kind kind, int perBatch)
    {
        await using var postgres = await Databases.StartAsync(kind, fsync: true);
        var database = await postgres.CreateDatabaseAsync();
        await using var vps = ProgramProcess.StartOurs("sungrow-vps", [], new Dictionary<string, string?>
        {
            ["DATABASE_URL"] = database,
            ["DEVICE_TOKENS"] = "device-1:inverter-1",
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
            ["RATE_LIMIT_REQUESTS_PER_SECOND"] = "0",
            ["RATE_LIMIT_SAMPLES_PER_SECOND"] = "0",
        });
        using HttpClient http = new() { BaseAddress = new Uri(await ProcessTests.AddressAsync(vps)), Timeout = Until.Deadline };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "device-1");
        await ReadyAsync();

        ConcurrentBag<int> stored = [], refused = [];
        for (var round = 0; round < 3; round++)
        {
            var before = stored.Count;
            var refusedBefore = refused.Count;
            using CancellationTokenSource enough = new();
            var clients = Enumerable.Range(round * Clients, Clients);
            var load = clients.Select(client => Task.Run(() => LoadAsync(client, enough.Token))).ToArray();

            await Until.TrueAsync(() => stored.Count > before + 20);
            await postgres.KillAsync();
            await Until.TrueAsync(() => refused.Count >= refusedBefore + Clients);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync("/readyz")).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/healthz")).StatusCode);
            await postgres.RestartAsync();
            before = stored.Count;
            await Until.TrueAsync(() => stored.Count > before); // By itself, while the load goes on.
            await enough.CancelAsync();
            await Task.WhenAll(load);
        }

        await using var source = NpgsqlDataSource.Create(database);
        foreach (var batch in stored)
        {
            await using var count = source.CreateCommand(
                $"SELECT count(*) FROM sungrow_samples WHERE seq BETWEEN {First(batch)} AND {First(batch) + perBatch - 1}");
            Assert.Equal((long)perBatch, await count.ExecuteScalarAsync());
        }

        // What was refused is sent again, as an edge would; part of it may have been committed before its answer was lost.
        foreach (var batch in refused)
        {
            Assert.Equal(HttpStatusCode.OK, (await SendAsync(batch)).StatusCode);
        }

        await using var all = source.CreateCommand("SELECT count(*), count(DISTINCT seq) FROM sungrow_samples");
        await using var row = await all.ExecuteReaderAsync();
        await row.ReadAsync();
        var expected = (stored.Count + refused.Count) * (long)perBatch;
        Assert.Equal((expected, expected), (row.GetInt64(0), row.GetInt64(1)));
        Assert.DoesNotContain("   at ", vps.Output, StringComparison.Ordinal);

        async Task LoadAsync(int client, CancellationToken enough)
        {
            for (var number = 0; !enough.IsCancellationRequested; number++)
            {
                var batch = (client * 100_000) + number;
                using var answer = await SendAsync(batch);
                var body = await answer.Content.ReadAsStringAsync(CancellationToken.None);
                if (answer.StatusCode == HttpStatusCode.OK)
                {
                    stored.Add(batch);
                    continue;
                }

                Assert.True(answer.StatusCode == HttpStatusCode.ServiceUnavailable, $"{answer.StatusCode}: {body}");
                Assert.Contains("\"code\":\"DATABASE_UNAVAILABLE\"", body, StringComparison.Ordinal);
                Assert.NotNull(answer.Headers.RetryAfter);
                refused.Add(batch);
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None); // An edge would wait longer.
            }
        }

        async Task<HttpResponseMessage> SendAsync(int batch)
        {
            // Ten seconds apart, and no two batches at one time.
            var start = Series.Start.AddDays(-(batch / 100_000)).AddMilliseconds(batch % 100_000);
            var samples = Enumerable.Range(0, perBatch).Select(i => Series.Sample(i, start) with { Seq = First(batch) + i });
            var json = JsonSerializer.Serialize(new IngestBatch(null, [.. samples]), ProtocolJson.Default.IngestBatch);
            return await http.PostAsync("/v1/ingest", new StringContent(json, Encoding.UTF8, "application/json"));
        }

        long First(int batch) => (batch * (long)perBatch) + 1;

        Task ReadyAsync() => Until.TrueAsync(async () => (await http.GetAsync("/readyz")).IsSuccessStatusCode);
    }

    [Fact]
    public async Task A_database_that_hangs_is_answered_503_in_time_and_works_again_when_it_goes_on()
    {
        await using var postgres = await PostgresServer.StartAsync();
        await using var server = await VpsServer.StartAsync(await postgres.CreateDatabaseAsync() + ";Timeout=2;Command Timeout=2");
        await server.IngestAsync(Series.Sample(1));

        await postgres.PauseAsync();
        var answers = await Task.WhenAll(Enumerable.Range(2, 5).Select(number => server.IngestAsync(Series.Sample(number))));
        var readiness = await server.GetAsync("/readyz");
        postgres.Resume();

        Assert.All(
            answers, answer => Assert.Equal((HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE"), (answer.Status, answer.Code)));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, readiness.Status);
        await server.ReadyAsync();
        Assert.True((await server.IngestAsync(Series.Samples(7))).Counts().Covers(7));
        Assert.Equal(7, await server.CountAsync("sungrow_samples"));
    }

    [Fact]
    public async Task A_database_that_is_being_restored_ends_no_process()
    {
        await using var postgres = await PostgresServer.StartAsync();
        await using var server = await VpsServer.StartAsync(await postgres.CreateDatabaseAsync());
        server.Services.GetRequiredService<Refusals>().Count("TOKEN_INVALID");
        await server.ExecuteAsync("DROP TABLE refusals; ALTER TABLE viewer_tokens RENAME TO restored_later");

        await server.GetAsync("/v1/whoami", Tokens.Issue()); // Nobody's: the list of tokens is read anew.
        await server.StopAsync();
        Assert.All(
            server.Services.GetServices<IHostedService>().OfType<BackgroundService>(),
            service => Assert.False(service.ExecuteTask?.IsFaulted is true, service.GetType().Name));
    }

    [Fact]
    public async Task A_pool_without_a_free_connection_is_answered_503()
    {
        await using var postgres = await PostgresServer.StartAsync();
        await using var server = await VpsServer.StartAsync(await postgres.CreateDatabaseAsync() + ";Timeout=1;Maximum Pool Size=2");
        await server.IngestAsync(Series.Sample(1));
        await using var other = await server.Database.OpenConnectionAsync();
        await using (NpgsqlCommand hold = new("BEGIN; LOCK TABLE sungrow_samples", other))
        {
            await hold.ExecuteNonQueryAsync();
        }

        // On the lock, with all the connections there are to write; one after the other, as both at once may go together.
        List<Task<Answer>> waiting = [];
        while (waiting.Count < 2)
        {
            waiting.Add(server.IngestAsync(Series.Sample(2 + waiting.Count)));
            await Until.TrueAsync(async () => await AskAsync<long>(
                other, "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock'") == waiting.Count);
        }

        var finds = await server.IngestAsync(Series.Sample(4));
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/readyz")).Status); // Busy is not down.
        await other.CloseAsync();

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE"), (finds.Status, finds.Code));
        Assert.All(await Task.WhenAll(waiting), answer => Assert.Equal(new(1, 0, 0), answer.Counts()));

        static async Task<T> AskAsync<T>(NpgsqlConnection connection, string sql)
        {
            await using NpgsqlCommand command = new(sql, connection);
            return (T)(await command.ExecuteScalarAsync())!;
        }
    }

    [Fact]
    public async Task Readers_that_hold_every_connection_keep_no_sample_out()
    {
        await using var postgres = await PostgresServer.StartAsync();
        await using var server = await VpsServer.StartAsync(await postgres.CreateDatabaseAsync() + ";Timeout=1;Maximum Pool Size=2");
        await server.IngestAsync(Series.Sample(1)); // Whose token it is need not be asked again.
        var database = server.Services.GetRequiredService<Database>();
        await using var one = await database.ConnectAsync(default);
        await using var other = await database.ConnectAsync(default);
        await Assert.ThrowsAsync<NpgsqlException>(async () => await database.ConnectAsync(default));

        Assert.Equal(new(1, 0, 0), (await server.IngestAsync(Series.Sample(2))).Counts());
    }

    [Fact]
    public async Task A_rush_of_readers_takes_no_more_than_its_share_of_the_connections()
    {
        await using var postgres = await PostgresServer.StartAsync();
        await using var server = await VpsServer.StartAsync(await postgres.CreateDatabaseAsync() + ";Timeout=60");
        await server.IngestAsync(Series.Sample(1));
        await using var other = await server.Database.OpenConnectionAsync();
        await using (NpgsqlCommand hold = new("BEGIN; LOCK TABLE sungrow_samples", other))
        {
            await hold.ExecuteNonQueryAsync();
        }

        var readers = Enumerable.Range(0, 150).Select(_ => server.GetAsync("/v1/realtime", "viewer")).ToArray();
        await Until.TrueAsync(async () => await ConnectionsAsync("AND wait_event_type = 'Lock'") == 36);
        await other.CloseAsync();

        Assert.All(await Task.WhenAll(readers), answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        Assert.InRange(await ConnectionsAsync(""), 36, 45);

        Task<long> ConnectionsAsync(string which) => server.AskAsync<long>(
            $"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sungrow-vps' {which}");
    }

    [Theory]
    [InlineData("ALTER TABLE sungrow_samples ADD CHECK (pv_power_w < 0) NOT VALID", HttpStatusCode.InternalServerError, "INTERNAL_ERROR")]
    [InlineData("ALTER DATABASE {0} SET default_transaction_read_only = on", HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE")]
    [InlineData("ALTER DATABASE {0} SET statement_timeout = 1", HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE")]
    public async Task What_may_pass_is_503_and_what_will_not_is_500_without_a_trace(string change, HttpStatusCode status, string code)
    {
        await using var postgres = await PostgresServer.StartAsync();
        await using var server = await VpsServer.StartAsync(await postgres.CreateDatabaseAsync());
        await server.ExecuteAsync(string.Format(null, change, await server.AskAsync<string>("SELECT current_database()::text")));
        // Its connections are made anew, with the new settings.
        await server.ExecuteAsync(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");

        await Until.TrueAsync(async () =>
        {
            var answer = await server.IngestAsync(Series.Samples(5000));
            Assert.DoesNotContain("Npgsql", answer.Body, StringComparison.Ordinal);
            return (answer.Status, answer.Code) == (status, code);
        });
    }
}
