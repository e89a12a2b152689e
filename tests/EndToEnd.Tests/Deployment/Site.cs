using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Npgsql;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Deployment;

/// <summary>An installation as the compose file makes one: the repository's Caddyfile, two API replicas, one PostgreSQL, one Redis. Caddy's
/// certificate is of its own authority. And a home that reports to it.</summary>
internal sealed class Site : IAsyncDisposable
{
    public const string DeviceToken = "a-device-token-of-the-tests";
    public const string ViewerToken = "a-viewer-token-of-the-tests";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly string _folder = LastWill.CreateFolder("sungrow-site-");
    private readonly int _port = FreePort.Next();
    private readonly int[] _replicaPorts = [FreePort.Next(), FreePort.Next()];
    private readonly List<ProgramProcess> _started = [];
    private readonly PostgresServer _postgres;
    private readonly RedisServer _redis;
    private readonly string _database;
    private int _inverterPort;

    private Site(PostgresServer postgres, RedisServer redis, string database)
    {
        _postgres = postgres;
        _redis = redis;
        _database = database;
    }

    public string Serial { get; private set; } = "";

    public string Url => $"https://localhost:{_port}";

    /// <summary>The certificate of Caddy's own authority.</summary>
    public string CaFile => Path.Combine(_folder, "caddy/pki/authorities/local/root.crt");

    public List<ProgramProcess> Replicas { get; } = [];

    /// <param name="settings">Of the API.</param>
    public static async Task<Site> OpenAsync(Dictionary<string, string?> settings, CancellationToken cancellationToken)
    {
        if (!File.Exists("/usr/bin/caddy"))
        {
            Missing.Server("caddy is not installed (Debian: apt-get install caddy)");
        }

        var postgres = await PostgresServer.StartAsync(cancellationToken: cancellationToken);
        var redis = await RedisServer.StartAsync(cancellationToken: cancellationToken);
        var site = new Site(postgres, redis, await postgres.CreateDatabaseAsync(cancellationToken));
        try
        {
            var inverter = site.Start("dotnet", new(), Programs.Simulator, "--port", "0");
            var ready = (await inverter.LineAsync("listening ", cancellationToken: cancellationToken)).Split(' ');
            site._inverterPort = int.Parse(ready[1].Split(':')[^1], CultureInfo.InvariantCulture);
            site.Serial = ready[3];
            await site.ServeAsync(settings, cancellationToken);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    public ProgramProcess StartEdge(string? caFile, params string[] arguments) => Start(
        "dotnet",
        new()
        {
            ["Inverter__Host"] = "127.0.0.1",
            ["Inverter__Port"] = $"{_inverterPort}",
            ["Polling__Interval"] = "00:00:01",
            ["Buffer__Path"] = Path.Combine(_folder, "buffer.db"),
            ["Clock__Trust"] = "Always", // This machine's may be one that nobody vouches for.
            ["Uplink__Url"] = Url,
            ["Uplink__Token"] = DeviceToken,
            ["Uplink__CaFile"] = caFile,
        },
        [Programs.Edge, .. arguments]);

    public async Task<BufferStatus> StatusAsync(CancellationToken cancellationToken)
    {
        await using var status = Start(
            "dotnet", new() { ["Buffer__Path"] = Path.Combine(_folder, "buffer.db") }, Programs.Edge, "status", "--json");
        Assert.True(await status.ExitCodeAsync(cancellationToken: cancellationToken) == 0, status.Output);
        return JsonSerializer.Deserialize<BufferStatus>(status.Output, Json)!;
    }

    public async Task<long> CountAsync(string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = new(_database);
        await connection.OpenAsync(cancellationToken);
        await using NpgsqlCommand select = new(sql, connection);
        return (long)(await select.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>A client that trusts Caddy's authority and no other.</summary>
    public HttpClient Client()
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            CustomTrustStore = { X509CertificateLoader.LoadCertificateFromFile(CaFile) },
        };
        return new(handler) { BaseAddress = new(Url) };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_started))
        {
            await process.DisposeAsync();
        }

        await _redis.DisposeAsync();
        await _postgres.DisposeAsync();
        LastWill.RemoveFolder(_folder);
    }

    private async Task ServeAsync(Dictionary<string, string?> settings, CancellationToken cancellationToken)
    {
        foreach (var port in _replicaPorts)
        {
            Replicas.Add(Start(
                "dotnet",
                new(settings)
                {
                    ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}",
                    ["DATABASE_URL"] = _database,
                    ["REDIS_URL"] = _redis.Url,
                    ["DEVICE_TOKENS"] = $"{DeviceToken}:{Serial}",
                    ["VIEWER_TOKENS"] = $"{ViewerToken}:{Serial}",
                    ["TRUSTED_PROXIES"] = "127.0.0.1",
                },
                Programs.Vps));
        }

        // What a test cannot leave to Caddy: the machine's ports 80 and 2019, and its list of authorities.
        var config = Path.Combine(_folder, "Caddyfile");
        await File.WriteAllTextAsync(
            config,
            $$"""
            {
                admin off
                auto_https disable_redirects
                skip_install_trust
            }
            import {{Path.Combine(Programs.Root, "Caddyfile")}}

            """,
            cancellationToken);
        var caddy = Start(
            "caddy",
            new()
            {
                ["XDG_DATA_HOME"] = _folder,
                ["XDG_CONFIG_HOME"] = _folder,
                ["HOME"] = _folder,
                ["SITE_ADDRESS"] = Url,
                ["API_ADDRESSES"] = string.Join(' ', _replicaPorts.Select(port => $"127.0.0.1:{port}")),
            },
            "run", "--config", config, "--adapter", "caddyfile");
        foreach (var port in _replicaPorts)
        {
            await AnswersAsync(() => new HttpClient(), $"http://127.0.0.1:{port}/readyz", caddy, cancellationToken);
        }

        await Until.TrueAsync(() => caddy.HasExited || File.Exists(CaFile), cancellationToken: cancellationToken);
        await AnswersAsync(Client, $"{Url}/readyz", caddy, cancellationToken);
    }

    private async Task AnswersAsync(Func<HttpClient> open, string url, ProgramProcess caddy, CancellationToken cancellationToken)
    {
        using var http = open();
        await Until.TrueAsync(
            async () =>
            {
                Assert.False(caddy.HasExited, caddy.Output);
                Assert.All(Replicas, replica => Assert.False(replica.HasExited, replica.Output));
                try
                {
                    using var answer = await http.GetAsync(url, cancellationToken);
                    return answer.IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            cancellationToken: cancellationToken);
    }

    private ProgramProcess Start(string program, Dictionary<string, string?> environment, params string[] arguments)
    {
        var process = ProgramProcess.Start(program, arguments, environment);
        _started.Add(process);
        return process;
    }
}
