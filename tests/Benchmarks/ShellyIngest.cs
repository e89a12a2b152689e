using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Vps.Shelly;

namespace Sungrow.Benchmarks;

/// <summary>Batches of Shelly messages over HTTP beside a COPY of the same rows into the same table, in turn. Four queue workers, each with
/// 100 devices of 4 channels: a request of 1,000 messages is 10 minutes of them, 4,000 rows.</summary>
internal static class ShellyIngest
{
    private const double Least = 0.5;
    private const int Workers = 4;
    private const int Devices = 100;
    private const int Minutes = 10;
    private const string Key = "benchmark";

    private const string Copy =
        "COPY power_logs (device_id, channel, power, voltage, current, timestamp, minute, idempotency_key) FROM STDIN (FORMAT binary)";

    public static Command Command()
    {
        Option<int> rounds = new("--rounds") { Description = "How often each is measured.", DefaultValueFactory = _ => 5 };
        Option<double> seconds = new("--seconds") { Description = "How long each is measured.", DefaultValueFactory = _ => 1.0 };
        Option<string> on = new("--on") { Description = "plain, timescale or both.", DefaultValueFactory = _ => "both" };
        on.AcceptOnlyFromAmong("plain", "timescale", "both");
        Command command = new("shelly", "Batches of Shelly messages beside COPY.") { rounds, seconds, on };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var holds = true;
            foreach (var timescale in new[] { false, true })
            {
                if (parsed.GetValue(on) is "both" || parsed.GetValue(on) == (timescale ? "timescale" : "plain"))
                {
                    holds &= await RunAsync(
                        timescale, parsed.GetValue(rounds), TimeSpan.FromSeconds(parsed.GetValue(seconds)), cancellationToken);
                }
            }

            return holds ? 0 : 1;
        });
        return command;
    }

    private static async Task<bool> RunAsync(bool timescale, int rounds, TimeSpan duration, CancellationToken cancellationToken)
    {
        await using var servers = await IngestServers.StartAsync(timescale, cancellationToken);
        Console.WriteLine($"\n## {(timescale ? "TimescaleDB" : "Plain PostgreSQL")}\n");
        if (servers is null)
        {
            Console.WriteLine("Skipped: this PostgreSQL does not offer TimescaleDB.");
            return true;
        }

        var (_, vps) = await servers.StartVpsAsync(new Dictionary<string, string> { ["INGEST_API_KEY"] = Key }, cancellationToken);
        List<double> copied = [], sent = [];
        for (var round = -1; round < rounds; round++)
        {
            foreach (var isCopy in round % 2 == 0 ? [true, false] : new[] { false, true })
            {
                await servers.ExecuteAsync("TRUNCATE power_logs, loads, load_devices", cancellationToken);
                await servers.ExecuteAsync("CHECKPOINT", cancellationToken);
                var rate = await MeasureAsync(
                    duration, worker => isCopy ? CopyAsync(servers.Database, worker) : SendAsync(vps, worker, cancellationToken));
                if (round >= 0) // The round before the first compiles the code.
                {
                    (isCopy ? copied : sent).Add(rate);
                }
            }
        }

        double[] ratios = [.. sent.Zip(copied, (one, ceiling) => one / ceiling)];
        var holds = Spread.Median(ratios) >= Least;
        Console.WriteLine("| | rows/s, median | least .. most |\n|---|---|---|");
        Console.WriteLine($"| COPY 4000 | {Spread.Median(copied):N0} | {copied.Min():N0} .. {copied.Max():N0} |");
        Console.WriteLine($"| 1,000 messages of 4 channels | {Spread.Median(sent):N0} | {sent.Min():N0} .. {sent.Max():N0} |");
        Console.WriteLine(
            $"\nOf the COPY ceiling at least {Least:F2}: {Spread.Median(ratios):F2} ({ratios.Min():F2} .. {ratios.Max():F2}), {(holds ? "holds" : "MISSED")}");
        return holds;
    }

    /// <param name="open">Gives one worker's way to store its next 4,000 rows.</param>
    /// <returns>Rows per second.</returns>
    private static async Task<double> MeasureAsync(TimeSpan duration, Func<int, Task<Func<long, Task>>> open)
    {
        // Not so old that it would be late, and with room for what a minute of this stores.
        var first = (TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 60) - (47 * 60);
        var ways = await Task.WhenAll(Enumerable.Range(0, Workers).Select(open));
        var started = Stopwatch.GetTimestamp();
        var stored = await Task.WhenAll(ways.Select(way => Task.Run(async () =>
        {
            long rows = 0;
            for (var minute = first; Stopwatch.GetElapsedTime(started) < duration; minute += Minutes)
            {
                await way(minute);
                rows += Devices * Minutes * ShellyBatchReader.Channels;
            }

            return rows;
        })));
        return stored.Sum() / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static Task<Func<long, Task>> CopyAsync(NpgsqlDataSource database, int worker) => Task.FromResult<Func<long, Task>>(first =>
    {
        using var connection = database.OpenConnection();
        using var importer = connection.BeginBinaryImport(Copy);
        for (var minute = first; minute < first + Minutes; minute++)
        {
            var start = DateTimeOffset.UnixEpoch.AddMinutes(minute).UtcDateTime;
            for (var device = 0; device < Devices; device++)
            {
                for (var channel = 0; channel < ShellyBatchReader.Channels; channel++)
                {
                    importer.StartRow();
                    importer.Write(Name(worker, device), NpgsqlDbType.Text);
                    importer.Write(channel, NpgsqlDbType.Integer);
                    importer.Write(60.5, NpgsqlDbType.Double);
                    importer.Write(230.1, NpgsqlDbType.Double);
                    importer.Write(0.26, NpgsqlDbType.Double);
                    importer.Write(start, NpgsqlDbType.TimestampTz);
                    importer.Write(start, NpgsqlDbType.TimestampTz);
                    importer.Write(string.Create(CultureInfo.InvariantCulture, $"{Name(worker, device)}_{channel}_{minute}"), NpgsqlDbType.Text);
                }
            }
        }

        importer.Complete();
        return Task.CompletedTask;
    });

    private static async Task<Func<long, Task>> SendAsync(Uri vps, int worker, CancellationToken cancellationToken)
    {
        var connection = await LoadConnection.OpenAsync(vps, cancellationToken);
        var (bytes, times) = Request(worker);
        return async first =>
        {
            for (var i = 0; i < times.Length; i++)
            {
                // Made once; only times are written anew, as the load shares its processors with what it measures.
                Encoding.ASCII.GetBytes(((first + (i / Devices)) * 60).ToString(CultureInfo.InvariantCulture), bytes.AsSpan(times[i]));
            }

            if (await connection.SendAsync(bytes, cancellationToken) != 200)
            {
                throw new InvalidOperationException($"The server answered: {connection.Text()}");
            }
        };
    }

    private static (byte[] Bytes, int[] Times) Request(int worker)
    {
        const string timestamp = "\"timestamp\":";
        var channels = string.Join(
            ',', Enumerable.Range(0, ShellyBatchReader.Channels).Select(channel => $$"""
                "switch:{{channel}}":{"id":{{channel}},"output":true,"apower":60.5,"voltage":230.1,"current":0.26}
                """));
        var body = $$"""
            {"messages":[{{string.Join(',', Enumerable.Range(0, Devices * Minutes).Select(i =>
                $$$"""{"src":"{{{Name(worker, i % Devices)}}}",{{{timestamp}}}1000000000,"params":{{{{channels}}}} }"""))}}]}
            """;
        var request = "POST /api/ingest/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + $"{ShellyKey.Header}: {Key}\r\nContent-Length: {body.Length}\r\n\r\n{body}";
        List<int> times = [];
        for (var at = request.IndexOf(timestamp, StringComparison.Ordinal); at >= 0; at = request.IndexOf(timestamp, at + 1, StringComparison.Ordinal))
        {
            times.Add(at + timestamp.Length);
        }

        return (Encoding.ASCII.GetBytes(request), [.. times]);
    }

    private static string Name(int worker, int device) =>
        string.Create(CultureInfo.InvariantCulture, $"shellypro4pm-{worker:D2}{device:D10}");
}
