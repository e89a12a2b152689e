using System.Net;
using Npgsql;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;

namespace Sungrow.Benchmarks;

/// <summary>A PostgreSQL that waits for its disk, a Redis, and processes that take samples.</summary>
internal sealed class IngestServers : IAsyncDisposable
{
    private readonly PostgresServer _postgres;
    private readonly RedisServer _redis;
    private readonly List<ProgramProcess> _processes = [];

    private IngestServers(PostgresServer postgres, RedisServer redis, string databaseUrl)
    {
        _postgres = postgres;
        _redis = redis;
        DatabaseUrl = databaseUrl;
        Database = NpgsqlDataSource.Create(databaseUrl + ";MaxAutoPrepare=30;CommandTimeout=300");
    }

    public string DatabaseUrl { get; }

    public NpgsqlDataSource Database { get; }

    /// <returns>Null where TimescaleDB is asked for and not offered.</returns>
    public static async Task<IngestServers?> StartAsync(bool timescale, CancellationToken cancellationToken)
    {
        var postgres = await PostgresServer.StartAsync(
            new PostgresOptions
            {
                Fsync = true,
                Timescale = timescale,
                // As a small VPS would be set, so that no checkpoint falls into a second of the measurement.
                Settings = new Dictionary<string, string>
                {
                    ["shared_buffers"] = "512MB",
                    ["max_wal_size"] = "8GB",
                    ["checkpoint_timeout"] = "30min",
                },
            },
            cancellationToken);
        if (timescale && !postgres.OffersTimescale)
        {
            await postgres.DisposeAsync();
            return null;
        }

        var redis = await RedisServer.StartAsync(cancellationToken: cancellationToken);
        return new IngestServers(postgres, redis, await postgres.CreateDatabaseAsync(cancellationToken));
    }

    /// <summary>The server itself. Its limits are on, and so high that they bound nothing; it logs warnings.</summary>
    public Task<(ProgramProcess Process, Uri Address)> StartVpsAsync(
        IReadOnlyDictionary<string, string>? settings, CancellationToken cancellationToken)
    {
        const string high = "100000000";
        Dictionary<string, string?> environment = new()
        {
            ["REDIS_URL"] = _redis.Url,
            ["RATE_LIMIT_SAMPLES_PER_SECOND"] = high,
            ["RATE_LIMIT_BURST_SAMPLES"] = high,
            ["RATE_LIMIT_REQUESTS_PER_SECOND"] = high,
            ["RATE_LIMIT_BURST_REQUESTS"] = high,
            // All devices are new to it, and of one address.
            ["RATE_LIMIT_FAILED_AUTH_PER_MINUTE"] = high,
        };
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
        {
            environment[name] = value;
        }

        return StartAsync(
            Programs.Vps, ["--Logging:LogLevel:Sungrow=Warning", "--Logging:LogLevel:Sungrow.Vps.Devices.Upkeep=Information"], environment,
            cancellationToken);
    }

    /// <param name="what">See <see cref="Serve"/>.</param>
    public Task<(ProgramProcess Process, Uri Address)> StartComparedAsync(string what, CancellationToken cancellationToken) =>
        StartAsync("Benchmarks", ["serve", what], new Dictionary<string, string?> { ["DOTNET_gcServer"] = "1" }, cancellationToken);

    /// <summary>Devices with tokens of our own form in the registry.</summary>
    public async Task<BenchDevice[]> RegisterAsync(int count, CancellationToken cancellationToken)
    {
        BenchDevice[] devices = [.. Enumerable.Range(1, count).Select(number => new BenchDevice($"inverter-{number:D5}", Tokens.Issue()))];
        await using var command = Database.CreateCommand(
            """
            WITH registered AS (
                INSERT INTO devices (device_id, site_id) SELECT device_id, 1 FROM unnest($1) AS device_id RETURNING device_id)
            INSERT INTO device_tokens (digest, device_id)
            SELECT digest, device_id FROM unnest($2, $1) AS token (digest, device_id) JOIN registered USING (device_id)
            """);
        command.Parameters.Add(new() { Value = devices.Select(device => device.DeviceId).ToArray() });
        command.Parameters.Add(new() { Value = devices.Select(device => Tokens.Digest(device.Token)).ToArray() });
        await command.ExecuteNonQueryAsync(cancellationToken);
        return devices;
    }

    /// <summary>Another one on the same PostgreSQL.</summary>
    public Task<string> CreateDatabaseAsync(CancellationToken cancellationToken) => _postgres.CreateDatabaseAsync(cancellationToken);

    /// <summary>Nothing stored, and nothing to be written back to disk.</summary>
    public async Task EmptyAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync("TRUNCATE sungrow_samples, ingest_events", cancellationToken);
        await ExecuteAsync("CHECKPOINT", cancellationToken);
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async Task<long> AskAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }

        await Database.DisposeAsync();
        await _redis.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    private async Task<(ProgramProcess Process, Uri Address)> StartAsync(
        string program, IEnumerable<string> arguments, Dictionary<string, string?> environment, CancellationToken cancellationToken)
    {
        const string listening = "Now listening on: ";
        environment.TryAdd("DATABASE_URL", DatabaseUrl);
        environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        var process = program == Programs.Vps
            ? ProgramProcess.Start("dotnet", [program, .. arguments], environment)
            : ProgramProcess.StartOurs(program, arguments, environment);
        _processes.Add(process);
        var line = await process.LineAsync(listening, cancellationToken: cancellationToken);
        Uri address = new(line[(line.IndexOf(listening, StringComparison.Ordinal) + listening.Length)..].Trim());
        if (program == Programs.Vps)
        {
            using HttpClient http = new() { BaseAddress = address };
            await Until.TrueAsync(
                async () => (await http.GetAsync(new Uri("/readyz", UriKind.Relative), cancellationToken)).StatusCode == HttpStatusCode.OK,
                cancellationToken: cancellationToken);
        }

        return (process, address);
    }
}
