using System.CommandLine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Storage;

namespace Sungrow.Benchmarks;

/// <summary>Claims, each in shares of what the same run measures: README.md. The server is a process of its own with authentication,
/// limits, realtime and audit on. Cells are measured for a second each on an emptied table, in an order that rotates from round to
/// round and turns back every other one.</summary>
internal static class IngestThroughput
{
    private static readonly (int Rows, int Connections)[] Sizes = [(1, 1024), (60, 128), (1000, 32)];

    // The round before the first compiles the code, and again what turns out to run often: that goes on for ten seconds under load.
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);

    public static Command Command()
    {
        Option<int> rounds = new("--rounds") { Description = "How often each is measured.", DefaultValueFactory = _ => 15 };
        Option<double> seconds = new("--seconds") { Description = "How long each is measured.", DefaultValueFactory = _ => 1.0 };
        Option<string> on = new("--on") { Description = "plain, timescale or both.", DefaultValueFactory = _ => "both" };
        on.AcceptOnlyFromAmong("plain", "timescale", "both");
        Option<string[]> only = new("--only") { Description = "Only these, for example COPY or vps; all sizes where none is named.", AllowMultipleArgumentsPerToken = true };
        Command command = new("ingest", "Ingest over HTTP beside COPY, EF Core and parsing alone.") { rounds, seconds, on, only };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var holds = true;
            foreach (var timescale in new[] { false, true })
            {
                if (parsed.GetValue(on) is "both" || parsed.GetValue(on) == (timescale ? "timescale" : "plain"))
                {
                    holds &= await RunAsync(
                        timescale, parsed.GetValue(rounds), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(only) ?? [],
                        cancellationToken);
                }
            }

            return holds ? 0 : 1;
        });
        return command;
    }

    private static async Task<bool> RunAsync(
        bool timescale, int rounds, TimeSpan duration, string[] only, CancellationToken cancellationToken)
    {
        await using var servers = await IngestServers.StartAsync(timescale, cancellationToken);
        Console.WriteLine($"\n## {(timescale ? "TimescaleDB" : "Plain PostgreSQL")}\n");
        if (servers is null)
        {
            Console.WriteLine("Skipped: this PostgreSQL does not offer TimescaleDB.");
            return true;
        }

        var (_, vps) = await servers.StartVpsAsync(null, cancellationToken);
        var (_, parse) = await servers.StartComparedAsync("parse", cancellationToken);
        var (_, store) = await servers.StartComparedAsync("store", cancellationToken);
        using var host = await StartStorageAsync(servers.DatabaseUrl, cancellationToken);
        var devices = await servers.RegisterAsync(Sizes.Max(size => size.Connections), cancellationToken);

        var cells = Cells(servers, host.Services.GetRequiredService<FlushTransaction>(), vps, parse, store, devices)
            .Where(cell => only.Length == 0 || only.Any(name => $"{cell.Name} ".StartsWith($"{name} ", StringComparison.Ordinal))).ToArray();
        Dictionary<string, List<double>> measured = [];
        for (var round = -1; round < rounds; round++)
        {
            for (var turn = 0; turn < cells.Length; turn++)
            {
                var place = (turn + Math.Max(0, round)) % cells.Length;
                var cell = cells[round % 2 == 1 ? cells.Length - 1 - place : place];
                await servers.EmptyAsync(cancellationToken);
                foreach (var (name, rate) in await cell.MeasureAsync(round < 0 ? WarmUp : duration, cancellationToken))
                {
                    if (round >= 0)
                    {
                        (measured.TryGetValue(name, out var rates) ? rates : measured[name] = []).Add(rate);
                    }
                }
            }

            await Console.Error.WriteLineAsync($"round {round + 1} of {rounds}");
        }

        await host.StopAsync(cancellationToken);
        return IngestReport.Write(measured);
    }

    private static IEnumerable<Cell> Cells(
        IngestServers servers, FlushTransaction transaction, Uri vps, Uri parse, Uri store, BenchDevice[] devices)
    {
        DirectPaths direct = new(servers.Database, transaction);
        yield return new("COPY", async (duration, _) => [("COPY 5000", await direct.CopyAsync(ProtocolLimits.MaxSamples, duration))]);
        yield return new("EF", async (duration, _) => [("EF per row", await direct.EfAsync(1, duration))]);
        yield return new("EF", async (duration, _) => [("EF AddRange 100", await direct.EfAsync(100, duration))]);
        foreach (var (rows, connections) in Sizes)
        {
            var some = devices[..connections];
            HttpLoad toParse = new(parse, some, rows), toStore = new(store, some, rows), toVps = new(vps, some, rows);
            yield return new($"parse {rows}", async (duration, token) => [($"parse {rows}", await toParse.SendNewAsync(duration, token))]);
            yield return new($"store {rows}", async (duration, token) => [($"store {rows}", await toStore.SendNewAsync(duration, token))]);
            yield return new($"vps {rows}", async (duration, token) =>
            [
                ($"vps {rows}", await toVps.SendNewAsync(duration, token)),
                ($"vps again {rows}", await toVps.SendAgainAsync(duration, token)),
            ]);
            if (rows > 1)
            {
                var turn = 0;
                yield return new($"again {rows}", async (duration, _) =>
                {
                    await direct.FillAsync(duration / 4);
                    List<(string, double)> rates = [];
                    foreach (var writer in turn++ % 2 == 0 ? new[] { true, false } : [false, true]) // The first meets pages that nobody has read.
                    {
                        rates.Add(writer
                            ? ($"writer again {rows}", await direct.WriteAgainAsync(rows, duration))
                            : ($"ON CONFLICT again {rows}", await direct.InsertAgainAsync(rows, duration)));
                    }

                    return [.. rates];
                });
            }
        }
    }

    private static async Task<IHost> StartStorageAsync(string databaseUrl, CancellationToken cancellationToken)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection([KeyValuePair.Create("Storage:DatabaseUrl", (string?)databaseUrl)]);
        Serve.AddStorage(builder.Services, audit: true);
        var host = builder.Build();
        await host.StartAsync(cancellationToken);
        await Until.TrueAsync(
            () => host.Services.GetRequiredService<Database>().AnswersAsync(cancellationToken), cancellationToken: cancellationToken);
        return host;
    }

    private sealed record Cell(string Name, Func<TimeSpan, CancellationToken, Task<(string Name, double Rate)[]>> MeasureAsync);
}
