using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Ingest;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

/// <summary>The view of quarters of an hour against a recomputation from the rows; late samples in particular.</summary>
public class AggregatesTests(Databases databases)
{
    private static readonly DateTimeOffset ElevenMonthsAgo = Aggregates.Floor(TimeProvider.System.GetUtcNow().AddDays(-330));

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task The_view_equals_a_recomputation_down_to_the_last_sample(Kind kind)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(kind));
        Random random = new(7);
        foreach (var hoursAgo in new[] { 100, 60, 30, 3, 2 })
        {
            var start = TimeProvider.System.GetUtcNow().AddHours(-hoursAgo);
            (await server.IngestAsync([.. Household(random, start, 400)])).Counts();
            await RefreshAsync(server);
        }

        await server.IngestAsync([.. Household(random, TimeProvider.System.GetUtcNow().AddSeconds(-5), 1)]);

        var samples = await Figures.OfSamplesAsync(server);
        Assert.True(samples.Count > 20, $"{samples.Count} buckets");
        Figures.AssertEqual(samples, await Figures.OfViewAsync(server));
        if (kind == Kind.Timescale)
        {
            Figures.AssertEqual(await Figures.OfSamplesAsync(server, minutes: 60), await Figures.OfViewAsync(server, Aggregates.HourView));
        }
    }

    [Fact]
    public async Task A_day_of_eleven_months_ago_into_compressed_chunks_changes_that_days_figures_alone()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale));
        await using var held = await HoldRefreshAsync(server);
        await FillAsync(server, ElevenMonthsAgo.AddDays(-20), days: 40, without: ElevenMonthsAgo);
        await held.DisposeAsync();
        await RefreshAsync(server);
        await server.ExecuteAsync(
            "SELECT compress_chunk(chunk) FROM show_chunks('sungrow_samples', older_than => interval '60 days') AS chunk");
        var before = await Figures.OfViewAsync(server);
        Assert.Equal((39 + 40) * 96, before.Count);
        await using var again = await HoldRefreshAsync(server);

        var day = Household(new(11), ElevenMonthsAgo, 1440, 60).TakeWhile(sample => sample.Ts < ElevenMonthsAgo.AddDays(1));
        foreach (var batch in day.Chunk(500))
        {
            Assert.Equal(batch.Length, (await server.IngestAsync(batch)).Counts().Inserted);
        }

        Assert.Equal(before.Keys, (await Figures.OfViewAsync(server)).Keys); // Not refreshed yet, and asked for.
        Assert.Equal(3, await server.CountAsync("pending_refresh"));
        await again.DisposeAsync();
        await RefreshAsync(server);

        var after = await Figures.OfViewAsync(server);
        Assert.Equal(0, await server.CountAsync("pending_refresh"));
        Figures.AssertEqual(await Figures.OfSamplesAsync(server), after);
        Figures.AssertEqual(await Figures.OfSamplesAsync(server, minutes: 60), await Figures.OfViewAsync(server, Aggregates.HourView));
        Assert.Equal(96, after.Count - before.Count);
        foreach (var bucket in after.Keys.Except(before.Keys).ToArray())
        {
            after.Remove(bucket);
        }

        Figures.AssertEqual(before, after);
    }

    [Fact]
    public async Task What_was_committed_before_a_crash_is_refreshed_by_the_next_start()
    {
        var database = await databases.CreateAsync(Kind.Timescale);
        await using var held = await HoldRefreshAsync(database);
        await using (var first = await VpsServer.StartAsync(database))
        {
            await RefreshedAsync(first, held); // So that the watermark lies past what comes now.
            await first.IngestAsync([.. Household(new(3), ElevenMonthsAgo, 100)]);
            Assert.Equal(1, await first.CountAsync("pending_refresh"));
        }

        await using var second = await VpsServer.StartAsync(database);
        Assert.Equal(1, await second.CountAsync("pending_refresh"));
        await held.DisposeAsync();

        await Until.TrueAsync(async () => await second.CountAsync("pending_refresh") == 0); // The worker, nobody else.
        Figures.AssertEqual(await Figures.OfSamplesAsync(second), await Figures.OfViewAsync(second));
    }

    [Fact]
    public async Task A_transaction_that_is_rolled_back_asks_for_nothing_and_duplicates_ask_for_nothing()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await using var held = await HoldRefreshAsync(server);
        var late = Household(new(3), ElevenMonthsAgo, 3).ToArray();

        await server.IngestAsync(late);
        await server.IngestAsync(late);
        await server.IngestAsync(late[0] with { LoadPowerW = 1 });
        await server.IngestAsync(Series.Samples(100));
        Assert.Equal(1, await server.CountAsync("pending_refresh"));

        await server.ExecuteAsync("ALTER TABLE pending_refresh ADD CONSTRAINT none CHECK (id < 0) NOT VALID");
        await server.IngestAsync([.. Household(new(3), ElevenMonthsAgo.AddDays(1), 3)]);
        Assert.Equal(103, await server.CountAsync("sungrow_samples")); // Neither without the other.
    }

    [Fact]
    public async Task A_release_from_quarantine_asks_for_the_refresh_of_its_quarter()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale));
        var late = Household(new(3), ElevenMonthsAgo, 3).ToArray();
        await FillAsync(server, TimeProvider.System.GetUtcNow().AddDays(-10), days: 5);
        await server.IngestAsync(late);
        await RefreshAsync(server);
        Assert.Equal(1, (await server.IngestAsync(late[1] with { LoadPowerW = 5_999.5 })).Counts().Conflicts);
        await using var held = await HoldRefreshAsync(server);
        QuarantineRelease release = new(server.Database, TimeProvider.System, new StorageOptions(), new FleetOutbox(isOn: false));

        Assert.True((await release.ReleaseAsync(await server.AskAsync<long>("SELECT id FROM quarantine"), "tester", default)).Done);

        Assert.Equal(1, await server.CountAsync("pending_refresh"));
        await held.DisposeAsync();
        await RefreshAsync(server);
        var view = await Figures.OfViewAsync(server);
        Figures.AssertEqual(await Figures.OfSamplesAsync(server), view);
        Assert.Contains(view.Values, bucket => bucket["load_power_w_max"] == 5_999.5);
    }

    [Fact]
    public async Task Only_one_replica_refreshes_at_a_time()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale));
        await using (await HoldRefreshAsync(server))
        {
            Assert.False(await Refresh(server).RunAsync(regular: true, TestContext.Current.CancellationToken));
        }

        await RefreshAsync(server);
    }

    [Fact]
    public async Task Dropped_samples_leave_their_figures_behind()
    {
        await using var server = await VpsServer.StartAsync(
            await databases.CreateAsync(Kind.Timescale), "--Storage:RawRetention=360.00:00:00");
        await using var held = await HoldRefreshAsync(server);
        await FillAsync(server, ElevenMonthsAgo.AddDays(-40), days: 60);
        await held.DisposeAsync();
        await RefreshAsync(server);
        var before = await Figures.OfViewAsync(server);

        // As the policy does, days early and days late.
        await server.ExecuteAsync("SELECT drop_chunks('sungrow_samples', now() - interval '345 days')");
        var oldest = await server.AskAsync<DateTime>("SELECT min(ts) FROM sungrow_samples");
        Assert.True(oldest > ElevenMonthsAgo.AddDays(-30).UtcDateTime);
        await server.ExecuteAsync(
            $"INSERT INTO pending_refresh (from_ts, to_ts) VALUES ('{ElevenMonthsAgo.AddDays(-60):O}', '{ElevenMonthsAgo:O}')");
        await RefreshAsync(server);

        Figures.AssertEqual(before, await Figures.OfViewAsync(server));
        Assert.Equal(0, await server.CountAsync("pending_refresh"));
    }

    [Fact]
    public async Task A_policy_that_would_erase_figures_ends_the_start()
    {
        var database = await databases.CreateAsync(Kind.Timescale);
        await using (var server = await VpsServer.StartAsync(database))
        {
            await server.ExecuteAsync(
                "SELECT add_continuous_aggregate_policy('samples_15m', NULL, interval '1 hour', interval '1 hour')");
        }

        await using var refused = await VpsServer.StartWithoutDatabaseAsync(database);
        var start = refused.Services.GetRequiredService<DatabaseStart>();
        await Until.TrueAsync(() => start.ExecuteTask is { IsCompleted: true });

        Assert.Contains("samples_15m", Assert.Throws<StartRefusedException>(start.ThrowIfRefused).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plain_view_becomes_a_continuous_aggregate_when_TimescaleDB_comes()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale));
        await server.ExecuteAsync("DROP MATERIALIZED VIEW samples_15m CASCADE");
        await using (var connection = await server.Database.OpenConnectionAsync())
        {
            await Aggregates.EnsureAsync(connection, continuous: false, fleet: false, default);
            await FillAsync(server, ElevenMonthsAgo, days: 20);
            await Aggregates.EnsureAsync(connection, continuous: true, fleet: false, default);
        }

        var samples = await Figures.OfSamplesAsync(server);
        Figures.AssertEqual(samples, await Figures.OfViewAsync(server)); // At once,
        await RefreshAsync(server);
        Figures.AssertEqual(samples, await Figures.OfViewAsync(server)); // and refreshed.
        Assert.Equal("20", await server.AskAsync<string>(
            """
            SELECT (_timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(mat_hypertable_id))::date
                    - (SELECT min(ts)::date FROM sungrow_samples))::text
            FROM _timescaledb_catalog.continuous_agg WHERE user_view_name = 'samples_15m'
            """));
    }

    internal static AggregateRefresh Refresh(VpsServer server) => server.Services.GetRequiredService<AggregateRefresh>();

    internal static async Task RefreshAsync(VpsServer server) =>
        // Its own worker may be at it.
        await Until.TrueAsync(() => Refresh(server).RunAsync(regular: true, TestContext.Current.CancellationToken));

    /// <summary>Values of both signs, some never read, and steps that are not all alike.</summary>
    internal static IEnumerable<SungrowSample> Household(Random random, DateTimeOffset start, int count, double stepS = 10)
    {
        var ts = Rfc3339.Truncate(start);
        for (var i = 0; i < count; i++, ts = Rfc3339.Truncate(ts.AddSeconds(random.Next(10) == 0 ? 3.25 * stepS : stepS)))
        {
            yield return new SungrowSample
            {
                DeviceId = VpsServer.Device,
                Ts = ts,
                PvPowerW = Maybe(0, 8_000),
                PvDailyKwh = Maybe(0, 60),
                BatteryPowerW = Maybe(-5_000, 5_000),
                BatterySocPct = Maybe(0, 100),
                BatteryTempC = Maybe(-10, 50),
                LoadPowerW = random.Next(-10, 6_000),
                ExportPowerW = Maybe(-6_000, 6_000),
                IntervalS = random.Next(3) == 0 ? stepS * 2 : null,
            };
        }

        double? Maybe(int least, int most) => random.Next(8) == 0 ? null : random.Next(least * 10, most * 10) / 10.0;
    }

    /// <summary>A sample a minute of two devices; not by ingest, which would ask for a refresh.</summary>
    /// <param name="without">A day that inverter-1 has nothing of.</param>
    private static async Task FillAsync(VpsServer server, DateTimeOffset start, int days, DateTimeOffset? without = null)
    {
        foreach (var device in new[] { "inverter-1", "inverter-2" })
        {
            await server.ExecuteAsync(
                $"""
                INSERT INTO sungrow_samples (device_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, load_power_w, export_power_w,
                                             sample_count, interval_s)
                SELECT '{device}', ts, number % 4000, number / 1000.0, 2000 - number % 4001, 500, number % 3001 - 1500, 1, 60
                FROM generate_series(0, {days} * 1440 - 1) AS number,
                     LATERAL (SELECT TIMESTAMPTZ '{start:O}' + number * interval '1 minute' AS ts) AS times
                WHERE '{device}' = 'inverter-2' OR ts < '{without ?? start:O}' OR ts >= '{without?.AddDays(1) ?? start:O}'
                """);
        }
    }

    private static Task<Hold> HoldRefreshAsync(VpsServer server) => HoldRefreshAsync(server.Database.ConnectionString);

    /// <summary>As another replica would hold it.</summary>
    private static async Task<Hold> HoldRefreshAsync(string database)
    {
        NpgsqlConnection connection = new(database + ";Pooling=false");
        await connection.OpenAsync();
        await using NpgsqlCommand command = new($"SELECT pg_advisory_lock({AggregateRefresh.LockKey})", connection);
        await command.ExecuteNonQueryAsync();
        return new(connection);
    }

    private static async Task RefreshedAsync(VpsServer server, Hold held)
    {
        await FillAsync(server, TimeProvider.System.GetUtcNow().AddDays(-10), days: 5);
        await held.ReleaseAsync();
        await RefreshAsync(server);
        await held.TakeAsync();
    }

    private sealed class Hold(NpgsqlConnection connection) : IAsyncDisposable
    {
        public Task ReleaseAsync() => ExecuteAsync("pg_advisory_unlock");

        public Task TakeAsync() => ExecuteAsync("pg_advisory_lock");

        public ValueTask DisposeAsync() => connection.DisposeAsync();

        private async Task ExecuteAsync(string function)
        {
            await using NpgsqlCommand command = new($"SELECT {function}({AggregateRefresh.LockKey})", connection);
            await command.ExecuteNonQueryAsync();
        }
    }
}
