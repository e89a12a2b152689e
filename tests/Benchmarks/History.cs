using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.History;
using Sungrow.Vps.Storage;

namespace Sungrow.Benchmarks;

/// <summary>Claim: with a year of a device's ten-second samples beside a hundred other devices, on TimescaleDB with its old chunks
/// compressed, no view of the dashboard takes longer than 50 ms, and the energies of a year come fifty times faster than from the samples.
/// Each view is asked over HTTP and timed whole; the same energies are computed from the samples by the same SELECT, once for each
/// round.</summary>
internal static class History
{
    private const string Device = "bench-1";
    private const double MostMilliseconds = 50;
    private const double LeastRatio = 50;

    public static Command Command()
    {
        Option<int> rounds = new("--rounds") { Description = "How often each view is asked.", DefaultValueFactory = _ => 20 };
        Option<int> others = new("--others") { Description = "Devices beside it, a sample every 15 minutes each.", DefaultValueFactory = _ => 100 };
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
        var (_, address) = await servers.StartVpsAsync(
            new Dictionary<string, string>
            {
                ["DEVICE_TOKENS"] = $"token:{Device}",
                ["VIEWER_TOKENS"] = $"viewer:{Device}",
                ["SITE_TIMEZONE"] = "Europe/Berlin",
            },
            cancellationToken);
        await LoadAsync(servers, others, cancellationToken);
        Console.WriteLine($"{await servers.AskAsync("SELECT count(*) FROM sungrow_samples", cancellationToken)} samples");

        using HttpClient http = new() { BaseAddress = address, Timeout = TimeSpan.FromMinutes(5) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "viewer");
        var slowest = 0.0;
        var yearOfEnergy = 0.0;
        foreach (var (name, path) in Views())
        {
            List<double> took = [];
            for (var round = -3; round < rounds; round++) // Three to warm up.
            {
                var started = Stopwatch.GetTimestamp();
                using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), cancellationToken);
                await answer.Content.ReadAsByteArrayAsync(cancellationToken);
                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    throw new InvalidOperationException($"{path}: {answer.StatusCode}");
                }

                if (round >= 0)
                {
                    took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                }
            }

            var median = Spread.Median(took);
            Console.WriteLine($"{name,-28} median {median,7:F1} ms, 95th percentile {Spread.Percentile(took, 0.95),7:F1} ms");
            slowest = Math.Max(slowest, median);
            yearOfEnergy = name == Views()[^1].Name ? median : yearOfEnergy;
        }

        var raw = await FromSamplesAsync(servers, cancellationToken);
        var ratio = raw / yearOfEnergy;
        Console.WriteLine($"a year of energies from samples {raw:F0} ms, {ratio:F0} times as long; claimed {LeastRatio}");
        Console.WriteLine($"slowest view {slowest:F1} ms; claimed {MostMilliseconds}");
        var holds = ratio >= LeastRatio && slowest <= MostMilliseconds;
        Console.WriteLine(holds ? "The claim holds." : "The claim does NOT hold.");
        return holds ? 0 : 1;
    }

    private static (string Name, string Path)[] Views()
    {
        var now = TimeProvider.System.GetUtcNow();
        return
        [
            ("devices", "/v1/devices"),
            ("realtime", "/v1/realtime"),
            ("day, curve", $"/v1/history?{Since(1)}&resolution=15m"),
            ("month, curve", $"/v1/history?{Since(30)}"),
            ("year, curve", $"/v1/history?{Since(364)}"),
            ("day, completeness", $"/v1/completeness?{Since(1)}"),
            ("year, completeness by day", $"/v1/completeness?{Since(364)}&group=day"),
            ("today, energy", $"/v1/energy?{Since(0.1)}"),
            ("month, energy by day", $"/v1/energy?{Since(30)}&group=day"),
            ("year, energy by day", $"/v1/energy?{Since(364)}&group=day"),
            ("year, energy by month", $"/v1/energy?{Since(364)}&group=month"),
        ];

        string Since(double days) => $"from={Rfc3339.Write(now.AddDays(-days))}&to={Rfc3339.Write(now)}";
    }

    private static async Task LoadAsync(IngestServers servers, int others, CancellationToken cancellationToken)
    {
        // A bright day each day; the house buys at night.
        await servers.ExecuteAsync(
            $"""
            INSERT INTO sungrow_samples (device_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c,
                                         load_power_w, export_power_w, sample_count, interval_s)
            SELECT device_id, ts, pv, day * 30, 500 * sin(day * 50), 50 + 40 * sin(day * 6), 21.5, 700 + 300 * sin(day * 90),
                   pv - 700 - 300 * sin(day * 90), 1, step
            FROM (
                SELECT '{Device}' AS device_id, ts, 10 AS step FROM generate_series(now() - interval '1 year', now(), interval '10 seconds') AS ts
                UNION ALL
                SELECT 'other-' || number, ts, 900 FROM generate_series(1, {others}) AS number,
                    generate_series(now() - interval '1 year', now(), interval '15 minutes') AS ts) AS each,
            LATERAL (SELECT mod(extract(epoch FROM ts)::bigint, 86400) / 86400.0::float8 AS day) AS days,
            LATERAL (SELECT greatest(0, 6000 * sin(2 * pi() * (day - 0.25))) AS pv) AS powers
            """,
            cancellationToken);
        await servers.ExecuteAsync(
            $"CALL refresh_continuous_aggregate('{Aggregates.View}', NULL, date_trunc('hour', now()) - interval '1 hour')", cancellationToken);
        await servers.ExecuteAsync(
            "SELECT compress_chunk(chunk) FROM show_chunks('sungrow_samples', older_than => interval '30 days') AS chunk", cancellationToken);
        await servers.ExecuteAsync("VACUUM ANALYZE", cancellationToken);
    }

    private static async Task<double> FromSamplesAsync(IngestServers servers, CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetUtcNow();
        var days = SiteCalendar.Of("Europe/Berlin").Boundaries(Period.Day, now.AddDays(-364), now);
        var sql = string.Create(
            CultureInfo.InvariantCulture,
            $"""
            SELECT width_bucket(bucket, $2) AS day, sum(covered_s), sum(pv_power_w_sum), sum(load_power_w_sum), sum(import_ws), sum(export_ws),
                   sum(charge_ws), sum(discharge_ws), min(pv_daily_first), max(pv_daily_last), max(pv_daily_max)
            FROM {Aggregates.Source(continuous: false, days[0], days[^1])} GROUP BY day ORDER BY day
            """);
        List<double> took = [];
        for (var round = 0; round < 3; round++)
        {
            await using NpgsqlCommand command = servers.Database.CreateCommand(sql);
            command.CommandTimeout = 600;
            command.Parameters.Add(new() { Value = Device });
            command.Parameters.Add(HistoryReader.Boundaries(days));
            var started = Stopwatch.GetTimestamp();
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            while (await row.ReadAsync(cancellationToken))
            {
                // As the server reads them.
            }

            took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return Spread.Median(took);
    }
}
