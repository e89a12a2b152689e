using Npgsql;

namespace Sungrow.TestServers;

/// <summary>A private PostgreSQL cluster in a temporary folder: superuser <c>postgres</c>, no password, on loopback and on a socket in that
/// folder.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const int Attempts = 10;

    private readonly string _folder;
    private readonly PostgresOptions _options;
    private ProgramProcess _postmaster;
    private int _databases;

    private PostgresServer(string folder, PostgresOptions options, int port, ProgramProcess postmaster)
    {
        _folder = folder;
        _options = options;
        Port = port;
        _postmaster = postmaster;
    }

    public int Port { get; }

    /// <summary>Of the process, which has children of its own.</summary>
    public int Id => _postmaster.Id;

    /// <summary>Whether <c>CREATE EXTENSION timescaledb</c> works on this server.</summary>
    public bool OffersTimescale => _options.Timescale && TimescaleInstalled;

    /// <summary>What the server itself wrote.</summary>
    public string Log => _postmaster.Output;

    private static bool TimescaleInstalled =>
        Binaries.PostgresFolder is { } bin
        && File.Exists($"/usr/share/postgresql/{Path.GetFileName(Path.GetDirectoryName(bin))}/extension/timescaledb.control");

    private static IReadOnlyList<string> AsPostgres =>
        // PostgreSQL refuses to run as root. setpriv becomes the server, so that its pid is the postmaster's.
        Environment.UserName == "root" ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];

    public static async Task<PostgresServer> StartAsync(PostgresOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (Binaries.PostgresFolder is null)
        {
            Missing.Server("PostgreSQL is not installed (Debian: apt-get install postgresql)");
        }

        options ??= new PostgresOptions();
        var folder = LastWill.CreateFolder("sungrow-pg-");
        if (AsPostgres.Count > 0)
        {
            await RunToEndAsync("chown", ["postgres:postgres", folder], folder, cancellationToken);
        }

        await RunToEndAsync(
            Binaries.PostgresFolder + "/initdb",
            [
                "--pgdata", Data(folder), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync",
                "--no-instructions",
            ],
            folder,
            cancellationToken,
            AsPostgres);

        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort.Next();
            var postmaster = Run(folder, options, port);
            try
            {
                await ReadyAsync(folder, postmaster, cancellationToken);
                return new PostgresServer(folder, options, port, postmaster);
            }
            catch (InvalidOperationException) when (attempt < Attempts && postmaster.Output.Contains("in use", StringComparison.Ordinal))
            {
                await postmaster.DisposeAsync(); // Somebody was faster with this port.
            }
        }
    }

    /// <summary>For Npgsql and <c>DATABASE_URL</c>.</summary>
    public string ConnectionString(string database) => $"Host=127.0.0.1;Port={Port};Username=postgres;Database={database}";

    /// <summary>A new, empty database.</summary>
    /// <returns>Its connection string.</returns>
    public async Task<string> CreateDatabaseAsync(CancellationToken cancellationToken = default)
    {
        var name = $"test_{Interlocked.Increment(ref _databases)}";

        // Not template1: TimescaleDB's launcher looks into it now and then, and a template in use cannot be copied.
        await ExecuteAsync($"CREATE DATABASE {name} TEMPLATE template0", cancellationToken);
        return ConnectionString(name);
    }

    /// <summary>As <c>pg_ctl stop</c> does: fast breaks every transaction off and ends in order; immediate just goes, and the next start
    /// recovers from the log.</summary>
    public async Task StopAsync(PostgresStop how, CancellationToken cancellationToken = default)
    {
        _postmaster.Signal(how == PostgresStop.Fast ? Signals.Interrupt : Signals.Quit);
        await _postmaster.ExitCodeAsync(cancellationToken: cancellationToken);
    }

    /// <summary>SIGKILL to the server and every backend at once, like a power cut.</summary>
    public async Task KillAsync(CancellationToken cancellationToken = default)
    {
        if (_postmaster.HasExited)
        {
            return; // Its pid may be somebody else's by now.
        }

        // Stopped first, so that it starts no backend between the listing and the kill.
        await _postmaster.FreezeAsync(cancellationToken);
        var backends = Signals.ChildrenOf(_postmaster.Id);
        _postmaster.Kill();
        foreach (var backend in backends)
        {
            Signals.Send(backend, Signals.Kill);
        }

        await Until.TrueAsync(() => !backends.Any(Signals.IsAlive), cancellationToken: cancellationToken);
        await _postmaster.ExitCodeAsync(cancellationToken: cancellationToken);
    }

    /// <summary>The same cluster on the same port, recovered from its log; kills the running one first.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        await KillAsync(cancellationToken);
        await _postmaster.DisposeAsync();
        _postmaster = Run(_folder, _options, Port);
        await ReadyAsync(_folder, _postmaster, cancellationToken);
        NpgsqlConnection.ClearAllPools(); // Connections of the dead server, in this process.
    }

    /// <summary>SIGSTOP to the server and every backend: connections stay, nothing answers.</summary>
    public async Task PauseAsync(CancellationToken cancellationToken = default)
    {
        await _postmaster.FreezeAsync(cancellationToken);
        var backends = Signals.ChildrenOf(_postmaster.Id);
        foreach (var backend in backends)
        {
            Signals.Send(backend, Signals.Stop);
        }

        await Until.TrueAsync(
            () => backends.All(backend => Signals.IsStopped(backend) || !Signals.IsAlive(backend)), cancellationToken: cancellationToken);
    }

    public void Resume()
    {
        foreach (var backend in Signals.ChildrenOf(_postmaster.Id))
        {
            Signals.Send(backend, Signals.Continue);
        }

        _postmaster.Thaw();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        await _postmaster.DisposeAsync();
        LastWill.RemoveFolder(_folder);
    }

    private static string Data(string folder) => Path.Combine(folder, "data");

    private static ProgramProcess Run(string folder, PostgresOptions options, int port)
    {
        var onOff = options.Fsync ? "on" : "off";
        Dictionary<string, string> settings = new()
        {
            ["listen_addresses"] = "127.0.0.1",
            ["port"] = $"{port}",
            ["unix_socket_directories"] = folder,
            ["max_connections"] = $"{options.MaxConnections}",
            ["fsync"] = onOff,
            ["synchronous_commit"] = onOff,
            ["full_page_writes"] = onOff,
            ["shared_buffers"] = "32MB",
            ["logging_collector"] = "off",
        };
        if (options.Timescale && TimescaleInstalled)
        {
            settings["shared_preload_libraries"] = "timescaledb";
            settings["timescaledb.telemetry_level"] = "off";
            settings["max_worker_processes"] = "32";
        }

        foreach (var (name, value) in options.Settings)
        {
            settings[name] = value;
        }

        string[] command =
        [
            .. AsPostgres, Binaries.PostgresFolder + "/postgres", "-D", Data(folder),
            .. settings.SelectMany(each => new[] { "-c", $"{each.Key}={each.Value}" }),
        ];
        return ProgramProcess.Start(command[0], command[1..], workingDirectory: folder);
    }

    private static async Task ReadyAsync(string folder, ProgramProcess postmaster, CancellationToken cancellationToken)
    {
        await Until.TrueAsync(
            () => postmaster.HasExited || IsReady(), cancellationToken: cancellationToken, what: "PostgreSQL accepts connections");
        if (postmaster.HasExited)
        {
            await postmaster.ExitCodeAsync(cancellationToken: cancellationToken);
            throw new InvalidOperationException($"PostgreSQL did not start:\n{postmaster.Output}");
        }

        // What pg_ctl looks at: the first line is the pid, the eighth the state. A killed server leaves its file behind.
        bool IsReady()
        {
            try
            {
                var lines = File.ReadAllLines(Path.Combine(Data(folder), "postmaster.pid"));
                return lines.Length >= 8 && lines[0].Trim() == $"{postmaster.Id}" && lines[7].Trim() == "ready";
            }
            catch (IOException)
            {
                return false; // Not written yet.
            }
        }
    }

    private static async Task RunToEndAsync(
        string file, IReadOnlyList<string> arguments, string folder, CancellationToken cancellationToken,
        IReadOnlyList<string>? before = null)
    {
        string[] command = [.. before ?? [], file, .. arguments];
        await using var process = ProgramProcess.Start(command[0], command[1..], workingDirectory: folder);
        if (await process.ExitCodeAsync(cancellationToken: cancellationToken) != 0)
        {
            throw new InvalidOperationException($"{file} failed:\n{process.Output}");
        }
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = new(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        await using NpgsqlCommand command = new(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
