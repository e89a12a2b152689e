using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

/// <summary>By which statement rows reach the table.</summary>
public class WritePathTests(Databases databases)
{
    // As a client of the database sees it: what each statement was that inserted, and whether it was its own transaction.
    private const string Watch =
        """
        CREATE TABLE paths (id bigint GENERATED ALWAYS AS IDENTITY, path text);
        CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN
            INSERT INTO paths (path) VALUES (left(current_query(), 4) || CASE WHEN now() = statement_timestamp() THEN ' alone' ELSE '' END);
            RETURN NULL;
          END $$;
        CREATE TRIGGER watch AFTER INSERT ON sungrow_samples FOR EACH STATEMENT EXECUTE FUNCTION watch();
        """;

    [Fact]
    public async Task Copy_takes_large_new_batches_alone_and_what_is_sent_again_is_not_inserted_at_all()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database);
        await server.ExecuteAsync(Watch);
        var batch = Series.Samples(60);

        Assert.Equal(new(60, 0, 0), (await server.IngestAsync(batch)).Counts());
        Assert.Equal("COPY", await PathsAsync()); // Nothing of this device was known: it asked.
        Assert.Equal(new(60, 0, 0), (await server.IngestAsync(Series.Samples(60, Series.Start.AddHours(1)))).Counts());
        Assert.Equal("COPY", await PathsAsync());

        Assert.Equal(new(0, 60, 0), (await server.IngestAsync(batch)).Counts());
        Assert.Equal("", await PathsAsync());
        Assert.Equal(new(0, 59, 1), (await server.IngestAsync([.. batch[..59], batch[59] with { LoadPowerW = 1 }])).Counts());
        Assert.Equal("INSE", await PathsAsync()); // It looked first; what it would refuse, it looks at again behind the insert's lock.

        Assert.Equal(new(59, 1, 0), (await server.IngestAsync([batch[0], .. Series.Samples(60, Series.Start.AddHours(2))[1..]])).Counts());
        Assert.Equal("INSE", await PathsAsync());
        Assert.Equal(new(10, 0, 0), (await server.IngestAsync(Series.Samples(10, Series.Start.AddHours(3)))).Counts());
        Assert.Equal("INSE", await PathsAsync());
        Assert.Equal(new(60, 0, 0), (await server.IngestAsync(Series.Samples(60, Series.Start.AddDays(-40)))).Counts());
        Assert.Equal("INSE", await PathsAsync());
        Assert.Equal(new(60, 1, 0), (await server.IngestAsync(
            [.. Series.Samples(60, Series.Start.AddHours(4)), Series.Sample(0, Series.Start.AddHours(4))])).Counts());
        Assert.Equal("INSE", await PathsAsync());

        // One that has just started asks, and is right.
        await using var other = await VpsServer.StartAsync(database);
        Assert.Equal(new(0, 60, 0), (await other.IngestAsync(batch)).Counts());
        Assert.Equal("", await PathsAsync());
        Assert.Equal(new(60, 0, 0), (await other.IngestAsync(Series.Samples(60, Series.Start.AddHours(5)))).Counts());
        Assert.Equal("COPY", await PathsAsync());

        Task<string> PathsAsync() => server.AskAsync<string>(
            "WITH gone AS (DELETE FROM paths RETURNING id, path) SELECT coalesce(string_agg(path, ',' ORDER BY id), '') FROM gone");
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task New_single_samples_that_wait_together_are_copied_as_one_and_counted_one_by_one(Kind kind)
    {
        var database = await databases.CreateAsync(kind);
        await using var server = await VpsServer.StartAsync(database, "--BATCH_SIZE=60", "--FLUSH_INTERVAL_MS=10000"); // Goes with the sixtieth.
        await using var other = await VpsServer.StartAsync(database);
        await server.ExecuteAsync(Watch);

        Assert.All(await SendAsync(0), answer => Assert.Equal(new(1, 0, 0), answer.Counts()));
        Assert.Equal("COPY alone", await server.AskAsync<string>("SELECT string_agg(path, ',') FROM paths"));

        // Here this replica knows the newest, and not what the other one writes.
        await other.IngestAsync(Series.Sample(119));
        var answers = await SendAsync(60);
        Assert.Equal(new(0, 1, 0), answers[59].Counts());
        Assert.All(answers[..59], answer => Assert.Equal(new(1, 0, 0), answer.Counts()));

        Assert.Equal(120, await server.CountAsync("sungrow_samples"));
        Assert.Equal("1 0 1", await EventsAsync("NOT summed"));
        await server.Services.GetRequiredService<IngestEvents>().WriteSumsAsync(default);
        Assert.Equal("119 119 0", await EventsAsync("summed"));

        Task<Answer[]> SendAsync(int first) =>
            Task.WhenAll(Enumerable.Range(first, 60).Select(number => server.IngestAsync(Series.Sample(number))));

        Task<string> EventsAsync(string which) => server.AskAsync<string>(
            $"SELECT concat_ws(' ', sum(requests), sum(inserted), sum(duplicates)) FROM ingest_events WHERE {which}");
    }

    [Theory]
    [InlineData(PostgresErrorCodes.UniqueViolation)]
    [InlineData(PostgresErrorCodes.ConfigurationLimitExceeded)]
    [InlineData(PostgresErrorCodes.DeadlockDetected)]
    public async Task A_copy_that_is_refused_is_made_up_for_by_an_insert(string sqlState)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await server.ExecuteAsync(
            $"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF current_query() LIKE 'COPY%' AND NEW.pv_power_w = 59 THEN RAISE EXCEPTION USING ERRCODE = '{sqlState}'; END IF;
              RETURN NEW;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON sungrow_samples FOR EACH ROW EXECUTE FUNCTION refuse();
            """);

        Assert.Equal(new(60, 0, 0), (await server.IngestAsync(Series.Samples(60))).Counts());
        Assert.Equal(60, await server.CountAsync("sungrow_samples"));
        Assert.Equal(1, await server.CountAsync("ingest_events"));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task Rows_that_another_replica_wrote_meanwhile_are_duplicates_and_conflicts(Kind kind)
    {
        var database = await databases.CreateAsync(kind);
        await using var server = await VpsServer.StartAsync(database);
        await using var other = await VpsServer.StartAsync(database);
        var all = Series.Samples(120);
        await server.IngestAsync(all[..60]); // It knows the newest from here on.
        await other.IngestAsync(all[118], all[119] with { LoadPowerW = 1 });

        Assert.Equal(new(58, 1, 1), (await server.IngestAsync(all[60..])).Counts());
        Assert.Equal(120, await server.CountAsync("sungrow_samples"));
        Assert.Equal(1, await server.CountAsync("quarantine"));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task What_is_sent_again_is_compared_where_far_more_is_stored_between(Kind kind)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(kind));
        await server.ExecuteAsync(
            $"""
            INSERT INTO sungrow_samples (device_id, ts, load_power_w, sample_count, interval_s)
            SELECT 'inverter-1', timestamptz '{Rfc3339.Write(Series.Start)}' + n * interval '0.1 s', 800.25, 1, 10 FROM generate_series(0, 1200) AS n
            """);
        SungrowSample[] sent = [.. Enumerable.Range(0, 3).Select(minute => new SungrowSample
        {
            DeviceId = VpsServer.Device, Ts = Series.Start.AddMinutes(minute), LoadPowerW = minute == 1 ? 1 : 800.25,
        })];

        Assert.Equal(new(0, 2, 1), (await server.IngestAsync(sent)).Counts());
        Assert.Equal(new(0, 1, 0), (await server.IngestAsync(sent[2])).Counts());
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task Who_sends_again_is_told_what_differs_now(Kind kind)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(kind));
        var (buffer, other) = (Guid.NewGuid(), Guid.NewGuid());
        SungrowSample[] batch = [.. Series.Samples(60).Select((sample, i) => sample with { Seq = 100 + i, BatteryTempC = i % 2 == 0 ? null : 20 })];
        Assert.Equal(new(60, 0, 0), await SendAsync(buffer, batch));
        Assert.Equal(new(0, 60, 0), await SendAsync(buffer, batch)); // From here on this is what it is expected to do.

        Assert.Equal(new(0, 1, 0), await SendAsync(buffer, batch[7]));
        Assert.Equal(new(0, 60, 0), await SendAsync(buffer, batch));
        Assert.Equal(new(0, 59, 1), await SendAsync(buffer, [batch[0] with { BatteryTempC = 20 }, .. batch[1..]])); // Null is a value too.
        Assert.Equal(new(0, 60, 0), await SendAsync(buffer, batch));
        Assert.Equal(new(0, 1, 1), await SendAsync(buffer, batch[3], batch[3] with { SampleCount = 2 }));
        Assert.Equal(new(0, 60, 0), await SendAsync(buffer, batch));
        Assert.Equal(0, await server.CountAsync("elsewhere"));
        Assert.Equal(new(0, 60, 0), await SendAsync(other, batch));
        Assert.Equal(60, await server.CountAsync("elsewhere"));
        Assert.Equal(new(0, 60, 0), await SendAsync(buffer, batch));
        Assert.Equal(new(1, 60, 0), await SendAsync(buffer, [.. batch, Series.Sample(60)]));
        Assert.Equal(new(0, 60, 0), await SendAsync(buffer, batch));
        Assert.Equal(new(1, 0, 0), await SendAsync(buffer, Series.Sample(61)));

        Assert.Equal(62, await server.CountAsync("sungrow_samples"));
        Assert.Equal(2, await server.CountAsync("quarantine"));
        Assert.Equal(
            "61 541 2", // The last is summed, and not written yet.
            await server.AskAsync<string>(
                "SELECT sum(inserted) || ' ' || sum(duplicates) || ' ' || sum(conflicts) FROM ingest_events"));

        async Task<IngestAnswer> SendAsync(Guid from, params SungrowSample[] samples) =>
            (await server.IngestAsync(new IngestBatch(from, samples))).Counts();
    }

    [Fact]
    public async Task A_copy_stores_every_column_as_an_insert_does()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        var buffer = Guid.NewGuid();
        SungrowSample[] batch =
        [
            .. Series.Samples(60).Select((sample, i) => sample with
            {
                Ts = sample.Ts.AddMicroseconds(1), PvDailyKwh = 0.1 + 0.2, BatteryTempC = i % 2 == 0 ? -0.5 : null, ExportPowerW = i - 30,
                SampleCount = 1 + i, IntervalS = i % 3 == 0 ? 2.5 : null, Seq = i % 5 == 0 ? null : long.MaxValue - i,
            }),
        ];
        const string Rows =
            """
            SELECT md5(string_agg(concat_ws(' ', device_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct,
                                            coalesce(battery_temp_c::text, '-'), load_power_w, export_power_w, sample_count, interval_s,
                                            coalesce(seq::text, '-'), buffer_id), ',' ORDER BY ts)) FROM sungrow_samples
            """;

        await server.IngestAsync(new IngestBatch(buffer, batch));
        var copied = await server.AskAsync<string>(Rows);
        await server.ExecuteAsync("TRUNCATE sungrow_samples");
        foreach (var some in batch.Chunk(20))
        {
            await server.IngestAsync(new IngestBatch(buffer, some));
        }

        Assert.Equal(await server.AskAsync<string>(Rows), copied);
        Assert.Equal(60, await server.CountAsync("sungrow_samples"));
    }
}
