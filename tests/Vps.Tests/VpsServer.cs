using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Vps.Tests;

/// <summary>What came back.</summary>
internal sealed record Answer(HttpStatusCode Status, string Body, string? ContentType, HttpResponseHeaders Headers)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string? Code => Json.TryGetProperty("code", out var code) ? code.GetString() : null;

    public IngestAnswer Counts()
    {
        Assert.True(Status == HttpStatusCode.OK, $"{Status}: {Body}");
        return JsonSerializer.Deserialize(Body, ProtocolJson.Default.IngestAnswer)!;
    }
}

/// <summary>The whole server in this process, asked over HTTP, and its database beside it. It knows inverter-1 .. inverter-3 by the tokens
/// device-1 .. device-3, and the viewer <c>viewer</c> of inverter-1.</summary>
internal sealed class VpsServer : IAsyncDisposable
{
    public const string Device = "inverter-1";
    public const string Token = "device-1";

    private readonly WebApplication _app;
    private readonly HttpClient _http;

    private VpsServer(WebApplication app, string databaseUrl)
    {
        _app = app;
        Address = new Uri(app.Urls.Single());
        _http = new HttpClient { BaseAddress = Address, Timeout = Until.Deadline };
        Database = NpgsqlDataSource.Create(databaseUrl);
    }

    public Uri Address { get; }

    public NpgsqlDataSource Database { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<VpsServer> StartAsync(string databaseUrl, params string[] settings)
    {
        var server = await StartWithoutDatabaseAsync(databaseUrl, settings);
        await server.ReadyAsync();
        return server;
    }

    public static async Task<VpsServer> StartWithoutDatabaseAsync(string databaseUrl, params string[] settings)
    {
        var app = Program.Build(
        [
            "--urls=http://127.0.0.1:0", $"--DATABASE_URL={databaseUrl}",
            "--DEVICE_TOKENS=device-1:inverter-1,device-2:inverter-2,device-3:inverter-3", "--VIEWER_TOKENS=viewer:inverter-1",
            "--RATE_LIMIT_REQUESTS_PER_SECOND=0", "--RATE_LIMIT_SAMPLES_PER_SECOND=0", "--Logging:LogLevel:Default=None",
            "--Logging:LogLevel:Microsoft.Hosting.Lifetime=None", .. settings,
        ]);
        await app.StartAsync();
        return new VpsServer(app, databaseUrl);
    }

    public Task ReadyAsync() => Until.TrueAsync(async () => (await GetAsync("/readyz", null)).Status == HttpStatusCode.OK);

    public Task<Answer> GetAsync(string path, string? token = Token) => SendAsync(HttpMethod.Get, path, null, token);

    public Task<Answer> PostAsync(
        string path, HttpContent content, string? token = Token, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, content, token, headers);

    public Task<Answer> IngestAsync(string json, string? token = Token) =>
        PostAsync("/v1/ingest", new StringContent(json, Encoding.UTF8, "application/json"), token);

    public Task<Answer> IngestAsync(IngestBatch batch, string? token = Token) =>
        IngestAsync(JsonSerializer.Serialize(batch, ProtocolJson.Default.IngestBatch), token);

    public Task<Answer> IngestAsync(params SungrowSample[] samples) => IngestAsync(new IngestBatch(null, samples));

    public async Task<Answer> SendAsync(
        HttpMethod method, string path, HttpContent? content, string? token, params (string Name, string Value)[] headers)
    {
        using HttpRequestMessage request = new(method, path) { Content = content };
        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await _http.SendAsync(request);
        return new Answer(
            answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Content.Headers.ContentType?.MediaType, answer.Headers);
    }

    public Task<long> CountAsync(string table) => AskAsync<long>($"SELECT count(*) FROM {table}");

    public async Task<T> AskAsync<T>(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>As a signal would: requests in flight end first.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Database.DisposeAsync();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

/// <summary>A believable series: one sample every ten seconds, each with values of its own.</summary>
internal static class Series
{
    /// <summary>A day ago, to the second.</summary>
    public static readonly DateTimeOffset Start =
        new(TimeProvider.System.GetUtcNow().AddDays(-1).Ticks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, TimeSpan.Zero);

    public static SungrowSample Sample(int number, DateTimeOffset? start = null, string device = VpsServer.Device) => new()
    {
        DeviceId = device,
        Ts = (start ?? Start).AddSeconds(10 * number),
        PvPowerW = number,
        PvDailyKwh = 0.1 * number,
        BatteryPowerW = -number,
        BatterySocPct = number % 101,
        LoadPowerW = 800.25,
    };

    public static SungrowSample[] Samples(int count, DateTimeOffset? start = null) =>
        [.. Enumerable.Range(0, count).Select(number => Sample(number, start))];

    /// <summary>As an edge sends them: with a buffer, and numbers from <paramref name="firstSeq"/> on.</summary>
    public static IngestBatch Numbered(Guid bufferId, long firstSeq, IEnumerable<SungrowSample> samples) =>
        new(bufferId, [.. samples.Select((sample, i) => sample with { Seq = firstSeq + i })]);
}
