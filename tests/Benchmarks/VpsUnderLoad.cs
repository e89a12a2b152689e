using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.TestServers;

namespace Sungrow.Benchmarks;

/// <summary>The real server as a process, on a PostgreSQL that waits for its disk, and one device that sends to it.</summary>
internal sealed class VpsUnderLoad : IAsyncDisposable
{
    public const string Device = "bench-1";
    public const string DeviceToken = "device-token";

    private readonly PostgresServer _postgres;
    private readonly ProgramProcess _vps;
    private readonly HttpClient _http;
    private readonly DateTimeOffset _first = Rfc3339.Truncate(TimeProvider.System.GetUtcNow() - TimeSpan.FromHours(6));
    private int _sent;

    private VpsUnderLoad(PostgresServer postgres, ProgramProcess vps, string address)
    {
        _postgres = postgres;
        _vps = vps;
        _http = new HttpClient { BaseAddress = new Uri(address), Timeout = Until.Deadline };
    }

    public string Address => _http.BaseAddress!.ToString();

    public static async Task<VpsUnderLoad> StartAsync(string redisUrl, CancellationToken cancellationToken)
    {
        const string listening = "Now listening on: ";
        var postgres = await PostgresServer.StartAsync(new PostgresOptions { Fsync = true }, cancellationToken);
        var vps = ProgramProcess.Start("dotnet", [Programs.Vps], new Dictionary<string, string?>
        {
            ["DATABASE_URL"] = await postgres.CreateDatabaseAsync(cancellationToken),
            ["REDIS_URL"] = redisUrl,
            ["DEVICE_TOKENS"] = $"{DeviceToken}:{Device}",
            ["VIEWER_TOKENS"] = $"viewer-token:{Device}",
            ["RATE_LIMIT_REQUESTS_PER_SECOND"] = "0",
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
        });
        var line = await vps.LineAsync(listening, cancellationToken: cancellationToken);
        VpsUnderLoad load = new(postgres, vps, line[(line.IndexOf(listening, StringComparison.Ordinal) + listening.Length)..].Trim());
        await Until.TrueAsync(
            async () => (await load.GetAsync("/readyz", null, cancellationToken)).Status == HttpStatusCode.OK,
            cancellationToken: cancellationToken);
        return load;
    }

    /// <summary>Sends one sample.</summary>
    /// <returns>Milliseconds until its 200 was there.</returns>
    public async Task<double> IngestAsync(CancellationToken cancellationToken)
    {
        var number = ++_sent;
        SungrowSample sample = new() { DeviceId = Device, Ts = _first.AddMilliseconds(number), PvPowerW = number, LoadPowerW = 800 };
        var body = JsonSerializer.Serialize(new IngestBatch(BufferId: null, [sample]), ProtocolJson.Default.IngestBatch);
        using HttpRequestMessage request = new(HttpMethod.Post, "/v1/ingest");
        request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", DeviceToken);

        var started = Stopwatch.GetTimestamp();
        using var answer = await _http.SendAsync(request, cancellationToken);
        var took = Stopwatch.GetElapsedTime(started);
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            var problem = await answer.Content.ReadAsStringAsync(cancellationToken);
            throw new InvalidOperationException($"Ingest answered {answer.StatusCode}: {problem}");
        }

        return took.TotalMilliseconds;
    }

    /// <summary>Whether realtime shows the sample sent last.</summary>
    public async Task<bool> ShowsNewestAsync(CancellationToken cancellationToken)
    {
        var (status, body) = await GetAsync($"/v1/realtime?device_id={Device}", "viewer-token", cancellationToken);
        return status == HttpStatusCode.OK && JsonDocument.Parse(body).RootElement.GetProperty("pv_power_w").GetDouble() == _sent;
    }

    /// <summary>Returns when the server says that its cache is up again.</summary>
    public Task CachedAsync(CancellationToken cancellationToken) =>
        Until.TrueAsync(
            async () => (await GetAsync("/readyz", null, cancellationToken)).Body.Contains("\"redis\":\"up\"", StringComparison.Ordinal),
            cancellationToken: cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _vps.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    private async Task<(HttpStatusCode Status, string Body)> GetAsync(string path, string? token, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, path);
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        using var answer = await _http.SendAsync(request, cancellationToken);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(cancellationToken));
    }
}
