using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests;

/// <summary>The program as it is started: what it says, and how it ends.</summary>
public class ProcessTests(Databases databases)
{
    private const string Secret = "hunter2";
    private const string Listening = "Now listening on: ";
    private const string Somewhere = "postgres://sungrow:hunter2@127.0.0.1:1/solar";

    public static TheoryData<string, string, string> WrongSettings => new()
    {
        { "DATABASE_URL", "", "DATABASE_URL: not set; allowed is postgres://user:password@host:port/database or Host=..;Database=..;" },
        { "DATABASE_URL", "mysql://sungrow:hunter2@db/solar", "DATABASE_URL: not a postgres:// URL; allowed is " },
        { "DATABASE_URL", "postgres://sungrow:hunter2@db", "DATABASE_URL: names no database; allowed is " },
        { "DATABASE_URL", "Host=db;Database=solar;Pasword=hunter2", "DATABASE_URL: a part of it is unknown or malformed; allowed is " },
        { "DEVICE_TOKENS", "hunter2", "DEVICE_TOKENS: entry 1 has no colon; allowed is token:device,token:device with device ids of " },
        { "DEVICE_TOKENS", "a:b,hunter2:c d", "DEVICE_TOKENS: entry 2 has a malformed device id; allowed is " },
        { "DEVICE_TOKENS", "hunter2:a,hunter2:b", "DEVICE_TOKENS: entry 2 repeats the token of an earlier entry; allowed is " },
        { "VIEWER_TOKENS", "hunter2:a,hunter2:a", "VIEWER_TOKENS: entry 2 repeats an earlier entry; allowed is " },
        { "SITE_TIMEZONE", "Mars/Olympus", "SITE_TIMEZONE is 'Mars/Olympus'; allowed is an IANA time zone of this machine, for example " },
        { "MAX_PAYLOAD_BYTES", "1023", "MAX_PAYLOAD_BYTES is '1023'; allowed is 1024 .. 4194304." },
        { "MAX_PAYLOAD_BYTES", "4194305", "MAX_PAYLOAD_BYTES is '4194305'; allowed is 1024 .. 4194304." },
        { "MAX_PAYLOAD_BYTES", "4MB", "MAX_PAYLOAD_BYTES is '4MB'; allowed is a number." },
        { "Limits__MaxPayloadBytes", "0", "MAX_PAYLOAD_BYTES is '0'; allowed is 1024 .. 4194304." },
        { "AUTH_CACHE_TTL_SECONDS", "0", "AUTH_CACHE_TTL_SECONDS is '0'; allowed is 1 .. 3600." },
        { "AUTH_CACHE_MAX_SIZE", "many", "AUTH_CACHE_MAX_SIZE is 'many'; allowed is a number." },
        { "RATE_LIMIT_SAMPLES_PER_SECOND", "-1", "RATE_LIMIT_SAMPLES_PER_SECOND is '-1'; allowed is 0.001 .. 1000000000, or 0 for no limit." },
        { "RATE_LIMIT_BURST_REQUESTS", "NaN", "RATE_LIMIT_BURST_REQUESTS is 'NaN'; allowed is 1 .. 1000000000, or 0 for no limit." },
        { "RATE_LIMIT_FAILED_AUTH_PER_MINUTE", "few", "RATE_LIMIT_FAILED_AUTH_PER_MINUTE is 'few'; allowed is a number." },
        { "TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/33", "TRUSTED_PROXIES is '127.0.0.1,10.0.0.0/33'; allowed is addresses and networks, " },
        { "Devices__StatsInterval", "0", "Devices__StatsInterval is '00:00:00'; allowed is 00:00:01 .. 01:00:00." },
        { "Storage__Timescale", "Sometimes", "Storage__Timescale is 'Sometimes'; allowed is Auto or Required." },
        { "Storage__Timescale", "7", "Storage__Timescale is '7'; allowed is Auto or Required." },
        { "Storage__RawRetention", "five years", "Storage__RawRetention is 'five years'; allowed is a duration, for example 30.00:00:00." },
        { "Storage__RawRetention", "-1.00:00:00", "Storage__RawRetention is '-1.00:00:00'; allowed is 14.00:00:00 .. 36500.00:00:00, or 0" },
        { "Storage__CompressAfter", "0", "Storage__CompressAfter is '00:00:00'; allowed is 1.00:00:00 .. 36500.00:00:00." },
        { "Application__RunMode", "Both", "Application__RunMode is 'Both'; allowed is Client or Admin." },
        { "Application__RunMode", "7", "Application__RunMode is '7'; allowed is Client or Admin." },
        { "FleetIngest__Enabled", "perhaps", "FleetIngest__Enabled is 'perhaps'; allowed is true or false." },
        { "FleetIngest__Interval", "0", "FleetIngest__Interval is '00:00:00'; allowed is 00:00:01 .. 1.00:00:00." },
        { "REDIS_URL", "http://:hunter2@cache", "REDIS_URL: of another scheme than redis://; allowed is " },
        { "ASPNETCORE_URLS", "nonsense", "ASPNETCORE_URLS: Invalid url: 'nonsense'; allowed is " },
        { "ASPNETCORE_URLS", "http://192.0.2.1:80", "ASPNETCORE_URLS: Cannot assign requested address; allowed is a free address of " },
        { "ASPNETCORE_URLS", "http://127.0.0.1:0/solar", "ASPNETCORE_URLS: A path base can only be configured " },
        { "ASPNETCORE_URLS", "ftp://127.0.0.1:0", "ASPNETCORE_URLS: Unrecognized scheme in server address 'ftp://127.0.0.1:0'. " },
        { "ASPNETCORE_URLS", "http://127.0.0.1:65536", "ASPNETCORE_URLS: Specified argument was out of the range of valid values. " },
        { "Logging__LogLevel__Default", "Loud", "Logging__LogLevel: Configuration value 'Loud' " },
    };

    [Theory]
    [MemberData(nameof(WrongSettings))]
    public async Task A_wrong_setting_ends_the_start_with_one_line(string name, string value, string line)
    {
        await using var vps = Start(new() { [name] = value });

        var exitCode = await vps.ExitCodeAsync();

        var said = Said(vps);
        Assert.StartsWith("sungrow-vps: " + line, said, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, said, StringComparison.Ordinal);
        Assert.NotEqual(0, exitCode);
    }

    [Fact]
    public async Task Several_wrong_settings_are_a_line_each()
    {
        await using var vps = Start(new() { ["DATABASE_URL"] = null, ["SITE_TIMEZONE"] = "Mars", ["MAX_PAYLOAD_BYTES"] = "1" });

        Assert.NotEqual(0, await vps.ExitCodeAsync());
        Assert.Equal(
            ["DATABASE_URL:", "MAX_PAYLOAD_BYTES", "SITE_TIMEZONE"],
            vps.Lines.Select(line => line.Split(' ')[1]).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("helth")]
    [InlineData("--Storage:Timescale")]
    [InlineData("serve --now")]
    public async Task An_argument_that_is_neither_command_nor_setting_ends_the_start_with_one_line(string arguments)
    {
        await using var vps = ProgramProcess.StartOurs("sungrow-vps", arguments.Split(' '), Environment(new()));

        Assert.NotEqual(0, await vps.ExitCodeAsync());
        Assert.Equal(
            "sungrow-vps: argument 1 is unknown; allowed are settings as --Section:Name=value, and the commands of --help.",
            Assert.Single(vps.Lines));
    }

    [Fact]
    public async Task An_address_in_use_ends_the_start_with_one_line()
    {
        using System.Net.Sockets.TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        await using var vps = Start(new() { ["ASPNETCORE_URLS"] = $"http://{taken.LocalEndpoint}" });

        Assert.NotEqual(0, await vps.ExitCodeAsync());
        Assert.StartsWith(
            $"sungrow-vps: ASPNETCORE_URLS: Failed to bind to address http://{taken.LocalEndpoint}: address already in use.",
            Said(vps), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Required_TimescaleDB_that_the_server_does_not_have_ends_the_start_with_one_line()
    {
        await using var vps = Start(
            new() { ["DATABASE_URL"] = await databases.CreateAsync(Kind.Plain), ["Storage__Timescale"] = "Required" });

        Assert.NotEqual(0, await vps.ExitCodeAsync());
        Assert.StartsWith(
            "sungrow-vps: Storage__Timescale is 'Required'; allowed is Auto where there is no TimescaleDB. Here ",
            Complaint(vps), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Old_TimescaleDB_ends_the_start_with_one_line_and_leaves_the_database_as_it_was()
    {
        var database = await databases.CreateAsync(Kind.Plain);
        await using var source = NpgsqlDataSource.Create(database);
        // No old one can be installed beside the new. What a start goes by is the row in the catalog.
        await using (var pretend = source.CreateCommand(
            """
            INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
            VALUES (999999, 'timescaledb', 10, 'public'::regnamespace, false, '2.17.2')
            """))
        {
            await pretend.ExecuteNonQueryAsync();
        }

        await using var vps = Start(new() { ["DATABASE_URL"] = database });

        Assert.NotEqual(0, await vps.ExitCodeAsync());
        Assert.StartsWith(
            "sungrow-vps: TimescaleDB 2.17.2 is too old; allowed is 2.18.1 or newer", Complaint(vps), StringComparison.Ordinal);
        await using var count = source.CreateCommand("SELECT count(*) FROM pg_class WHERE relname = 'sungrow_samples'");
        Assert.Equal(0L, await count.ExecuteScalarAsync());
    }

    [Fact]
    public async Task On_plain_PostgreSQL_one_line_says_what_is_missing()
    {
        await using var vps = Start(new() { ["DATABASE_URL"] = await databases.CreateAsync(Kind.Plain) });

        var line = await vps.LineAsync("The database is ready");
        Assert.Matches(@"PostgreSQL \d+\.\d+ without TimescaleDB, as .+\. Missing: chunks, compression, removal of old samples$", line);
    }

    [Fact]
    public async Task A_user_who_may_not_create_the_extension_works_without_it()
    {
        var server = await databases.ServerAsync(Kind.Timescale);
        var database = await server.CreateDatabaseAsync();
        await using var source = NpgsqlDataSource.Create(database);
        await ExecuteAsync("CREATE ROLE humble LOGIN; GRANT CREATE ON SCHEMA public TO humble");
        var asHumble = database.Replace("Username=postgres", "Username=humble", StringComparison.Ordinal);
        await using (var refused = Start(new() { ["DATABASE_URL"] = asHumble }))
        {
            Assert.NotEqual(0, await refused.ExitCodeAsync());
            Assert.Contains("CREATE SCHEMA fleet AUTHORIZATION", Complaint(refused), StringComparison.Ordinal);
        }

        await ExecuteAsync("CREATE SCHEMA fleet AUTHORIZATION humble");
        await using var vps = Start(new() { ["DATABASE_URL"] = asHumble });
        Assert.Contains(
            "as the database user may not create the extension", await vps.LineAsync("The database is ready"), StringComparison.Ordinal);

        await using var required = Start(new() { ["DATABASE_URL"] = asHumble, ["Storage__Timescale"] = "Required" });
        Assert.NotEqual(0, await required.ExitCodeAsync());
        Assert.Contains("the database user may not create the extension", Complaint(required), StringComparison.Ordinal);

        async Task ExecuteAsync(string sql)
        {
            await using var command = source.CreateCommand(sql);
            await command.ExecuteNonQueryAsync();
        }
    }

    [Fact]
    public async Task While_the_database_is_away_each_try_is_one_line_without_the_password()
    {
        await using var vps = Start(new());

        var line = await vps.LineAsync("Waiting for the database");
        await Until.TrueAsync(() => vps.Lines.Count(each => each.Contains("Waiting for the database", StringComparison.Ordinal)) >= 2);

        Assert.Contains("127.0.0.1:1/solar", line, StringComparison.Ordinal);
        Assert.Contains("Connection refused", line, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, vps.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", vps.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_term_signal_ends_it_with_0()
    {
        await using var vps = Start(new());
        await vps.LineAsync("Application started");

        vps.Terminate();

        Assert.Equal(0, await vps.ExitCodeAsync());
    }

    [Fact]
    public async Task Health_ends_with_0_when_the_server_is_ready_and_not_otherwise()
    {
        var (postgres, name) = (await databases.ServerAsync(Kind.Plain), "health_later");
        await using var vps = Start(new() { ["DATABASE_URL"] = postgres.ConnectionString(name) });
        var address = await AddressAsync(vps);

        Assert.Equal((1, """{"status":"unavailable","database":"down","redis":"off"}"""), await HealthAsync(address));

        await using (var source = NpgsqlDataSource.Create(postgres.ConnectionString("postgres")))
        await using (var command = source.CreateCommand($"CREATE DATABASE {name}"))
        {
            await command.ExecuteNonQueryAsync();
        }

        await vps.LineAsync("The database is ready");
        Assert.Equal((0, """{"status":"ready","database":"up","redis":"off"}"""), await HealthAsync(address));
        Assert.Equal(0, (await HealthAsync(address.Replace("127.0.0.1", "0.0.0.0", StringComparison.Ordinal) + ";http://+:1")).ExitCode);

        vps.Terminate();
        await vps.ExitCodeAsync();
        var (exitCode, output) = await HealthAsync(address);
        Assert.Equal(1, exitCode);
        Assert.StartsWith($"sungrow-vps: {address}/readyz does not answer: ", output, StringComparison.Ordinal);

        async Task<(int ExitCode, string Output)> HealthAsync(string urls)
        {
            await using var health = ProgramProcess.StartOurs(
                "sungrow-vps", ["health"], new Dictionary<string, string?> { ["ASPNETCORE_URLS"] = urls });
            return (await health.ExitCodeAsync(), health.Output);
        }
    }

    [Fact]
    public async Task No_token_and_no_payload_is_ever_logged()
    {
        var issued = Tokens.Issue();
        var settings = new Dictionary<string, string?>
        {
            ["DATABASE_URL"] = await databases.CreateAsync(Kind.Plain),
            ["DEVICE_TOKENS"] = "hunter2device:inverter-1",
            ["VIEWER_TOKENS"] = "hunter2viewer:inverter-1",
            ["Logging__LogLevel__Default"] = "Trace",
            ["Logging__LogLevel__Microsoft"] = "Information",
            ["Logging__LogLevel__Npgsql"] = "Information",
        };
        await using var vps = Start(settings);
        using HttpClient http = new() { BaseAddress = new Uri(await AddressAsync(vps)) };
        await vps.LineAsync("The database is ready");
        const string key = "\"device_id\":\"inverter-1\",\"ts\":\"2026-01-01T00:00:00Z\"";

        await SendAsync("/v1/ingest", "hunter2device", $$"""{"samples":[{{{key}},"pv_power_w":31337.5}]}""");
        await SendAsync("/v1/ingest", "hunter2device", $$"""{"samples":[{{{key}},"pv_power_w":31338.5}]}""");
        await SendAsync(
            "/v1/ingest",
            "hunter2device",
            JsonSerializer.Serialize(new IngestBatch(null, Series.Samples(2)), ProtocolJson.Default.IngestBatch));
        await SendAsync("/v1/ingest", "hunter2wrong", "{}");
        await SendAsync("/v1/ingest", issued, "{}");
        await SendAsync("/v1/ingest", "hunter2viewer", "{}");
        await SendAsync("/v1/heartbeat", "hunter2device", "hunter2body");
        await SendAsync("/v1/realtime?device_id=hunter2query", "hunter2viewer", null);
        await SendAsync("/v1/hunter2path", "hunter2device", null);

        Assert.Contains("inverter-1: 2 inserted, 0 duplicates, 0 conflicts", await vps.LineAsync("2 inserted"), StringComparison.Ordinal);
        Assert.Contains("info: ", await vps.LineAsync("2 inserted"), StringComparison.Ordinal);
        Assert.Contains("dbug: ", await vps.LineAsync("one sample, 1 inserted"), StringComparison.Ordinal);
        vps.Terminate();
        await vps.ExitCodeAsync();
        foreach (var hidden in new[] { "hunter2device", "hunter2viewer", "hunter2wrong", "hunter2body", issued, "31337", "31338" })
        {
            Assert.DoesNotContain(hidden, vps.Output, StringComparison.Ordinal);
        }

        async Task SendAsync(string path, string token, string? body)
        {
            using HttpRequestMessage request = new(body is null ? HttpMethod.Get : HttpMethod.Post, path);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
            using var answer = await http.SendAsync(request);
            Assert.DoesNotContain(Secret, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    internal static async Task<string> AddressAsync(ProgramProcess vps)
    {
        var line = await vps.LineAsync(Listening);
        return line[(line.IndexOf(Listening, StringComparison.Ordinal) + Listening.Length)..].Trim();
    }

    private static ProgramProcess Start(Dictionary<string, string?> settings) => ProgramProcess.StartOurs(
        "sungrow-vps", [], Environment(settings));

    /// <summary>Enough to start, and <paramref name="settings"/> over it.</summary>
    private static Dictionary<string, string?> Environment(Dictionary<string, string?> settings)
    {
        Dictionary<string, string?> environment = new() { ["DATABASE_URL"] = Somewhere, ["ASPNETCORE_URLS"] = "http://127.0.0.1:0" };
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        return environment;
    }

    /// <summary>The one line there is. Looking for the database begins before the server listens, and the host may say that it ends.</summary>
    private static string Said(ProgramProcess vps) => Assert.Single(
        vps.Lines,
        line => !line.Contains("Waiting for the database", StringComparison.Ordinal)
            && !line.StartsWith("info: Microsoft.Hosting.Lifetime", StringComparison.Ordinal));

    /// <summary>The one line of ours beside what the host says of its coming and going.</summary>
    private static string Complaint(ProgramProcess vps) => Assert.Single(
        vps.Lines, line => !line.StartsWith("info: ", StringComparison.Ordinal));
}
