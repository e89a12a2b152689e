using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Sungrow.Protocol;

namespace Sungrow.Benchmarks;

/// <summary>Claim: realtime through Redis, with authentication, answers at least 60 % of the requests per second of a bare endpoint that
/// answers a constant; and one sample reaches a thousand listeners of a stream while the database is asked once. The two servers take turns
/// under the same load.</summary>
internal static class Realtime
{
    private const double LeastRatio = 0.6;
    private const string Device = "bench-1";

    public static Command Command()
    {
        Option<int> rounds = new("--rounds") { Description = "How often each server is measured.", DefaultValueFactory = _ => 5 };
        Option<double> seconds = new("--seconds") { Description = "How long each time.", DefaultValueFactory = _ => 4 };
        Option<int> connections = new("--connections") { Description = "That ask at once.", DefaultValueFactory = _ => 64 };
        Option<int> listeners = new("--listeners") { Description = "Of the stream.", DefaultValueFactory = _ => 1_000 };
        Command command = new("realtime", "Realtime against a constant, and a thousand listeners.") { rounds, seconds, connections, listeners };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(rounds), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(connections), parsed.GetValue(listeners),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        int rounds, TimeSpan duration, int connections, int listeners, CancellationToken cancellationToken)
    {
        await using var servers = (await IngestServers.StartAsync(timescale: false, cancellationToken))!;
        var (_, vps) = await servers.StartVpsAsync(
            new Dictionary<string, string> { ["DEVICE_TOKENS"] = $"token:{Device}", ["VIEWER_TOKENS"] = $"viewer:{Device}" },
            cancellationToken);
        var (_, constant) = await servers.StartComparedAsync("constant", cancellationToken);
        using HttpClient http = new() { BaseAddress = vps };
        await IngestAsync(http, 1, cancellationToken);

        var request = Encoding.ASCII.GetBytes(
            $"GET /v1/realtime?device_id={Device} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer viewer\r\n\r\n");
        List<double> ratios = [];
        for (var round = -1; round < rounds; round++) // One to warm up.
        {
            var mine = await AskAsync(vps, request, connections, duration, cancellationToken);
            var bare = await AskAsync(constant, request, connections, duration, cancellationToken);
            if (round >= 0)
            {
                ratios.Add(mine / bare);
                Console.WriteLine($"realtime {mine,8:F0}/s, a constant {bare,8:F0}/s: {mine / bare:F2}");
            }
        }

        var ratio = Spread.Median(ratios);
        Console.WriteLine($"median {ratio:F2}; claimed {LeastRatio}");
        var reached = await FanOutAsync(servers, http, vps, listeners, cancellationToken);
        var holds = ratio >= LeastRatio && reached;
        Console.WriteLine(holds ? "The claim holds." : "The claim does NOT hold.");
        return holds ? 0 : 1;
    }

    private static async Task<double> AskAsync(
        Uri server, byte[] request, int connections, TimeSpan duration, CancellationToken cancellationToken)
    {
        var open = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => LoadConnection.OpenAsync(server, cancellationToken)));
        var started = Stopwatch.GetTimestamp();
        var asked = await Task.WhenAll(open.Select(connection => Task.Run(async () =>
        {
            long done = 0;
            for (; Stopwatch.GetElapsedTime(started) < duration; done++)
            {
                if (await connection.SendAsync(request, cancellationToken) != 200)
                {
                    throw new InvalidOperationException($"The server answered: {connection.Text()}");
                }
            }

            return done;
        })));
        var took = Stopwatch.GetElapsedTime(started);
        foreach (var connection in open)
        {
            connection.Dispose();
        }

        return asked.Sum() / took.TotalSeconds;
    }

    private static async Task<bool> FanOutAsync(
        IngestServers servers, HttpClient http, Uri vps, int listeners, CancellationToken cancellationToken)
    {
        using HttpClient streams = new(new SocketsHttpHandler { MaxConnectionsPerServer = listeners }) { BaseAddress = vps };
        streams.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "viewer");
        var readers = await Task.WhenAll(Enumerable.Range(0, listeners).Select(async _ =>
            new StreamReader(await streams.GetStreamAsync(new Uri($"/v1/realtime/stream?device_id={Device}", UriKind.Relative), cancellationToken))));
        List<double> took = [];
        var reads = 0L;
        const int Rounds = 5;
        await Task.WhenAll(readers.Select(reader => UntilAsync(reader, 1, cancellationToken)));
        for (var number = 2; number < 2 + Rounds; number++)
        {
            var before = await ReadsAsync(servers, cancellationToken);
            var started = Stopwatch.GetTimestamp();
            var all = Task.WhenAll(readers.Select(reader => UntilAsync(reader, number, cancellationToken)));
            await IngestAsync(http, number, cancellationToken);
            await all.WaitAsync(TimeSpan.FromMinutes(1), cancellationToken);
            took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            reads = Math.Max(reads, await ReadsAsync(servers, cancellationToken) - before);
        }

        foreach (var reader in readers)
        {
            reader.Dispose();
        }

        Console.WriteLine(
            $"one sample to {listeners} listeners: median {Spread.Median(took):F0} ms from its request to the last of them, "
            + $"at most {reads} transactions of the database");
        // The insert, the read, and whatever a worker did meanwhile.
        return reads < listeners / 10;
    }

    private static async Task UntilAsync(StreamReader reader, int number, CancellationToken cancellationToken)
    {
        var wanted = string.Create(CultureInfo.InvariantCulture, $"\"pv_power_w\":{number},");
        while (await reader.ReadLineAsync(cancellationToken) is { } line && !line.Contains(wanted, StringComparison.Ordinal))
        {
            // An older sample, or a comment.
        }
    }

    // Of all sessions: what a session has done is told with a delay, so all of them are made to tell.
    private static Task<long> ReadsAsync(IngestServers servers, CancellationToken cancellationToken) =>
        servers.AskAsync("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()", cancellationToken);

    private static async Task IngestAsync(HttpClient http, int number, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "/v1/ingest");
        var ts = Rfc3339.Write(TimeProvider.System.GetUtcNow());
        request.Content = new StringContent(
            $$"""{"samples":[{"device_id":"{{Device}}","ts":"{{ts}}","pv_power_w":{{number}}}]}""", Encoding.UTF8, "application/json");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "token");
        using var answer = await http.SendAsync(request, cancellationToken);
        answer.EnsureSuccessStatusCode();
    }
}
