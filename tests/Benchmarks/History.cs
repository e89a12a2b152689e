using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.History;
using Sungrow.Vps.Storage;

namespace Sungrow.Benchmarks;

/// <summary>Claim: with a year of a device's ten-second samples beside a hundred other devices, on TimescaleDB with its old chunks
/// compressed, no view of the dashboard takes longer than 50 ms, and those of a year come fifty times faster than from the samples.
/// Each view is asked over HTTP and timed whole, which bounds its queries; beside it the server's own readers compute the same figures
/// without the aggregates, from the samples, and the faster of two times counts.</summary>
internal static class History
{
    private const string Device = "bench-1";
    private const string Zone = "Europe/Berlin";
    private const double MostMilliseconds = 50;
    private const double LeastRatio = 50;
    private const int WarmUps = 3;
    private const int RawRounds = 2; // Each takes seconds.

    /// <param name="FromSamples">The same figures; null where no ratio is claimed.</param>
    private sealed record View(string Name, string Path, Func<CancellationToken, Task>? FromSamples = null);

    public static Command Command()
    {
        Option<int> rounds = new("--rounds") { Description = "How often each view is asked.", DefaultValueFactory = _ => 20 };
        Option<int> others = new("--others")
        {
            Description = "Devices beside it, a sample every 15 minutes each.",
            DefaultValueFactory = _ => 100,
        };
        Command command = new("history", "Day, month and year views of a device with a year of samples.") { rounds, others };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(rounds), parsed.GetValue(others), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int rounds, int others, CancellationToken cancellationToken)
    {
        if (await IngestServers.StartAsync(timescale: true, cancellationToken) is not { } servers)
        {
            Console.WriteLine("This PostgreSQL does not offer TimescaleDB: nothing to measure.");
            return 0;
        }

        await using var _ = servers;
        Dictionary<string, string> settings = new()
        {
            ["DEVICE_TOKENS"] = $"token:{Device}",
            ["VIEWER_TOKENS"] = $"viewer:{Device}",
            ["SITE_TIMEZONE"] = Zone,
        };
        // Once for the schema, and not while the samples are loaded: its worker would refresh them at the same time.
        await (await servers.StartVpsAsync(settings, cancellationToken)).Process.DisposeAsync();
        await HistoryYear.LoadAsync(servers.DatabaseUrl, Device, others, cancellationToken);
        var (_, address) = await servers.StartVpsAsync(settings, cancellationToken);

        using HttpClient http = new() { BaseAddress = address, Timeout = TimeSpan.FromMinutes(5) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "viewer");
        using Database samples = new(
            servers.Database, Options.Create(new StorageOptions { DatabaseUrl = servers.DatabaseUrl }), TimeProvider.System,
            NullLoggerFactory.Instance);
        samples.Open(hasContinuousAggregates: false);
        var holds = true;
        foreach (var view in Views(samples))
        {
            var took = await MeasureAsync(WarmUps, rounds, () => AskAsync(http, view.Path, cancellationToken));
            var median = Spread.Median(took);
            holds &= median <= MostMilliseconds;
            var beside = "";
            if (view.FromSamples is { } compute)
            {
                var raw = (await MeasureAsync(0, RawRounds, () => compute(cancellationToken))).Min();
                holds &= raw / median >= LeastRatio;
                beside = $"; from samples {raw,6:F0} ms, {raw / median:F0} times as long";
            }

            Console.WriteLine($"{view.Name,-26} median {median,6:F1} ms, 95th percentile {Spread.Percentile(took, 0.95),6:F1} ms{beside}");
        }

        Console.WriteLine($"claimed: at most {MostMilliseconds} ms each, and a year {LeastRatio} times faster than from samples");
        Console.WriteLine(holds ? "The claim holds." : "The claim does NOT hold.");
        return holds ? 0 : 1;
    }

    private static View[] Views(Database samples)
    {
        var now = TimeProvider.System.GetUtcNow();
        HistoryRange year = new(Device, Zone, PollIntervalS: 10, now.AddDays(-364), now);
        var days = year.Calendar.Boundaries(Period.Day, year.From, year.To);
        HistoryReader history = new(samples);
        EnergyReader energy = new(samples);
        CompletenessReader completeness = new(samples, TimeProvider.System);
        return
        [
            new("devices", "/v1/devices"),
            new("realtime", "/v1/realtime"),
            new("day, curve", $"/v1/history?{Since(1)}&resolution=15m"),
            new("month, curve", $"/v1/history?{Since(30)}"),
            new("year, curve", $"/v1/history?{Since(364)}", CurveAsync),
            new("day, completeness", $"/v1/completeness?{Since(1)}"),
            new("month, completeness", $"/v1/completeness?{Since(30)}&group=day"),
            new(
                "year, completeness by day", $"/v1/completeness?{Since(364)}&group=day",
                stop => completeness.ReadAsync(Device, days, stop)),
            new("today, energy", $"/v1/energy?{Since(0.1)}"),
            new("month, energy by day", $"/v1/energy?{Since(30)}&group=day"),
            new("year, energy by day", $"/v1/energy?{Since(364)}&group=day", EnergyAsync),
            new("year, energy by month", $"/v1/energy?{Since(364)}&group=month", EnergyAsync),
        ];

        string Since(double ago) => $"from={Rfc3339.Write(now.AddDays(-ago))}&to={Rfc3339.Write(now)}";

        async Task CurveAsync(CancellationToken stop) => await history.ReadAsync(year, Resolution.Day, stop).CountAsync(stop);

        Task EnergyAsync(CancellationToken stop) => energy.ReadAsync(Device, year.Calendar, days, stop);
    }

    private static async Task<List<double>> MeasureAsync(int warmUps, int rounds, Func<Task> act)
    {
        List<double> took = [];
        for (var round = -warmUps; round < rounds; round++)
        {
            var started = Stopwatch.GetTimestamp();
            await act();
            if (round >= 0)
            {
                took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
        }

        return took;
    }

    private static async Task AskAsync(HttpClient http, string path, CancellationToken cancellationToken)
    {
        using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), cancellationToken);
        await answer.Content.ReadAsByteArrayAsync(cancellationToken);
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw new InvalidOperationException($"{path}: {answer.StatusCode}");
        }
    }
}
