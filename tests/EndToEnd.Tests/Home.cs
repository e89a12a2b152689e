using System.Globalization;
using System.Text.Json;
using Npgsql;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests;

/// <summary>One home and its VPS, every part a process of its own: inverter, edge, VPS, PostgreSQL, Redis.</summary>
internal sealed class Home : IAsyncDisposable
{
    public const string DeviceToken = "a-device-token-of-the-tests";
    public const string ViewerToken = "a-viewer-token-of-the-tests";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly string _folder = Directory.CreateTempSubdirectory("sungrow-home-").FullName;
    private readonly int _vpsPort = FreePort.Next();
    private readonly HttpClient _http = new();
    private readonly PostgresServer _postgres;
    private readonly RedisServer _redis;
    private readonly string _database;
    private ProgramProcess? _inverter;
    private ProgramProcess? _vps;
    private ProgramProcess? _edge;
    private int _inverterPort;

    private Home(PostgresServer postgres, RedisServer redis, string database)
    {
        _postgres = postgres;
        _redis = redis;
        _database = database;
        _http.DefaultRequestHeaders.Authorization = new("Bearer", ViewerToken);
    }

    public string Serial { get; private set; } = "";

    public int VpsPort => _vpsPort;

    private string VpsUrl => $"http://localhost:{_vpsPort}";

    private string ServedLog => Path.Combine(_folder, "served.jsonl");

    private string BufferPath => Path.Combine(_folder, "buffer.db");

    /// <summary>Everything but the edge is up.</summary>
    public static async Task<Home> OpenAsync(CancellationToken cancellationToken)
    {
        var postgres = await PostgresServer.StartAsync(cancellationToken: cancellationToken);
        var redis = await RedisServer.StartAsync(cancellationToken: cancellationToken);
        var home = new Home(postgres, redis, await postgres.CreateDatabaseAsync(cancellationToken));
        try
        {
            await home.StartInverterAsync(cancellationToken);
            await home.StartVpsAsync(cancellationToken);
            return home;
        }
        catch
        {
            await home.DisposeAsync();
            throw;
        }
    }

    public async Task StartInverterAsync(CancellationToken cancellationToken)
    {
        _inverter = Start(Programs.Simulator, [], "--port", $"{_inverterPort}", "--log", ServedLog);
        var ready = (await _inverter.LineAsync("listening ", cancellationToken: cancellationToken)).Split(' ');
        _inverterPort = int.Parse(ready[1].Split(':')[^1], CultureInfo.InvariantCulture);
        Serial = ready[3];
    }

    public async Task PullInverterAsync() => await EndAsync(_inverter!);

    /// <param name="more">Settings beside the home's own.</param>
    public async Task StartVpsAsync(CancellationToken cancellationToken, IReadOnlyDictionary<string, string?>? more = null)
    {
        _vps = Start(Programs.Vps, new(more ?? new Dictionary<string, string?>())
        {
            ["ASPNETCORE_URLS"] = VpsUrl,
            ["DATABASE_URL"] = _database,
            ["REDIS_URL"] = _redis.Url,
            ["DEVICE_TOKENS"] = $"{DeviceToken}:{Serial}",
            ["VIEWER_TOKENS"] = $"{ViewerToken}:{Serial}",
        });
        await Until.TrueAsync(
            async () =>
            {
                Assert.False(_vps.HasExited, _vps.Output);
                try
                {
                    return (await _http.GetAsync($"{VpsUrl}/readyz", cancellationToken)).IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            cancellationToken: cancellationToken);
    }

    /// <summary>An admin command on the VPS's database.</summary>
    public async Task<(int ExitCode, string Output)> AdminAsync(CancellationToken cancellationToken, params string[] words)
    {
        await using var command = Start(Programs.Vps, new() { ["DATABASE_URL"] = _database }, words);
        return (await command.ExitCodeAsync(cancellationToken: cancellationToken), command.Output);
    }

    public async Task KillVpsAsync() => await EndAsync(_vps!);

    public Task StopDatabaseAsync(CancellationToken cancellationToken) => _postgres.StopAsync(PostgresStop.Fast, cancellationToken);

    public ProgramProcess StartEdge(params string[] arguments) => StartEdge(new Dictionary<string, string?>(), arguments);

    /// <param name="other">Settings in the place of the home's own.</param>
    public ProgramProcess StartEdge(IReadOnlyDictionary<string, string?> other, params string[] arguments)
    {
        Dictionary<string, string?> settings = new()
        {
            ["Inverter__Host"] = "127.0.0.1",
            ["Inverter__Port"] = $"{_inverterPort}",
            ["Polling__Interval"] = Interval.ToString(),
            ["Buffer__Path"] = BufferPath,
            ["Clock__Trust"] = "Always", // This machine's may be one that nobody vouches for.
            ["Uplink__Url"] = VpsUrl,
            ["Uplink__Token"] = DeviceToken,
        };
        foreach (var (name, value) in other)
        {
            settings[name] = value;
        }

        return _edge = Start(Programs.Edge, settings, arguments);
    }

    public async Task KillEdgeAsync() => await EndAsync(_edge!);

    /// <summary>What <c>status --json</c> says, beside a running edge or none.</summary>
    public async Task<BufferStatus> StatusAsync(CancellationToken cancellationToken)
    {
        await using var status = Start(Programs.Edge, new() { ["Buffer__Path"] = BufferPath }, "status", "--json");
        Assert.True(await status.ExitCodeAsync(cancellationToken: cancellationToken) == 0, status.Output);
        return JsonSerializer.Deserialize<BufferStatus>(status.Output, Json)!;
    }

    public async Task<HttpResponseMessage> RealtimeAsync(CancellationToken cancellationToken) =>
        await _http.GetAsync($"{VpsUrl}/v1/realtime?device_id={Serial}", cancellationToken);

    /// <summary>The stored rows, by number.</summary>
    public async Task<List<StoredSample>> StoredAsync(CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(_database);
        await connection.OpenAsync(cancellationToken);
        await using var select = new NpgsqlCommand(
            """
            SELECT seq, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w
            FROM sungrow_samples WHERE device_id = $1 ORDER BY seq
            """,
            connection);
        select.Parameters.Add(new() { Value = Serial });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<StoredSample> rows = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new(
                reader.GetInt64(0),
                reader.GetFieldValue<DateTimeOffset>(1),
                new([.. Enumerable.Range(2, Metrics.Names.Length).Select(column => reader.IsDBNull(column) ? null : (double?)reader.GetDouble(column))])));
        }

        return rows;
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(_database);
        await connection.OpenAsync(cancellationToken);
        await using var select = new NpgsqlCommand(sql, connection);
        return (T)(await select.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>What each whole poll was served, in order, from the inverter's own log.</summary>
    public List<Metrics> Served()
    {
        List<Metrics> polls = [];
        var values = new Dictionary<string, double>();
        foreach (var line in File.ReadLines(ServedLog))
        {
            using var entry = JsonDocument.Parse(line);
            foreach (var value in entry.RootElement.GetProperty("values").EnumerateObject())
            {
                values[value.Name] = value.Value.GetDouble();
            }

            // A poll ends with the block that holds the last missing metric.
            if (values.Count == Metrics.Names.Length)
            {
                polls.Add(new([.. Metrics.Names.Select(name => (double?)values[name])]));
                values.Clear();
            }
        }

        return polls;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in new[] { _edge, _vps, _inverter })
        {
            if (process is not null)
            {
                await process.DisposeAsync();
            }
        }

        await _redis.DisposeAsync();
        await _postgres.DisposeAsync();
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static ProgramProcess Start(string program, Dictionary<string, string?> environment, params string[] arguments) =>
        ProgramProcess.Start("dotnet", [program, .. arguments], environment);

    private static async Task EndAsync(ProgramProcess process)
    {
        process.Kill();
        await process.ExitCodeAsync();
    }
}

/// <summary>The seven metrics in the order of the wire. Equal when all values are.</summary>
internal sealed record Metrics(IReadOnlyList<double?> Values)
{
    public static readonly string[] Names =
        ["pv_power_w", "pv_daily_kwh", "battery_power_w", "battery_soc_pct", "battery_temp_c", "load_power_w", "export_power_w"];

    public bool Equals(Metrics? other) => other is not null && Values.SequenceEqual(other.Values);

    public override int GetHashCode() => Values.Aggregate(0, HashCode.Combine);

    public override string ToString() => string.Join(' ', Names.Zip(Values, (name, value) => $"{name}={value}"));
}

internal sealed record StoredSample(long Seq, DateTimeOffset Ts, Metrics Metrics);

internal sealed record BufferStatus(string Path, Guid BufferId, long Committed, long Acknowledged, long Waiting);
