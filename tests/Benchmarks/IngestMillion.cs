using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Sungrow.TestServers;

namespace Sungrow.Benchmarks;

/// <summary>Claim: a million requests of one sample each, from ten thousand registered devices at random, are all answered 200, each row is
/// stored once, the server's memory stays flat, and its authentication cache is hit as often as its size predicts: once with room for every
/// device, once with room for a fifth of them.</summary>
internal static partial class IngestMillion
{
    private const int Connections = 64;
    private const double AllowedGrowth = 1.2;
    private const double AllowedError = 0.01;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    public static Command Command()
    {
        Option<int> requests = new("--requests") { Description = "How many.", DefaultValueFactory = _ => 1_000_000 };
        Option<int> devices = new("--devices") { Description = "From how many devices.", DefaultValueFactory = _ => 10_000 };
        Command command = new("ingest-million", "Memory, rows and cache hits over a million one-sample requests.") { requests, devices };
        command.SetAction((parsed, cancellationToken) =>
            RunAsync(parsed.GetValue(requests), parsed.GetValue(devices), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int requests, int devices, CancellationToken cancellationToken)
    {
        var holds = true;
        Console.WriteLine($"{"cache size",10} {"requests",10} {"per s",8} {"rows",10} {"hit rate",9} {"predicted",9} {"MB 2nd quarter",15} {"last",6}");
        foreach (var (size, count) in new[] { (devices, requests), (devices / 5, requests / 5) })
        {
            // Plain PostgreSQL: what is measured lies before the table.
            await using var servers = await IngestServers.StartAsync(timescale: false, cancellationToken);
            var (process, address) = await servers!.StartVpsAsync(
                new Dictionary<string, string>
                {
                    ["AUTH_CACHE_MAX_SIZE"] = $"{size}",
                    // Its size alone decides, not its age.
                    ["AUTH_CACHE_TTL_SECONDS"] = "3600",
                    ["Devices__StatsInterval"] = "00:00:01",
                },
                cancellationToken);
            Fleet fleet = new(await servers.RegisterAsync(devices, cancellationToken), Connections);

            using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var memory = WatchMemoryAsync(process, watching.Token);
            var started = Stopwatch.GetTimestamp();
            await fleet.SendAsync(address, count, cancellationToken);
            var took = Stopwatch.GetElapsedTime(started);
            await watching.CancelAsync();

            var rows = await servers.AskAsync("SELECT count(*) FROM sungrow_samples", cancellationToken);
            var seen = await HitRateAsync(process, count, cancellationToken);
            var predicted = fleet.PredictHitRate(count, size);
            var megabytes = await memory;
            var (early, late) = (Spread.Median(megabytes[(megabytes.Count / 4)..(megabytes.Count / 2)]), Spread.Median(megabytes[(3 * megabytes.Count / 4)..]));
            holds &= rows == count && Math.Abs(seen - predicted) <= AllowedError && late <= early * AllowedGrowth;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{size,10} {count,10} {count / took.TotalSeconds,8:F0} {rows,10} {seen,9:F4} {predicted,9:F4} {early,15:F0} {late,6:F0}"));
        }

        Console.WriteLine(holds ? "The claim holds." : "The claim does NOT hold.");
        return holds ? 0 : 1;
    }

    private static async Task<List<double>> WatchMemoryAsync(ProgramProcess process, CancellationToken cancellationToken)
    {
        List<double> megabytes = [];
        try
        {
            while (true)
            {
                await Task.Delay(Look, TimeProvider.System, cancellationToken);
                megabytes.Add(process.ResidentBytes / 1024.0 / 1024);
            }
        }
        catch (OperationCanceledException)
        {
            return megabytes;
        }
    }

    /// <summary>From the line that the server logs of its cache, once it tells of every request.</summary>
    private static async Task<double> HitRateAsync(ProgramProcess process, int requests, CancellationToken cancellationToken)
    {
        var (hits, misses) = (0L, 0L);
        await Until.TrueAsync(
            () =>
            {
                if (process.Lines.Select(line => Stats().Match(line)).LastOrDefault(match => match.Success) is { } last)
                {
                    hits = long.Parse(last.Groups["hits"].ValueSpan, CultureInfo.InvariantCulture);
                    misses = long.Parse(last.Groups["misses"].ValueSpan, CultureInfo.InvariantCulture);
                }

                return hits + misses >= requests;
            },
            cancellationToken: cancellationToken);
        return (double)hits / (hits + misses);
    }

    [GeneratedRegex("auth_cache_hits=(?<hits>[0-9]+) auth_cache_misses=(?<misses>[0-9]+)", RegexOptions.None, 1000)]
    private static partial Regex Stats();
}
