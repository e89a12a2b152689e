namespace Sungrow.TestServers;

/// <summary>A private redis-server on loopback that keeps nothing on disk.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private const int Attempts = 10;

    private readonly string _folder;
    private readonly string? _password;
    private ProgramProcess _process;

    private RedisServer(string folder, int port, string? password, ProgramProcess process)
    {
        _folder = folder;
        Port = port;
        _password = password;
        _process = process;
    }

    public int Port { get; }

    public int Id => _process.Id;

    /// <summary>For <c>REDIS_URL</c>.</summary>
    public string Url => _password is null ? $"redis://127.0.0.1:{Port}" : $"redis://:{Uri.EscapeDataString(_password)}@127.0.0.1:{Port}";

    public static async Task<RedisServer> StartAsync(string? password = null, CancellationToken cancellationToken = default)
    {
        if (Binaries.Find("redis-server") is null)
        {
            Missing.Server("redis-server is not installed (Debian: apt-get install redis-server)");
        }

        var folder = LastWill.CreateFolder("sungrow-redis-");
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort.Next();
            var process = Run(folder, port, password);
            try
            {
                await ReadyAsync(process, cancellationToken);
                return new RedisServer(folder, port, password, process);
            }
            catch (TimeoutException) when (attempt < Attempts && process.HasExited)
            {
                await process.DisposeAsync(); // Somebody was faster with this port.
            }
        }
    }

    /// <summary>SIGKILL: connections are reset, the port refuses.</summary>
    public async Task KillAsync(CancellationToken cancellationToken = default)
    {
        _process.Kill();
        await _process.ExitCodeAsync(cancellationToken: cancellationToken);
    }

    /// <summary>An empty server on the same port; kills the running one first.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        await _process.DisposeAsync();
        _process = Run(_folder, Port, _password);
        await ReadyAsync(_process, cancellationToken);
    }

    /// <summary>SIGSTOP: connections stay, new ones are accepted by the kernel, nothing answers.</summary>
    public Task FreezeAsync(CancellationToken cancellationToken = default) => _process.FreezeAsync(cancellationToken);

    /// <summary>SIGCONT: what was sent meanwhile is executed now.</summary>
    public void Thaw() => _process.Thaw();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        LastWill.RemoveFolder(_folder);
    }

    private static ProgramProcess Run(string folder, int port, string? password) =>
        ProgramProcess.Start(
            Binaries.Find("redis-server")!,
            [
                "--bind", "127.0.0.1", "--port", $"{port}", "--dir", folder, "--save", "", "--appendonly", "no", "--daemonize", "no",
                .. password is null ? Array.Empty<string>() : ["--requirepass", password],
            ],
            workingDirectory: folder);

    private static Task<string> ReadyAsync(ProgramProcess process, CancellationToken cancellationToken) =>
        process.LineAsync("Ready to accept connections", cancellationToken: cancellationToken);
}
