using Microsoft.EntityFrameworkCore;
using Sungrow.Vps.Storage;
using Xunit;
using static Sungrow.Vps.Tests.Shelly.QueueWorker;

namespace Sungrow.Vps.Tests.Shelly;

/// <summary>The table as a hypertable, and the figures of the queue.</summary>
public class PowerLogsTests(Databases databases)
{
    [Fact]
    public async Task Power_logs_are_a_hypertable_of_minutes_with_the_policies_of_samples()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale), "--Storage:Timescale=Required");

        Assert.Equal(
            "minute 7 days",
            await vps.AskAsync<string>(
                "SELECT column_name || ' ' || time_interval FROM timescaledb_information.dimensions WHERE hypertable_name = 'power_logs'"));
        Assert.Equal(
            "policy_compression 30 days|policy_retention 1826 days",
            await vps.AskAsync<string>(
                """
                SELECT string_agg(proc_name || ' ' || coalesce(config->>'compress_after', config->>'drop_after'), '|' ORDER BY proc_name)
                FROM timescaledb_information.jobs WHERE hypertable_name = 'power_logs'
                """));
    }

    [Fact]
    public async Task Rows_of_plain_PostgreSQL_become_chunks_when_TimescaleDB_comes()
    {
        var database = await databases.CreateAsync(Kind.Timescale);
        await using (var plain = new SungrowDbContext(new DbContextOptionsBuilder<SungrowDbContext>().UseNpgsql(database).Options))
        {
            await plain.Database.MigrateAsync();
            await plain.Database.ExecuteSqlAsync(
                $"""
                INSERT INTO power_logs (device_id, channel, power, "timestamp", minute, idempotency_key)
                SELECT 'plug', 0, 1, to_timestamp({Start}), to_timestamp({Start}), {$"plug_0_{Start / 60}"}
                """);
        }

        await using var vps = await VpsServer.StartAsync(database, Setting);

        Assert.Equal(0, await vps.CountAsync("ONLY power_logs"));
        Assert.Equal("0 1 0 1 1", await vps.ShellyAsync(Message("plug")).CountsAsync());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public async Task A_minute_in_a_compressed_chunk_is_stored_once(int daysAgo)
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale), Setting);
        var at = -86_400.0 * (daysAgo - 1);
        var messages = Enumerable.Range(0, 300).Select(i => FourChannels($"plug-{i % 30}", at - (60 * (i / 30)))).ToArray();
        Assert.Equal("1200 0 0 300 30", await vps.ShellyAsync(messages).CountsAsync());
        await vps.ExecuteAsync("SELECT compress_chunk(chunk) FROM show_chunks('power_logs') AS chunk");

        // Half of them again, and as many new ones between them.
        var mixed = messages[..150].Concat(Enumerable.Range(0, 150).Select(i => FourChannels($"plug-{i}", at - 3000)));
        Assert.Equal("600 600 0 300 150", await vps.ShellyAsync([.. mixed]).CountsAsync());
        Assert.Equal("0 1200 0 300 30", await vps.ShellyAsync(messages).CountsAsync());
        Assert.Equal(1800, await vps.CountAsync("power_logs"));
    }

    [Fact]
    public async Task Late_messages_that_are_in_a_large_compressed_chunk_already_unpack_nothing()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale), Setting);
        // 100,000 rows are what TimescaleDB unpacks in one transaction before it gives up.
        await vps.ExecuteAsync(
            $$"""
            INSERT INTO power_logs (device_id, channel, power, "timestamp", minute, idempotency_key)
            SELECT 'plug-' || plug, channel, 1, at, at, concat_ws('_', 'plug-' || plug, channel, extract(epoch FROM at)::bigint / 60)
            FROM generate_series(0, 149) AS plug, generate_series(0, 1) AS channel,
                 generate_series(to_timestamp({{Start}}) - interval '50 days 400 minutes', to_timestamp({{Start}}) - interval '50 days', '1 minute') AS at;
            SELECT compress_chunk(chunk) FROM show_chunks('power_logs') AS chunk
            """);
        var messages = Enumerable.Range(0, 150).Select(i =>
            Of($"plug-{i}", -86_400 * 50, """{"switch:0":{"apower":5},"switch:1":{"apower":5}}""")).ToArray();

        Assert.Equal("0 300 0 150 150", await vps.ShellyAsync(messages).CountsAsync());
        Assert.Equal(
            0, await vps.AskAsync<long>("SELECT sum(n)::bigint FROM show_chunks('power_logs') AS chunk, LATERAL (SELECT pg_relation_size(chunk) AS n) AS size"));
    }

    [Fact]
    public async Task The_queues_figures_are_of_the_last_24_hours_and_name_nobody()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(), Setting);
        await vps.ExecuteAsync(
            """
            INSERT INTO power_logs (device_id, channel, power, "timestamp", minute, idempotency_key)
            SELECT device, 0, 1, at, date_trunc('minute', at), key
            FROM (VALUES ('old', now() - interval '24 hours 1 second', 'k1'), ('young', now() - interval '23 hours 59 minutes', 'k2'),
                         ('young', now() - interval '1 hour', 'k3'), ('by-hand', now() - interval '2 hours', NULL)) AS sent (device, at, key)
            """);

        var answer = await vps.GetAsync("/api/stats/queue", token: null);

        Assert.Equal(
            ["period", "total_logs", "from_queue", "devices", "last_insert"], answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(
            ("24h", 3, 2, 2),
            (answer.Json.GetProperty("period").GetString(), answer.Json.GetProperty("total_logs").GetInt32(),
             answer.Json.GetProperty("from_queue").GetInt32(), answer.Json.GetProperty("devices").GetInt32()));
        var last = answer.Json.GetProperty("last_insert").GetDateTimeOffset();
        Assert.Equal((await vps.AskAsync<DateTime>("SELECT max(\"timestamp\") FROM power_logs")), last.UtcDateTime);
        Assert.DoesNotContain("young", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_queue_has_no_last_insert_and_an_answer_is_good_for_a_while()
    {
        await using var vps = await VpsServer.StartAsync(await databases.CreateAsync(), Setting);
        const string empty = """{"period":"24h","total_logs":0,"from_queue":0,"devices":0,"last_insert":null}""";

        Assert.Equal(empty, (await vps.GetAsync("/api/stats/queue", token: null)).Body);
        await vps.ShellyAsync(Message());
        Assert.Equal(empty, (await vps.GetAsync("/api/stats/queue", token: null)).Body);
    }
}
