using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Sungrow.Edge.Buffer;
using Sungrow.Protocol;
using Sungrow.TestServers;

namespace Sungrow.Benchmarks;

/// <summary>Claim: 30 days of samples drain through the real server on loopback while every live sample is in the database within one
/// poll interval of its poll, and all of them are stored once. Prints how long it takes, with the limits and batches that are set unless
/// somebody sets others, and with what a large backlog asks for; and who was busy meanwhile.</summary>
internal static class Drain
{
    private const string Token = "a-device-token";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(20);
    private static readonly TimeSpan Goal = TimeSpan.FromSeconds(10);

    // The server's own, as installed.
    private const int LimitPerSecond = 20_000;
    private const int LimitBurst = 100_000;

    private static readonly Case[] Cases =
    [
        new("as installed", 500, []),
        new("raised limits, batches of 5,000", 5_000, ["RATE_LIMIT_SAMPLES_PER_SECOND", "RATE_LIMIT_REQUESTS_PER_SECOND"]),
    ];

    public static Command Command()
    {
        Option<int> rows = new("--rows") { Description = "The backlog: 259,200 are 30 days at 10 s.", DefaultValueFactory = _ => 259_200 };
        Command command = new("drain", "Drains a backlog through the real server while polling goes on.") { rows };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(rows), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int rows, CancellationToken cancellationToken)
    {
        var folder = LastWill.CreateFolder("sungrow-drain-");
        try
        {
            await using var simulator = ProgramProcess.Start("dotnet", [Programs.Simulator, "--port", "0"]);
            var ready = (await simulator.LineAsync("listening ", cancellationToken: cancellationToken)).Split(' ');
            Inverter inverter = new(int.Parse(ready[1].Split(':')[^1], CultureInfo.InvariantCulture), ready[3]);
            var backlog = Path.Combine(folder, "backlog.db");
            Console.WriteLine($"Writing {rows:N0} rows ..");
            var last = Backlog.Write(backlog, inverter.Serial, rows, TimeProvider.System.GetUtcNow() - Interval);
            Console.WriteLine($"{new FileInfo(backlog).Length / 1e6:F1} MB in the buffer, {(double)new FileInfo(backlog).Length / rows:F0} bytes a row");

            var holds = true;
            foreach (var each in Cases)
            {
                var buffer = Path.Combine(folder, "buffer.db");
                File.Copy(backlog, buffer, overwrite: true);
                holds &= await RunAsync(each, inverter, buffer, rows, last, cancellationToken);
                foreach (var file in Directory.EnumerateFiles(folder, "buffer.db*"))
                {
                    File.Delete(file);
                }
            }

            Console.WriteLine(holds ? "The claim holds." : "The claim does NOT hold.");
            return holds ? 0 : 1;
        }
        finally
        {
            LastWill.RemoveFolder(folder);
        }
    }

    /// <returns>Whether every sample was stored once and the live ones came in time.</returns>
    private static async Task<bool> RunAsync(
        Case each, Inverter inverter, string buffer, int rows, DateTimeOffset last, CancellationToken cancellationToken)
    {
        await using var postgres = await PostgresServer.StartAsync(new PostgresOptions { Fsync = true }, cancellationToken);
        await using var redis = await RedisServer.StartAsync(cancellationToken: cancellationToken);
        var database = await postgres.CreateDatabaseAsync(cancellationToken);
        var port = FreePort.Next();
        await using var vps = ProgramProcess.Start("dotnet", [Programs.Vps], each.Off.ToDictionary(name => name, string? (_) => "0").Concat(
            new Dictionary<string, string?>
            {
                ["DATABASE_URL"] = database,
                ["REDIS_URL"] = redis.Url,
                ["DEVICE_TOKENS"] = $"{Token}:{inverter.Serial}",
                ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}",
            }).ToDictionary());
        await vps.LineAsync("The database is ready", cancellationToken: cancellationToken);

        Busy[] busy = [new("sungrow-vps", vps.Id), new("PostgreSQL", postgres.Id), new("Redis", redis.Id)];
        var machine = ProcessCost.Machine();
        var before = busy.Select(process => ProcessCost.CpuSeconds(process.Pid)).ToList();
        var started = Stopwatch.GetTimestamp();
        await using var edge = StartEdge(each, inverter, buffer, port);
        var (first, drained, live) = await WatchAsync(database, inverter.Serial, last, buffer, rows, started, cancellationToken);
        var edgeCpu = ProcessCost.CpuSeconds(edge.Id);
        var (ranBusy, ranIdle) = (ProcessCost.Machine().Busy - machine.Busy, ProcessCost.Machine().Idle - machine.Idle);
        var spent = busy.Zip(before, (process, cpu) => (process.Name, Cpu: ProcessCost.CpuSeconds(process.Pid) - cpu))
            .Prepend(("sungrow-edge", edgeCpu)).ToList();

        edge.Terminate();
        await edge.ExitCodeAsync(cancellationToken: cancellationToken);
        var (stored, distinct) = await CountAsync(database, cancellationToken);
        var holds = Print(each, rows, first, drained, live, stored, distinct);
        PrintBounds(each, rows, drained, spent, ranBusy / (ranBusy + ranIdle));
        return holds;
    }

    private static ProgramProcess StartEdge(Case each, Inverter inverter, string buffer, int port) =>
        ProgramProcess.Start("dotnet", [Programs.Edge, "run"], new Dictionary<string, string?>
        {
            ["Inverter__Host"] = "127.0.0.1",
            ["Inverter__Port"] = $"{inverter.Port}",
            ["Polling__Interval"] = $"{Interval}",
            ["Clock__Trust"] = "Always",
            ["Buffer__Path"] = buffer,
            ["Uplink__Url"] = $"http://127.0.0.1:{port}",
            ["Uplink__Token"] = Token,
            ["Uplink__BatchSize"] = $"{each.BatchSize}",
        });

    /// <summary>Looks into the database as a reader would, for each new sample; and into the buffer, whether the backlog is answered for.</summary>
    /// <returns>Until its first row, until its last; of each live sample the time from the start of its poll until it could be read.</returns>
    private static async Task<(TimeSpan First, TimeSpan Drained, List<double> LiveMilliseconds)> WatchAsync(
        string database, string serial, DateTimeOffset last, string buffer, int rows, long started, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = new(database);
        await connection.OpenAsync(cancellationToken);
        await using NpgsqlCommand newest = new(
            $"SELECT ts FROM sungrow_samples WHERE device_id = $1 AND ts > TIMESTAMPTZ '{Rfc3339.Write(last)}' AND ts > $2 ORDER BY ts",
            connection)
        { Parameters = { new() { Value = serial }, new() { Value = last.UtcDateTime } } };
        await using NpgsqlCommand any = new("SELECT 1 FROM sungrow_samples LIMIT 1", connection);

        TimeSpan? first = null;
        List<double> live = [];
        while (SampleBuffer.ReadState(buffer).Devices.All(device => device.Cursor < rows))
        {
            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new TimeoutException($"The backlog was not drained within {Patience.TotalMinutes} min.");
            }

            first ??= await any.ExecuteScalarAsync(cancellationToken) is null ? null : Stopwatch.GetElapsedTime(started);
            await using (var row = await newest.ExecuteReaderAsync(cancellationToken))
            {
                var now = TimeProvider.System.GetUtcNow();
                while (await row.ReadAsync(cancellationToken))
                {
                    var ts = row.GetFieldValue<DateTimeOffset>(0);
                    live.Add((now - ts).TotalMilliseconds);
                    newest.Parameters[1].Value = ts.UtcDateTime;
                }
            }

            await Task.Delay(Look, TimeProvider.System, cancellationToken);
        }

        return (first ?? TimeSpan.Zero, Stopwatch.GetElapsedTime(started), live);
    }

    private static async Task<(long Rows, long Numbers)> CountAsync(string database, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = new(database);
        await connection.OpenAsync(cancellationToken);
        await using NpgsqlCommand count = new("SELECT count(*), count(DISTINCT seq) FROM sungrow_samples", connection);
        await using var row = await count.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return (row.GetInt64(0), row.GetInt64(1));
    }

    private static bool Print(
        Case each, int rows, TimeSpan first, TimeSpan drained, List<double> live, long stored, long distinct)
    {
        var took = (drained - first).TotalSeconds;
        Console.WriteLine();
        Console.WriteLine($"{each.Name} (Uplink__BatchSize {each.BatchSize})");
        Console.WriteLine($"  {rows:N0} rows in {drained.TotalSeconds:F1} s from the edge's start, {took:F1} s from the first row: {rows / took:N0} rows/s");
        var latency = live.Count == 0
            ? "no live sample came"
            : $"p50 {Spread.Median(live):F0} ms, p95 {Spread.Percentile(live, 0.95):F0} ms, max {live.Max():F0} ms, of {live.Count} samples";
        Console.WriteLine($"  live, from the start of the poll until readable: {latency}; allowed p95 {Interval.TotalMilliseconds:F0} ms");
        if (each.Off.Count > 0)
        {
            Console.WriteLine($"  goal {Goal.TotalSeconds:F0} s: {(drained < Goal ? "met" : "not met")}");
        }

        var once = stored == distinct && stored >= rows;
        var inTime = live.Count > 0 && Spread.Percentile(live, 0.95) <= Interval.TotalMilliseconds;
        Console.WriteLine($"  stored {stored:N0} rows of {distinct:N0} numbers: {(once ? "each once" : "NOT each once")}");
        return once && inTime;
    }

    private static void PrintBounds(Case each, int rows, TimeSpan drained, List<(string Name, double Cpu)> spent, double machine)
    {
        foreach (var (name, cpu) in spent.OrderByDescending(process => process.Cpu))
        {
            Console.WriteLine($"  {name,-15} {cpu,6:F1} s of processor, {cpu / drained.TotalSeconds * 100,4:F0} % of a core, {cpu / rows * 1e6,5:F0} us a row");
        }

        var ours = spent.Sum(process => process.Cpu) / drained.TotalSeconds / Environment.ProcessorCount;
        Console.WriteLine($"  {Environment.ProcessorCount} cores: {machine * 100:F0} % busy, {ours * 100:F0} % with these");
        var limit = Math.Max(0, rows - LimitBurst) / (double)LimitPerSecond;
        Console.WriteLine(
            each.Off.Count == 0 && limit > drained.TotalSeconds / 2 ? $"  bound by the rate limit, which alone asks for {limit:F1} s"
            : machine > 0.85 ? $"  bound by the processors, {(ours > 0.6 * machine ? "which these keep busy" : "which other programs have")}"
            : "  bound by one request at a time: edge, VPS and PostgreSQL wait for each other and for the disk");
    }

    /// <param name="Off">Rate limits that are switched off.</param>
    private sealed record Case(string Name, int BatchSize, IReadOnlyList<string> Off);

    private sealed record Inverter(int Port, string Serial);

    private sealed record Busy(string Name, int Pid);
}
