using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Fleet;

/// <summary>An admin VPS and clients that push to it, each a process of its own with a database of its own.</summary>
internal sealed class FleetStacks : IAsyncDisposable
{
    public const string Device = "inverter-1";

    private const string DeviceToken = "a-device-token-of-the-tests";

    private readonly PostgresServer _postgres;
    private readonly HttpClient _http = new();
    private readonly int _adminPort = FreePort.Next();
    private readonly List<ProgramProcess> _processes = [];

    private FleetStacks(PostgresServer postgres, string admin)
    {
        _postgres = postgres;
        AdminDatabase = admin;
    }

    public string AdminDatabase { get; }

    public int AdminPort => _adminPort;

    public static async Task<FleetStacks> OpenAsync(CancellationToken cancellationToken)
    {
        var postgres = await PostgresServer.StartAsync(cancellationToken: cancellationToken);
        return new(postgres, await postgres.CreateDatabaseAsync(cancellationToken));
    }

    public Task<string> CreateDatabaseAsync(CancellationToken cancellationToken) => _postgres.CreateDatabaseAsync(cancellationToken);

    /// <summary>As it stands now; nobody may be connected to <paramref name="database"/>.</summary>
    public async Task<string> CopyDatabaseAsync(string database, CancellationToken cancellationToken)
    {
        NpgsqlConnection.ClearAllPools();
        var name = new NpgsqlConnectionStringBuilder(database).Database;
        // TimescaleDB's scheduler looks into each database.
        await ExecuteAsync(
            _postgres.ConnectionString("postgres") + ";Pooling=false",
            $"CREATE DATABASE {name}_copy TEMPLATE template0", cancellationToken);
        await using var dump = ProgramProcess.Start(
            "sh", ["-c", $"pg_dump -h 127.0.0.1 -p {_postgres.Port} -U postgres -Fc {name} | pg_restore -h 127.0.0.1 -p {_postgres.Port} -U postgres -d {name}_copy"]);
        Assert.True(await dump.ExitCodeAsync(cancellationToken: cancellationToken) == 0, dump.Output);
        return _postgres.ConnectionString($"{name}_copy");
    }

    public async Task<ProgramProcess> StartAdminAsync(CancellationToken cancellationToken, params (string Name, string Value)[] settings) =>
        (await StartAsync(_adminPort, AdminDatabase, [("Application__RunMode", "Admin"), .. settings], cancellationToken)).Process;

    /// <param name="token">Null: not switched on.</param>
    /// <param name="through">The port of what stands between; null: nothing.</param>
    public Task<FleetClientStack> StartClientAsync(
        string database, string? token, CancellationToken cancellationToken, int? through = null) => StartAsync(
        FreePort.Next(), database,
        token is null ? [] :
        [
            ("FleetIngest__Enabled", "true"), ("FleetIngest__Url", $"http://127.0.0.1:{through ?? _adminPort}"), ("FleetIngest__Token", token),
            ("FleetIngest__Interval", "00:00:01"),
        ],
        cancellationToken);

    /// <summary><c>customers</c> on the admin VPS's database, as JSON.</summary>
    public async Task<JsonElement> CustomersAsync(CancellationToken cancellationToken, params string[] words)
    {
        await using var command = ProgramProcess.Start(
            "dotnet", [Programs.Vps, "customers", .. words, "--json"], new Dictionary<string, string?> { ["DATABASE_URL"] = AdminDatabase });
        Assert.True(await command.ExitCodeAsync(cancellationToken: cancellationToken) == 0, command.Output);
        return JsonDocument.Parse(command.Output).RootElement;
    }

    public async Task<string> AddCustomerAsync(string name, CancellationToken cancellationToken) =>
        (await CustomersAsync(cancellationToken, "add", name)).GetProperty("token").GetString()!;

    /// <summary>Stores samples at a client, ten seconds apart.</summary>
    public async Task IngestAsync(
        FleetClientStack client, DateTimeOffset from, int count, CancellationToken cancellationToken, double watts = 100)
    {
        for (var sent = 0; sent < count; sent += 1000)
        {
            var samples = Enumerable.Range(sent, Math.Min(1000, count - sent)).Select(number => new
            {
                device_id = Device,
                ts = from.AddSeconds(10 * number).ToString("o", CultureInfo.InvariantCulture),
                pv_power_w = watts + number,
                battery_soc_pct = number % 100,
            });
            using HttpRequestMessage request = new(HttpMethod.Post, $"{client.Url}/v1/ingest") { Content = JsonContent.Create(new { samples }) };
            await request.Content.LoadIntoBufferAsync(cancellationToken);
            request.Headers.Authorization = new("Bearer", DeviceToken);
            using var answer = await _http.SendAsync(request, cancellationToken);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(cancellationToken));
        }
    }

    /// <summary>Waits until a customer's samples here are those of the client's database, value by value, and its outbox is empty.</summary>
    public Task SameAsync(string database, string customer, CancellationToken cancellationToken) => Until.TrueAsync(
        async () => await ScalarAsync<long>(database, "SELECT count(*) FROM fleet_outbox", cancellationToken) == 0
            && await SumAsync(database, "sungrow_samples", cancellationToken)
            == await SumAsync(AdminDatabase, $"fleet.measurements WHERE customer_id = '{customer}'", cancellationToken),
        TimeSpan.FromMinutes(2), cancellationToken, $"both databases hold the same samples of {customer}");

    public static async Task<T> ScalarAsync<T>(string database, string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(cancellationToken);
        await using var select = new NpgsqlCommand(sql, connection);
        return (T)(await select.ExecuteScalarAsync(cancellationToken))!;
    }

    public static async Task ExecuteAsync(string database, string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Nobody waits out a back-off of minutes.</summary>
    public static Task TryNowAsync(string database, CancellationToken cancellationToken) =>
        ExecuteAsync(database, "UPDATE fleet_push_state SET next_try = NULL", cancellationToken);

    public static async Task EndAsync(ProgramProcess process)
    {
        process.Kill();
        await process.ExitCodeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }

        await _postgres.DisposeAsync();
        _http.Dispose();
    }

    private static Task<string> SumAsync(string database, string rows, CancellationToken cancellationToken) => ScalarAsync<string>(
        database,
        $"""
        SELECT count(*) || ' ' || coalesce(md5(string_agg(
            (device_id, extract(epoch FROM ts), pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w,
             export_power_w, sample_count, interval_s, seq)::text, ',' ORDER BY device_id, ts)), '')
        FROM {rows}
        """,
        cancellationToken);

    private async Task<FleetClientStack> StartAsync(
        int port, string database, IEnumerable<(string Name, string Value)> settings, CancellationToken cancellationToken)
    {
        Dictionary<string, string?> environment = new()
        {
            ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}",
            ["DATABASE_URL"] = database,
            ["DEVICE_TOKENS"] = $"{DeviceToken}:{Device}",
        };
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        var process = ProgramProcess.Start("dotnet", [Programs.Vps], environment);
        _processes.Add(process);
        FleetClientStack started = new(process, $"http://127.0.0.1:{port}", database);
        await Until.TrueAsync(
            async () =>
            {
                Assert.False(process.HasExited, process.Output);
                try
                {
                    return (await _http.GetAsync($"{started.Url}/readyz", cancellationToken)).IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            TimeSpan.FromMinutes(2), cancellationToken);
        return started;
    }
}

internal sealed record FleetClientStack(ProgramProcess Process, string Url, string Database);
