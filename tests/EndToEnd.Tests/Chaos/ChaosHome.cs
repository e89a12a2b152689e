using System.Globalization;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>A home and its VPS with a proxy on each wire, every part a process of its own. The edge is watched as systemd would: ended by
/// itself, it is started again, and counted.</summary>
internal sealed class ChaosHome : IAsyncDisposable
{
    private const string DeviceToken = "a-device-token-of-the-tests";
    private const int DiskMegabytes = 16;

    // Small, so that a backlog of seconds is one of many batches.
    private const int BatchSize = 4;

    private static readonly TimeSpan RestartAfter = TimeSpan.FromSeconds(1);

    private readonly string _folder = LastWill.CreateFolder("sungrow-chaos-");
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _edgeGate = new(1, 1);
    private readonly List<string> _ended = [];
    private readonly int _vpsPort = FreePort.Next();
    private readonly FakeClock? _clock;
    private readonly string _zone;
    private string _database = "";
    private ProgramProcess? _inverter;
    private ProgramProcess? _vps;
    private ProgramProcess? _edge;
    private Task _supervising = Task.CompletedTask;
    private int _inverterPort;
    private string _serial = "";

    private ChaosHome()
    {
        _clock = FakeClock.Create(Path.Combine(_folder, "clock"));
        Disk = MemoryDisk.Mount(DiskMegabytes);
        // A zone where it is before noon: every value moves from second to second, and midnight is far away.
        var east = ((10 - TimeProvider.System.GetUtcNow().Hour + 36) % 24) - 12;
        _zone = $"Etc/GMT{-east:+0;-0;+0}";
    }

    public PostgresServer Postgres { get; private set; } = null!;

    public RedisServer Redis { get; private set; } = null!;

    public UplinkProxy Uplink { get; private set; } = null!;

    public InverterProxy Inverter { get; private set; } = null!;

    public MemoryDisk? Disk { get; }

    /// <summary>Faults that this machine cannot play, each with the reason.</summary>
    public IReadOnlyDictionary<Fault, string> Impossible
    {
        get
        {
            Dictionary<Fault, string> impossible = [];
            if (Disk is null)
            {
                impossible.Add(Fault.DiskFull, "needs the right to mount a small file system");
            }

            if (_clock is null)
            {
                impossible.Add(Fault.ClockForward, "needs libfaketime (Debian: apt-get install faketime)");
                impossible.Add(Fault.ClockBack, "needs libfaketime (Debian: apt-get install faketime)");
            }

            return impossible;
        }
    }

    /// <summary>How the edge ended where nobody had killed it, a line each.</summary>
    public IReadOnlyList<string> EndedByItself
    {
        get
        {
            lock (_ended)
            {
                return [.. _ended];
            }
        }
    }

    private string ServedLog => Path.Combine(_folder, "served.jsonl");

    private string BufferPath => Path.Combine(Disk?.Path ?? _folder, "buffer.db");

    public static async Task<ChaosHome> OpenAsync(CancellationToken cancellationToken)
    {
        ChaosHome home = new();
        try
        {
            // On, as its restarts must keep what it answered for.
            home.Postgres = await PostgresServer.StartAsync(new PostgresOptions { Fsync = true }, cancellationToken);
            home.Redis = await RedisServer.StartAsync(cancellationToken: cancellationToken);
            home._database = await home.Postgres.CreateDatabaseAsync(cancellationToken);
            await home.StartInverterAsync(cancellationToken);
            home.Inverter = new(home._inverterPort);
            home.Uplink = new(home._vpsPort);
            await home.StartVpsAsync(cancellationToken);
            home._edge = home.RunEdge();
            home._supervising = home.SuperviseAsync(home._stop.Token);
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
        _inverter = Start(Programs.Simulator, new(), "--port", $"{_inverterPort}", "--time-zone", _zone, "--log", ServedLog);
        var ready = (await _inverter.LineAsync("listening ", cancellationToken: cancellationToken)).Split(' ');
        _inverterPort = int.Parse(ready[1].Split(':')[^1], CultureInfo.InvariantCulture);
        _serial = ready[3];
    }

    public Task PullInverterAsync() => KillAsync(_inverter!);

    /// <summary>Returns when it listens; its database may be away.</summary>
    public async Task StartVpsAsync(CancellationToken cancellationToken)
    {
        _vps = Start(Programs.Vps, new()
        {
            ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{_vpsPort}",
            ["DATABASE_URL"] = _database,
            ["REDIS_URL"] = Redis.Url,
            ["DEVICE_TOKENS"] = $"{DeviceToken}:{_serial}",
        });
        await _vps.LineAsync("Now listening on", cancellationToken: cancellationToken);
    }

    public async Task KillVpsAsync()
    {
        CheckVps();
        await KillAsync(_vps!);
    }

    /// <summary>The VPS has no reason to end in anything that a chaos run does.</summary>
    public void CheckVps()
    {
        if (_vps is { HasExited: true } gone)
        {
            throw new InvalidOperationException($"sungrow-vps ended by itself:\n{Tail(gone)}");
        }
    }

    public async Task KillEdgeAsync(Func<Task> meanwhile, CancellationToken cancellationToken)
    {
        await _edgeGate.WaitAsync(cancellationToken);
        try
        {
            await KillAsync(_edge!);
            await meanwhile();
            _edge = RunEdge();
        }
        finally
        {
            _edgeGate.Release();
        }
    }

    /// <summary>SIGTERM to an edge that runs: it hands back, and ends with 0.</summary>
    public async Task EndEdgeAsync(bool startAgain, CancellationToken cancellationToken)
    {
        await _edgeGate.WaitAsync(cancellationToken);
        _edge!.Terminate();
        if (await _edge.ExitCodeAsync(cancellationToken: cancellationToken) is not 0 and var code)
        {
            throw new InvalidOperationException($"sungrow-edge ended with {code} on SIGTERM:\n{Tail(_edge)}");
        }

        if (startAgain)
        {
            _edge = RunEdge();
            _edgeGate.Release(); // Otherwise nobody is to start it any more.
        }
    }

    public void SetClock(TimeSpan ahead) => _clock!.Set(ahead);

    public BufferBook ReadBuffer() => BufferReader.Read(BufferPath);

    public Task<ServerBook> ReadServerAsync(Guid bufferId, CancellationToken cancellationToken) =>
        ServerReader.ReadAsync(_database, bufferId, cancellationToken);

    public ServedBook ReadServed() => ServedBook.Of(File.ReadLines(ServedLog));

    /// <summary>The last lines of edge and VPS, for whoever has to find out what happened.</summary>
    public string Tails() => $"--- sungrow-edge\n{Tail(_edge)}\n--- sungrow-vps\n{Tail(_vps)}";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _supervising;
        foreach (var part in new IAsyncDisposable?[] { _edge, Uplink, Inverter, _vps, _inverter, Redis, Postgres })
        {
            if (part is not null)
            {
                await part.DisposeAsync();
            }
        }

        Disk?.Dispose();
        LastWill.RemoveFolder(_folder);
        _edgeGate.Dispose();
        _stop.Dispose();
    }

    private ProgramProcess RunEdge()
    {
        Dictionary<string, string?> environment = new(_clock?.Environment ?? new Dictionary<string, string?>())
        {
            ["Inverter__Host"] = "127.0.0.1",
            ["Inverter__Port"] = $"{Inverter.Port}",
            ["Inverter__RequestTimeout"] = "00:00:02",
            ["Inverter__TimeZone"] = _zone,
            ["Polling__Interval"] = "00:00:01",
            ["Buffer__Path"] = BufferPath,
            ["Buffer__MinFreeBytes"] = "1000000",
            ["Uplink__Url"] = $"http://127.0.0.1:{Uplink.Port}",
            ["Uplink__Token"] = DeviceToken,
            ["Uplink__BatchSize"] = $"{BatchSize}",
            ["Uplink__Timeout"] = "00:00:03",
        };
        return Start(Programs.Edge, environment, "run");
    }

    private async Task SuperviseAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(RestartAfter, TimeProvider.System, cancellationToken);
                await _edgeGate.WaitAsync(cancellationToken);
                if (_edge!.HasExited)
                {
                    var code = await _edge.ExitCodeAsync(cancellationToken: cancellationToken);
                    lock (_ended)
                    {
                        _ended.Add($"exit code {code}: {string.Join(' ', _edge.Lines.TakeLast(1))}");
                    }

                    _edge = RunEdge();
                }

                _edgeGate.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    private static ProgramProcess Start(string program, Dictionary<string, string?> environment, params string[] arguments) =>
        ProgramProcess.Start("dotnet", [program, .. arguments], environment);

    private static async Task KillAsync(ProgramProcess process)
    {
        process.Kill();
        await process.ExitCodeAsync();
    }

    private static string Tail(ProgramProcess? process) => string.Join('\n', process?.Lines.TakeLast(30) ?? []);
}
