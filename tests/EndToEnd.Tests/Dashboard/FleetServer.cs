using System.Net;
using System.Text.Json;
using Sungrow.EndToEnd.Tests.Fleet;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Dashboard;

/// <summary>An installer's VPS with 1,000 sites of 100 customers. Site n has n watts of sun, its customer is number n / 10. All is well,
/// but: customer-007 is silent, roof-0500 has no data, roof-0300 and roof-0301 are behind, roof-0400 is incomplete.</summary>
public sealed class FleetServer : IAsyncLifetime
{
    public const int Sites = 1000;

    private const string House = "house-1";

    private PostgresServer? _postgres;
    private ProgramProcess? _vps;
    private string _database = "";

    /// <summary>As the demo's: beside the other VPS's localhost.</summary>
    public string Url { get; } = $"http://127.0.0.1:{FreePort.Next()}";

    /// <summary>Sees the fleet and no device.</summary>
    public string Installer { get; private set; } = "";

    /// <summary>Sees the fleet and a house of his own.</summary>
    public string Both { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        var cancelled = TestContext.Current.CancellationToken;
        _postgres = await PostgresServer.StartAsync(cancellationToken: cancelled);
        _database = await _postgres.CreateDatabaseAsync(cancelled);
        Dictionary<string, string?> settings = new()
        {
            ["ASPNETCORE_URLS"] = Url,
            ["DATABASE_URL"] = _database,
            ["Application__RunMode"] = "Admin",
            ["DEVICE_TOKENS"] = $"the-token-of-{House}:{House}",
            ["RATE_LIMIT_FAILED_AUTH_PER_MINUTE"] = "0",
        };
        _vps = ProgramProcess.Start("dotnet", [Programs.Vps], settings);
        using HttpClient http = new();
        await Until.TrueAsync(
            async () =>
            {
                Assert.False(_vps.HasExited, _vps.Output);
                try
                {
                    return (await http.GetAsync($"{Url}/readyz", cancelled)).StatusCode == HttpStatusCode.OK;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            cancellationToken: cancelled);
        await ExecuteAsync(Fill);
        Installer = await AddViewerAsync("installer", "--fleet");
        Both = await AddViewerAsync("both", "--fleet", "--device", House);

        async Task<string> AddViewerAsync(params string[] words)
        {
            await using var command = ProgramProcess.Start("dotnet", [Programs.Vps, "viewers", "add", .. words, "--json"], settings);
            Assert.True(await command.ExitCodeAsync(cancellationToken: cancelled) == 0, command.Output);
            return JsonDocument.Parse(command.Output).RootElement.GetProperty("token").GetString()!;
        }
    }

    public Task ExecuteAsync(string sql) => FleetStacks.ExecuteAsync(_database, sql, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (var server in new IAsyncDisposable?[] { _vps, _postgres })
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }
        }
    }

    // A sample for each whole hour, and one an hour from now, so that nobody falls behind while the tests take their time.
    private const string Fill =
        """
        INSERT INTO fleet.customers (customer_id, digest, first_seen, last_seen)
        SELECT format('customer-%s', to_char(n, 'FM000')), sha256(n::text::bytea), now() - interval '90 days',
               now() + CASE n WHEN 7 THEN interval '-2 hours' ELSE interval '1 hour' END
        FROM generate_series(0, 99) AS n;
        INSERT INTO fleet.sites (customer_id, id, name, time_zone)
        SELECT format('customer-%s', to_char(n / 10, 'FM000')), format('default/roof-%s', n), format('roof-%s', to_char(n, 'FM0000')), 'UTC'
        FROM generate_series(0, 999) AS n;
        INSERT INTO fleet.devices (customer_id, id, site_id, status, poll_interval_s, first_seen)
        SELECT customer_id, replace(id, 'default/', ''), id, 'ACTIVE', 10, now() - interval '90 days' FROM fleet.sites;
        INSERT INTO fleet.measurements (customer_id, device_id, ts, sample_count, interval_s, pv_power_w, load_power_w, export_power_w)
        SELECT customer_id, id, ts, 360, 3600, n, 500, n - 500
        FROM fleet.devices CROSS JOIN LATERAL (SELECT replace(id, 'roof-', '')::int AS n) AS number
        CROSS JOIN LATERAL (
            SELECT generate_series(date_trunc('hour', now()) - interval '26 hours', now(), interval '1 hour') AS ts
            UNION ALL SELECT now() + interval '1 hour') AS times
        WHERE n <> 500
          AND NOT (n IN (300, 301) AND ts > date_trunc('hour', now()) - interval '2 hours')
          AND NOT (n = 400 AND ts BETWEEN now() - interval '20 hours' AND now() - interval '10 hours');
        """;
}
