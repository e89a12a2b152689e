using Npgsql;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Fleet;

/// <summary>One VPS pushes to another, with everything that comes between.</summary>
public class FleetTests
{
    private static readonly DateTimeOffset Yesterday = new(TimeProvider.System.GetUtcNow().UtcDateTime.Date.AddDays(-1), TimeSpan.Zero);

    private readonly CancellationToken _cancelled = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Back_dated_samples_and_a_transaction_that_commits_late_arrive_like_any_other()
    {
        await using var fleet = await FleetStacks.OpenAsync(_cancelled);
        await fleet.StartAdminAsync(_cancelled);
        var client = await fleet.StartClientAsync(
            await fleet.CreateDatabaseAsync(_cancelled), await fleet.AddCustomerAsync("one", _cancelled), _cancelled);
        await fleet.IngestAsync(client, Yesterday, 200, _cancelled);
        await fleet.SameAsync(client.Database, "one", _cancelled);

        await using NpgsqlConnection late = new(client.Database);
        await late.OpenAsync(_cancelled);
        await using var transaction = await late.BeginTransactionAsync(_cancelled);
        await using (NpgsqlCommand open = new(
            $"""
            INSERT INTO sungrow_samples (device_id, ts, pv_power_w, sample_count, interval_s)
                VALUES ('{FleetStacks.Device}', '{Yesterday.AddHours(5):o}', 5, 1, 10);
            INSERT INTO fleet_outbox (device_id, from_ts, to_ts)
                VALUES ('{FleetStacks.Device}', '{Yesterday.AddHours(5):o}', '{Yesterday.AddHours(5):o}')
            """,
            late))
        {
            await open.ExecuteNonQueryAsync(_cancelled);
        }

        for (var tick = 1; tick <= 3; tick++)
        {
            await fleet.IngestAsync(client, Yesterday.AddHours(5 + tick), 20, _cancelled);
            await fleet.IngestAsync(client, Yesterday.AddDays(-100 * tick), 20, _cancelled);
            await fleet.SameAsync(client.Database, "one", _cancelled); // Without what is open, whose number is lower.
        }

        await transaction.CommitAsync(_cancelled);
        await fleet.SameAsync(client.Database, "one", _cancelled);
        Assert.Equal(321, await CountAsync(fleet, "fleet.measurements"));
        Assert.Equal("default/default", await FleetStacks.ScalarAsync<string>(fleet.AdminDatabase, "SELECT id FROM fleet.sites", _cancelled));
        Assert.Equal(
            FleetStacks.Device, await FleetStacks.ScalarAsync<string>(fleet.AdminDatabase, "SELECT id FROM fleet.devices", _cancelled));
    }

    [Fact]
    public async Task Switching_on_pushes_the_past_and_before_that_nothing_of_it_runs()
    {
        await using var fleet = await FleetStacks.OpenAsync(_cancelled);
        await fleet.StartAdminAsync(_cancelled);
        var off = await fleet.StartClientAsync(await fleet.CreateDatabaseAsync(_cancelled), null, _cancelled);
        await fleet.IngestAsync(off, Yesterday.AddDays(-300), 17_000, _cancelled);
        await fleet.IngestAsync(off, Yesterday, 1_000, _cancelled);
        Assert.Equal(
            0,
            await FleetStacks.ScalarAsync<long>(
                off.Database, "SELECT (SELECT count(*) FROM fleet_outbox) + (SELECT count(*) FROM fleet_push_state)", _cancelled));
        await FleetStacks.EndAsync(off.Process);

        var token = await fleet.AddCustomerAsync("one", _cancelled);
        var on = await fleet.StartClientAsync(off.Database, token, _cancelled);

        await on.Process.LineAsync("the past of 1 devices is in the outbox", cancellationToken: _cancelled);
        await fleet.SameAsync(on.Database, "one", _cancelled);
        await on.Process.LineAsync("Pushed all that waited, 18000 samples", cancellationToken: _cancelled);
        Assert.Equal(18_000, await CountAsync(fleet, "fleet.measurements"));
    }

    [Fact]
    public async Task An_admin_that_is_down_gets_everything_when_it_is_back_and_what_comes_twice_once()
    {
        await using var fleet = await FleetStacks.OpenAsync(_cancelled);
        var admin = await fleet.StartAdminAsync(_cancelled);
        var client = await fleet.StartClientAsync(
            await fleet.CreateDatabaseAsync(_cancelled), await fleet.AddCustomerAsync("one", _cancelled), _cancelled);
        await fleet.IngestAsync(client, Yesterday, 500, _cancelled);
        await fleet.SameAsync(client.Database, "one", _cancelled);

        await FleetStacks.EndAsync(admin);
        await fleet.IngestAsync(client, Yesterday.AddHours(3), 500, _cancelled);
        await client.Process.LineAsync("failed, next try", cancellationToken: _cancelled);
        await FailedAsync(client);
        await fleet.StartAdminAsync(_cancelled);
        await FleetStacks.TryNowAsync(client.Database, _cancelled);
        await fleet.SameAsync(client.Database, "one", _cancelled);

        await FleetStacks.ExecuteAsync(
            client.Database,
            "INSERT INTO fleet_outbox (device_id, from_ts, to_ts) SELECT device_id, min(ts), max(ts) FROM sungrow_samples GROUP BY device_id",
            _cancelled);
        await fleet.SameAsync(client.Database, "one", _cancelled);
        Assert.Equal(1_000, await CountAsync(fleet, "fleet.measurements"));
        Assert.Equal(1, await CountAsync(fleet, "fleet.ingest_events WHERE duplicates = 1000 AND accepted = 0"));
    }

    [Fact]
    public async Task A_revoked_customer_is_paused_loudly_and_loses_nothing()
    {
        await using var fleet = await FleetStacks.OpenAsync(_cancelled);
        await fleet.StartAdminAsync(_cancelled, ("AUTH_CACHE_TTL_SECONDS", "1"));
        var client = await fleet.StartClientAsync(
            await fleet.CreateDatabaseAsync(_cancelled), await fleet.AddCustomerAsync("one", _cancelled), _cancelled);
        await fleet.IngestAsync(client, Yesterday, 100, _cancelled);
        await fleet.SameAsync(client.Database, "one", _cancelled);

        await fleet.CustomersAsync(_cancelled, "revoke", "one");
        await client.Process.LineAsync("refuses FleetIngest__Token", cancellationToken: _cancelled);
        await fleet.IngestAsync(client, Yesterday.AddHours(1), 100, _cancelled);
        Assert.Equal(100, await CountAsync(fleet, "fleet.measurements"));
        Assert.Equal(
            3,
            await FleetStacks.ScalarAsync<long>(
                client.Database, "SELECT count(*) FROM fleet_push_state WHERE next_try > now() + interval '20 minutes'", _cancelled));

        await fleet.CustomersAsync(_cancelled, "revoke", "one", "--undo");
        await FleetStacks.TryNowAsync(client.Database, _cancelled);
        await fleet.SameAsync(client.Database, "one", _cancelled);
    }

    [Fact]
    public async Task What_is_broken_on_the_way_is_400_and_nothing_of_it_is_given_up()
    {
        await using var fleet = await FleetStacks.OpenAsync(_cancelled);
        await fleet.StartAdminAsync(_cancelled);
        await using CuttingProxy between = new(fleet.AdminPort);
        var client = await fleet.StartClientAsync(
            await fleet.CreateDatabaseAsync(_cancelled), await fleet.AddCustomerAsync("one", _cancelled), _cancelled, between.Port);

        await fleet.IngestAsync(client, Yesterday, 500, _cancelled);
        await client.Process.LineAsync("400 MALFORMED_BODY", cancellationToken: _cancelled);
        await FailedAsync(client);
        Assert.Equal(0, await CountAsync(fleet, "fleet.measurements"));
        Assert.True(await CountAsync(fleet, "fleet.ingest_events WHERE batch_type = 'measurements' AND error = 'MALFORMED_BODY'") >= 1);
        Assert.Equal(1, await CountAsync(fleet, "fleet.sites")); // Sites and devices are pushed all the same.
        Assert.Equal(1, await CountAsync(fleet, "fleet.devices"));

        between.Mend();
        await FleetStacks.TryNowAsync(client.Database, _cancelled);
        await fleet.SameAsync(client.Database, "one", _cancelled);
        Assert.Null(between.Broken);
    }

    [Fact]
    public async Task Too_large_is_halved_and_too_often_waits()
    {
        await using var fleet = await FleetStacks.OpenAsync(_cancelled);
        // Some 200 bytes a sample, so 5,000 have to be halved four times; and more than a burst of them.
        await fleet.StartAdminAsync(
            _cancelled, ("MAX_PAYLOAD_BYTES", "100000"), ("RATE_LIMIT_SAMPLES_PER_SECOND", "500"), ("RATE_LIMIT_BURST_SAMPLES", "1000"));
        var off = await fleet.StartClientAsync(await fleet.CreateDatabaseAsync(_cancelled), null, _cancelled);
        await fleet.IngestAsync(off, Yesterday, 4_000, _cancelled);
        await FleetStacks.EndAsync(off.Process);

        var client = await fleet.StartClientAsync(off.Database, await fleet.AddCustomerAsync("one", _cancelled), _cancelled);

        await fleet.SameAsync(client.Database, "one", _cancelled);
        Assert.True(await CountAsync(fleet, "fleet.ingest_events WHERE error = 'PAYLOAD_TOO_LARGE'") >= 3);
        Assert.Contains("as the admin VPS asks", client.Process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_replicas_push_in_turn_and_one_goes_on_without_the_other()
    {
        await using var fleet = await FleetStacks.OpenAsync(_cancelled);
        await fleet.StartAdminAsync(_cancelled);
        var (database, token) = (await fleet.CreateDatabaseAsync(_cancelled), await fleet.AddCustomerAsync("one", _cancelled));
        var first = await fleet.StartClientAsync(database, token, _cancelled);
        var second = await fleet.StartClientAsync(database, token, _cancelled);

        for (var hour = 0; hour < 4; hour++)
        {
            await fleet.IngestAsync(hour % 2 == 0 ? first : second, Yesterday.AddHours(hour), 300, _cancelled);
        }

        await fleet.SameAsync(database, "one", _cancelled);
        await FleetStacks.EndAsync(first.Process);
        await fleet.IngestAsync(second, Yesterday.AddHours(5), 300, _cancelled);
        await fleet.SameAsync(database, "one", _cancelled);
        Assert.Equal(
            1_500,
            await FleetStacks.ScalarAsync<long>(
                fleet.AdminDatabase, "SELECT sum(accepted) FROM fleet.ingest_events WHERE batch_type = 'measurements'", _cancelled));
    }

    [Fact]
    public async Task Two_customers_may_have_a_device_of_the_same_name()
    {
        await using var fleet = await FleetStacks.OpenAsync(_cancelled);
        await fleet.StartAdminAsync(_cancelled);
        var one = await fleet.StartClientAsync(
            await fleet.CreateDatabaseAsync(_cancelled), await fleet.AddCustomerAsync("one", _cancelled), _cancelled);
        var two = await fleet.StartClientAsync(
            await fleet.CreateDatabaseAsync(_cancelled), await fleet.AddCustomerAsync("two", _cancelled), _cancelled);

        await fleet.IngestAsync(one, Yesterday, 100, _cancelled, watts: 1_000);
        await fleet.IngestAsync(two, Yesterday, 150, _cancelled, watts: 2_000);

        await fleet.SameAsync(one.Database, "one", _cancelled);
        await fleet.SameAsync(two.Database, "two", _cancelled);
        Assert.Equal(250, await CountAsync(fleet, "fleet.measurements"));
    }

    [Fact]
    public async Task A_client_restored_from_a_backup_goes_on_and_nothing_is_doubled()
    {
        await using var fleet = await FleetStacks.OpenAsync(_cancelled);
        await fleet.StartAdminAsync(_cancelled);
        var token = await fleet.AddCustomerAsync("one", _cancelled);
        var off = await fleet.StartClientAsync(await fleet.CreateDatabaseAsync(_cancelled), null, _cancelled);
        await fleet.IngestAsync(off, Yesterday, 100, _cancelled);
        await FleetStacks.EndAsync(off.Process);
        var backup = await fleet.CopyDatabaseAsync(off.Database, _cancelled);
        var before = await fleet.StartClientAsync(off.Database, token, _cancelled);
        await fleet.IngestAsync(before, Yesterday.AddHours(1), 100, _cancelled);
        await fleet.SameAsync(before.Database, "one", _cancelled);
        await FleetStacks.EndAsync(before.Process);

        var restored = await fleet.StartClientAsync(backup, token, _cancelled);
        await fleet.IngestAsync(restored, Yesterday.AddHours(1), 100, _cancelled); // The edge's, asked for again.
        await fleet.IngestAsync(restored, Yesterday.AddHours(2), 100, _cancelled);

        await fleet.SameAsync(restored.Database, "one", _cancelled);
        Assert.Equal(300, await CountAsync(fleet, "fleet.measurements"));
    }

    private Task FailedAsync(FleetClientStack client) => Until.TrueAsync(
        async () => await FleetStacks.ScalarAsync<long>(
            client.Database, "SELECT count(*) FROM fleet_push_state WHERE resource = 'measurements' AND failures > 0", _cancelled) == 1,
        cancellationToken: _cancelled);

    private Task<long> CountAsync(FleetStacks fleet, string rows) =>
        FleetStacks.ScalarAsync<long>(fleet.AdminDatabase, $"SELECT count(*) FROM {rows}", _cancelled);
}
