using System.Net;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

public class StartTests(Databases databases)
{
    // Everything a start could change, and nothing that changes by itself.
    private const string Catalog =
        """
        SELECT string_agg(line, chr(10) ORDER BY line) FROM (
            SELECT 'relation ' || oid || ' ' || relname || ' ' || relkind::text || coalesce(array_to_string(reloptions, ','), '') AS line
            FROM pg_class WHERE relnamespace = 'public'::regnamespace
            UNION ALL SELECT 'column ' || attrelid || ' ' || attname || ' ' || atttypid || ' ' || attnotnull FROM pg_attribute
                JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0
            UNION ALL SELECT 'constraint ' || oid || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                WHERE connamespace = 'public'::regnamespace
            UNION ALL SELECT 'extension ' || extname || ' ' || extversion FROM pg_extension
            UNION ALL SELECT 'migration ' || "MigrationId" FROM "__EFMigrationsHistory"
            UNION ALL SELECT 'row ' || xmin || ' ' || name FROM tenants
            UNION ALL SELECT 'row ' || xmin || ' ' || name || ' ' || time_zone FROM sites
            UNION ALL SELECT 'row ' || xmin || ' ' || device_id FROM devices) AS lines
        """;

    private const string TimescaleCatalog =
        """
        SELECT (SELECT string_agg(hypertable_name || ' ' || compression_enabled, ',') FROM timescaledb_information.hypertables) || chr(10)
            || (SELECT string_agg(column_name || ' ' || time_interval, ',') FROM timescaledb_information.dimensions) || chr(10)
            || (SELECT string_agg(job_id || ' ' || proc_name || ' ' || config, ',' ORDER BY job_id) FROM timescaledb_information.jobs
                WHERE hypertable_name IS NOT NULL)
        """;

    [Fact]
    public void The_model_and_the_migrations_agree()
    {
        using var context = new DesignTimeFactory().CreateDbContext([]);

        Assert.False(context.Database.HasPendingModelChanges(), "Add a migration: vps/Sungrow.Vps/Storage/README.md says how.");
    }

    [Fact]
    public async Task Samples_are_a_hypertable_of_seven_days_that_is_compressed_by_device_and_dropped_after_five_years()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(Kind.Timescale), "--Storage:Timescale=Required");

        Assert.Equal(
            TimeSpan.FromDays(7),
            await server.AskAsync<TimeSpan>(
                "SELECT time_interval FROM timescaledb_information.dimensions WHERE hypertable_name = 'sungrow_samples'"));
        Assert.Equal(
            "device_id 1 -|ts - 1 f",
            await server.AskAsync<string>(
                """
                SELECT string_agg(concat_ws(' ', attname, coalesce(segmentby_column_index::text, '-'),
                                            coalesce(orderby_column_index::text, '-'), orderby_asc), '|' ORDER BY attname)
                FROM timescaledb_information.compression_settings WHERE hypertable_name = 'sungrow_samples'
                """));
        Assert.Equal(
            "policy_compression 30 days|policy_retention 1826 days",
            await PoliciesAsync(server));
        Assert.Equal(
            "pk_sungrow_samples",
            await server.AskAsync<string>("SELECT string_agg(indexname, ',') FROM pg_indexes WHERE tablename = 'sungrow_samples'"));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task Starting_again_changes_nothing(Kind kind)
    {
        var database = await databases.CreateAsync(kind);
        await using var first = await VpsServer.StartAsync(database);
        await first.IngestAsync(Series.Samples(3));
        var before = await CatalogAsync(first, kind);

        await using var second = await VpsServer.StartAsync(database);
        await using var third = await VpsServer.StartAsync(database);

        Assert.Equal(before, await CatalogAsync(first, kind));
        Assert.Equal(3, await third.CountAsync("sungrow_samples"));
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task Three_starts_at_once_on_an_empty_database_all_come_up_at_the_first_try(Kind kind)
    {
        await using var postgres = await Databases.StartAsync(kind); // One whose log holds nothing but this.
        const int Rounds = 5;
        await using var schema = new DesignTimeFactory().CreateDbContext([]);
        var migrations = schema.Database.GetMigrations().Count();
        for (var round = 0; round < Rounds; round++)
        {
            var database = await postgres.CreateDatabaseAsync();

            var servers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => VpsServer.StartAsync(database)));

            Assert.Equal(migrations, await servers[0].CountAsync("\"__EFMigrationsHistory\""));
            Assert.Equal(3, await servers[1].CountAsync("devices"));
            Assert.Equal(new(1, 0, 0), (await servers[2].IngestAsync(Series.Sample(1))).Counts());
            foreach (var server in servers)
            {
                await server.DisposeAsync();
            }
        }

        // EF asks for its history before it makes it: once for each database, by the start that was first. And TimescaleDB's own jobs
        // stumble over the moment in which the extension is made.
        var errors = postgres.Log.Split('\n')
            .Where(line => line.Contains("ERROR:", StringComparison.Ordinal))
            .Where(line => !line.Contains("cannot drop portal", StringComparison.Ordinal)).ToArray();
        Assert.All(errors, error => Assert.Contains("relation \"__EFMigrationsHistory\" does not exist", error, StringComparison.Ordinal));
        Assert.Equal(Rounds, errors.Length);
    }

    [Fact]
    public async Task Samples_of_plain_PostgreSQL_become_chunks_when_TimescaleDB_comes()
    {
        var database = await databases.CreateAsync(Kind.Timescale);
        await using (var plain = new SungrowDbContext(new DbContextOptionsBuilder<SungrowDbContext>().UseNpgsql(database).Options))
        {
            await plain.Database.MigrateAsync();
            await plain.Database.ExecuteSqlRawAsync(
                """
                INSERT INTO sungrow_samples (device_id, ts, pv_power_w, sample_count, interval_s)
                SELECT 'inverter-1', now() - day * interval '1 day', day, 1, 10 FROM generate_series(1, 100) AS day
                """);
        }

        await using var server = await VpsServer.StartAsync(database);

        Assert.Equal(100, await server.CountAsync("sungrow_samples"));
        Assert.Equal(0, await server.CountAsync("ONLY sungrow_samples"));
        Assert.InRange(await server.CountAsync("show_chunks('sungrow_samples')"), 14, 17);
    }

    [Fact]
    public async Task A_changed_setting_changes_the_policy()
    {
        var database = await databases.CreateAsync(Kind.Timescale);
        await (await VpsServer.StartAsync(database)).DisposeAsync();

        string[] settings = ["--Storage:CompressAfter=14.00:00:00", "--Storage:RawRetention=400.00:00:00"];
        await using (var changed = await VpsServer.StartAsync(database, settings))
        {
            Assert.Equal("policy_compression 14 days|policy_retention 400 days", await PoliciesAsync(changed));
        }

        await using var forEver = await VpsServer.StartAsync(database, "--Storage:RawRetention=0");
        Assert.Equal("policy_compression 30 days", await PoliciesAsync(forEver));
    }

    [Fact]
    public async Task The_registry_begins_with_the_default_tenant_and_site_and_makes_room_for_others()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database, "--SITE_TIMEZONE=Europe/Berlin");

        Assert.Equal(
            "default default Europe/Berlin inverter-1,inverter-2,inverter-3 ACTIVE",
            await server.AskAsync<string>(
                """
                SELECT concat_ws(' ', tenants.name, sites.name, time_zone, string_agg(device_id, ',' ORDER BY device_id), min(status))
                FROM tenants JOIN sites ON tenant_id = tenants.id JOIN devices ON site_id = sites.id
                GROUP BY tenants.name, sites.name, time_zone
                """));
        Assert.Equal(2, await server.AskAsync<int>("INSERT INTO tenants (name) VALUES ('other') RETURNING id"));
        Assert.Equal(
            2, await server.AskAsync<int>("INSERT INTO sites (tenant_id, name, time_zone) VALUES (2, 'roof', 'UTC') RETURNING id"));
        var twice = await Assert.ThrowsAsync<PostgresException>(
            () => server.ExecuteAsync("INSERT INTO devices (device_id, site_id) VALUES ('inverter-1', 2)"));
        Assert.Equal(PostgresErrorCodes.UniqueViolation, twice.SqlState);
        var unknown = await Assert.ThrowsAsync<PostgresException>(() => server.ExecuteAsync("UPDATE devices SET status = 'ASLEEP'"));
        Assert.Equal(PostgresErrorCodes.CheckViolation, unknown.SqlState);
    }

    [Fact]
    public async Task A_revoked_device_stays_revoked_whatever_the_environment_says()
    {
        var database = await databases.CreateAsync();
        await using (var before = await VpsServer.StartAsync(database))
        {
            await before.ExecuteAsync("UPDATE devices SET status = 'REVOKED' WHERE device_id = 'inverter-1'");
        }

        await using var server = await VpsServer.StartAsync(database);

        Assert.Equal((HttpStatusCode.Forbidden, "DEVICE_REVOKED"), await CodeAsync(server.GetAsync("/v1/whoami")));
    }

    [Fact]
    public async Task The_process_lives_without_its_database_and_works_when_it_comes()
    {
        var postgres = await databases.ServerAsync(Kind.Plain);
        const string name = "comes_later";
        await using var server = await VpsServer.StartWithoutDatabaseAsync(postgres.ConnectionString(name));

        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/healthz")).Status);
        var readiness = await server.GetAsync("/readyz");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "down"), (readiness.Status, readiness.Json.GetProperty("database").GetString()));
        Assert.Equal("off", readiness.Json.GetProperty("redis").GetString());
        Answer[] answers =
        [
            await server.IngestAsync(Series.Sample(1)),
            await server.GetAsync("/v1/whoami"),
            await server.GetAsync("/v1/realtime", "viewer"),
        ];
        foreach (var answer in answers)
        {
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE"), (answer.Status, answer.Code));
            Assert.True(answer.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        }

        // Who calls is known without it, when the environment does not know the token and it cannot be one of ours.
        Assert.Equal((HttpStatusCode.Unauthorized, "TOKEN_INVALID"), await CodeAsync(server.GetAsync("/v1/whoami", "guess")));

        await using (var command = NpgsqlDataSource.Create(postgres.ConnectionString("postgres")).CreateCommand($"CREATE DATABASE {name}"))
        {
            await command.ExecuteNonQueryAsync();
        }

        await server.ReadyAsync();
        Assert.Equal(new(1, 0, 0), (await server.IngestAsync(Series.Sample(1))).Counts());
    }

    private static async Task<string> CatalogAsync(VpsServer server, Kind kind) =>
        await server.AskAsync<string>(Catalog) + (kind == Kind.Timescale ? await server.AskAsync<string>(TimescaleCatalog) : "");

    private static Task<string> PoliciesAsync(VpsServer server) => server.AskAsync<string>(
        """
        SELECT string_agg(proc_name || ' ' || coalesce(config->>'compress_after', config->>'drop_after'), '|' ORDER BY proc_name)
        FROM timescaledb_information.jobs WHERE hypertable_name = 'sungrow_samples'
        """);

    private static async Task<(HttpStatusCode, string?)> CodeAsync(Task<Answer> asked)
    {
        var answer = await asked;
        return (answer.Status, answer.Code);
    }
}
