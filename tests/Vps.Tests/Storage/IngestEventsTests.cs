using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

public class IngestEventsTests(Databases databases)
{
    [Fact]
    public async Task A_batch_and_all_that_is_no_clean_insert_are_a_row_each_in_the_transaction_of_the_data()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        var buffer = Guid.NewGuid();

        await server.IngestAsync(Series.Numbered(buffer, 1, Series.Samples(3)));
        await server.IngestAsync(Series.Sample(1), Series.Sample(2) with { LoadPowerW = 1 }, Series.Sample(3));
        await server.IngestAsync(Series.Sample(1));
        await server.IngestAsync(Series.Sample(1) with { LoadPowerW = 1 });
        await server.IngestAsync(Series.Sample(50)); // Clean and single.
        await server.IngestAsync("""{"samples":[]}""");

        Assert.Equal(
            $"1 3 0 0 {buffer} 2, 1 1 1 1 - 2, 1 0 1 0 - 0, 1 0 0 1 - 0",
            await server.AskAsync<string>(
                """
                SELECT string_agg(concat_ws(' ', requests, inserted, duplicates, conflicts, coalesce(buffer_id::text, '-'),
                                            extract(epoch FROM last_ts - first_ts)::int / 10), ', ' ORDER BY id)
                FROM ingest_events WHERE device_id = 'inverter-1' AND NOT summed
                """));
        Assert.Equal(
            2, await server.CountAsync("ingest_events WHERE xmin::text IN (SELECT xmin::text FROM sungrow_samples) AND inserted > 0"));
    }

    [Fact]
    public async Task Clean_single_samples_are_summed_per_device_and_minute_by_every_replica()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database);
        await using var other = await VpsServer.StartAsync(database);
        for (var number = 0; number < 5; number++)
        {
            await server.IngestAsync(Series.Sample(number));
            await other.IngestAsync(Series.Sample(100 + number));
        }

        await server.Services.GetRequiredService<IngestEvents>().WriteSumsAsync(default);
        await other.Services.GetRequiredService<IngestEvents>().WriteSumsAsync(default);
        await other.Services.GetRequiredService<IngestEvents>().WriteSumsAsync(default); // Nothing is left to add.

        Assert.Equal(
            "10 10 1040",
            await server.AskAsync<string>(
                """
                SELECT concat_ws(' ', sum(requests), sum(inserted), extract(epoch FROM max(last_ts) - min(first_ts))::int)
                FROM ingest_events WHERE summed AND date_trunc('minute', received_at) = received_at AND duplicates + conflicts = 0
                """));
        Assert.InRange(await server.CountAsync("ingest_events"), 1, 5); // A slow machine takes some minutes.
    }

    [Fact]
    public async Task Sums_that_cannot_be_written_wait_and_are_not_lost()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await server.IngestAsync(Series.Sample(1));
        var events = server.Services.GetRequiredService<IngestEvents>();
        await server.ExecuteAsync("ALTER TABLE ingest_events RENAME TO away");

        await Assert.ThrowsAsync<Npgsql.PostgresException>(() => events.WriteSumsAsync(default));
        await server.ExecuteAsync("ALTER TABLE away RENAME TO ingest_events");
        await events.WriteSumsAsync(default);

        Assert.Equal(1, await server.AskAsync<decimal>("SELECT sum(inserted) FROM ingest_events"));
    }

    [Fact]
    public async Task Events_older_than_thirty_days_are_removed_however_many()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await server.ExecuteAsync(
            """
            INSERT INTO ingest_events (device_id, received_at, summed, requests, inserted, duplicates, conflicts, first_ts, last_ts)
            SELECT 'inverter-1', now() - (n < 25000)::int * interval '30 days 1 minute' - interval '1 day', false, 1, 2, 0, 0, now(), now()
            FROM generate_series(1, 25003) AS n
            """);
        var keeper = server.Services.GetServices<IHostedService>().OfType<IngestEventsKeeper>().Single();

        Assert.Equal(24_999, await keeper.RemoveOldAsync(default));
        Assert.Equal(4, await server.CountAsync("ingest_events"));
    }
}
