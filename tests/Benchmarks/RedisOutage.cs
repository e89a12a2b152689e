using System.CommandLine;
using Sungrow.TestServers;

namespace Sungrow.Benchmarks;

/// <summary>Claim: a Redis that is gone or frozen makes the 95th percentile of a single-sample ingest at most 1.5 times the undisturbed
/// one, and realtime answers from the database. The requests that meet the outage first are among those counted. Phases rotate from round
/// to round, so that neither a warming server nor a growing table favours one of them.</summary>
internal static class RedisOutage
{
    private const double Allowed = 1.5;
    private const int WarmUp = 500;

    private enum Phase { Undisturbed, Gone, Frozen }

    public static Command Command()
    {
        Option<int> rounds = new("--rounds") { Description = "How often each phase is measured.", DefaultValueFactory = _ => 6 };
        Option<int> requests = new("--requests") { Description = "Requests per phase.", DefaultValueFactory = _ => 1_000 };
        Command command = new("redis-outage", "Single-sample ingest with Redis working, gone and frozen.") { rounds, requests };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(rounds), parsed.GetValue(requests), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int rounds, int requests, CancellationToken cancellationToken)
    {
        await using var redis = await RedisServer.StartAsync(cancellationToken: cancellationToken);
        await using var vps = await VpsUnderLoad.StartAsync(redis.Url, cancellationToken);
        for (var i = 0; i < WarmUp; i++)
        {
            await vps.IngestAsync(cancellationToken);
        }

        var fresh = true;
        var phases = Enum.GetValues<Phase>();
        var percentiles = phases.ToDictionary(phase => phase, _ => new List<double>());
        Console.WriteLine($"95th percentile of {requests} ingests, ms");
        Console.WriteLine($"{"round",5} {string.Join(' ', phases.Select(phase => $"{phase,12}"))}");
        for (var round = 0; round < rounds; round++)
        {
            for (var turn = 0; turn < phases.Length; turn++)
            {
                var phase = phases[(round + turn) % phases.Length];
                await vps.CachedAsync(cancellationToken);
                await BeginAsync(phase, redis, cancellationToken);
                List<double> took = new(requests);
                for (var i = 0; i < requests; i++)
                {
                    took.Add(await vps.IngestAsync(cancellationToken));
                }

                percentiles[phase].Add(Spread.Percentile(took, 0.95));
                fresh &= await vps.ShowsNewestAsync(cancellationToken);
                await EndAsync(phase, redis, cancellationToken);
                fresh &= await vps.ShowsNewestAsync(cancellationToken);
            }

            Console.WriteLine($"{round + 1,5} {string.Join(' ', phases.Select(phase => $"{percentiles[phase][round],12:F2}"))}");
        }

        Console.WriteLine($"{"median",5}{string.Join(' ', phases.Select(phase => $"{Spread.Median(percentiles[phase]),12:F2}"))}");
        var gone = Ratio(Phase.Gone);
        var frozen = Ratio(Phase.Frozen);
        var holds = gone <= Allowed && frozen <= Allowed && fresh;
        Console.WriteLine($"median of the rounds' ratios to undisturbed: gone {gone:F2}, frozen {frozen:F2}; allowed {Allowed}");
        Console.WriteLine($"realtime showed the newest sample {(fresh ? "every time" : "NOT every time")}");
        Console.WriteLine(holds ? "The claim holds." : "The claim does NOT hold.");
        return holds ? 0 : 1;

        double Ratio(Phase phase) =>
            Spread.Median([.. percentiles[phase].Zip(percentiles[Phase.Undisturbed], (disturbed, calm) => disturbed / calm)]);
    }

    private static Task BeginAsync(Phase phase, RedisServer redis, CancellationToken cancellationToken) => phase switch
    {
        Phase.Gone => redis.KillAsync(cancellationToken),
        Phase.Frozen => redis.FreezeAsync(cancellationToken),
        _ => Task.CompletedTask,
    };

    private static async Task EndAsync(Phase phase, RedisServer redis, CancellationToken cancellationToken)
    {
        if (phase == Phase.Gone)
        {
            await redis.RestartAsync(cancellationToken);
        }
        else if (phase == Phase.Frozen)
        {
            redis.Thaw();
        }
    }
}
