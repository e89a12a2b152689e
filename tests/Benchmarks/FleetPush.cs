using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;

namespace Sungrow.Benchmarks;

/// <summary>Claims: pushing a million samples to another VPS reaches 80 % of what <c>/v1/ingest</c> reaches for one sender with batches of the
/// same size, and costs the client's own ingest at most 10 % while it pushes. Both ends, both databases and the load share the machine. As
/// many samples before those that are measured find the code compiled: a VPS runs for months.</summary>
internal static class FleetPush
{
    private const double LeastOfIngest = 0.8;
    private const double LeastBeside = 0.9;
    private const int LiveRows = 60;
    private const int LiveConnections = 8;

    public static Command Command()
    {
        Option<int> samples = new("--samples") { Description = "How many are pushed, after as many that do not count.", DefaultValueFactory = _ => 1_000_000 };
        Option<int> rounds = new("--rounds") { Description = "How often ingest is measured beside pushing.", DefaultValueFactory = _ => 7 };
        Option<double> seconds = new("--seconds") { Description = "How long each time.", DefaultValueFactory = _ => 3.0 };
        Command command = new("fleet", "Pushing to another VPS beside ingest.") { samples, rounds, seconds };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(samples), parsed.GetValue(rounds), TimeSpan.FromSeconds(parsed.GetValue(seconds)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int samples, int rounds, TimeSpan duration, CancellationToken cancellationToken)
    {
        await using var servers = await IngestServers.StartAsync(timescale: false, cancellationToken);
        var adminDatabase = await servers!.CreateDatabaseAsync(cancellationToken);
        var (_, admin) = await servers.StartVpsAsync(
            new Dictionary<string, string> { ["DATABASE_URL"] = adminDatabase, ["REDIS_URL"] = "", ["Application__RunMode"] = "Admin" },
            cancellationToken);
        await using var there = NpgsqlDataSource.Create(adminDatabase);
        var token = await AddCustomerAsync(there, cancellationToken);

        var (_, off) = await servers.StartVpsAsync(null, cancellationToken);
        var devices = await servers.RegisterAsync(LiveConnections + 1, cancellationToken);
        await FillAsync(off, devices[^1], 0, samples, cancellationToken);
        var ingest = await FillAsync(off, devices[^1], samples, samples, cancellationToken);

        var (_, on) = await servers.StartVpsAsync(
            new Dictionary<string, string>
            {
                ["FleetIngest__Enabled"] = "true",
                ["FleetIngest__Url"] = admin.ToString(),
                ["FleetIngest__Token"] = token,
                ["FleetIngest__Interval"] = "00:00:01",
            },
            cancellationToken);
        await CaughtUpAsync(servers, there, 2 * samples, cancellationToken);
        var push = await RateAsync(there, samples, cancellationToken);

        List<double> alone = [], beside = [], meanwhile = [];
        for (var round = -1; round < rounds; round++)
        {
            var live = devices[..LiveConnections];
            foreach (var pushes in round % 2 == 0 ? new[] { true, false } : [false, true])
            {
                var before = await PushedAsync(there, cancellationToken);
                var rate = await new HttpLoad(pushes ? on : off, live, LiveRows).SendNewAsync(duration, cancellationToken);
                if (round >= 0)
                {
                    (pushes ? beside : alone).Add(rate);
                }

                if (round >= 0 && pushes)
                {
                    meanwhile.Add((await PushedAsync(there, cancellationToken) - before) / duration.TotalSeconds);
                }

                await Until.TrueAsync(
                    async () => await servers.AskAsync("SELECT count(*) FROM fleet_outbox", cancellationToken) == 0,
                    TimeSpan.FromMinutes(5), cancellationToken);
            }
        }

        return Report(ingest, push, alone, beside, meanwhile) ? 0 : 1;
    }

    private static bool Report(double ingest, double push, List<double> alone, List<double> beside, List<double> meanwhile)
    {
        double[] ratios = [.. beside.Zip(alone, (with, without) => with / without)];
        var (ofIngest, cost) = (push / ingest, Spread.Median(ratios));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            ingest, one sender, {ProtocolLimits.MaxSamples} a batch   {ingest,10:F0} samples/s
            push                                {push,10:F0} samples/s  {ofIngest:F2} of ingest, at least {LeastOfIngest:F2}
            ingest while it pushes              {Spread.Median(beside),10:F0} samples/s  {cost:F2} ({ratios.Min():F2} .. {ratios.Max():F2}) of alone, at least {LeastBeside:F2}
            pushed meanwhile                    {Spread.Median(meanwhile),10:F0} samples/s
            """));
        // It must have been at it.
        var holds = ofIngest >= LeastOfIngest && cost >= LeastBeside && Spread.Median(meanwhile) > 0;
        Console.WriteLine(holds ? "The claims hold." : "A claim does NOT hold.");
        return holds;
    }

    /// <returns>Samples a second, of one sender.</returns>
    private static async Task<double> FillAsync(Uri server, BenchDevice device, int first, int samples, CancellationToken cancellationToken)
    {
        SampleRequest request = new(device.DeviceId, device.Token, ProtocolLimits.MaxSamples);
        using var connection = await LoadConnection.OpenAsync(server, cancellationToken);
        var started = Stopwatch.GetTimestamp();
        for (var sent = 0; sent < samples; sent += request.Rows)
        {
            if (await connection.SendAsync(request.At(first + sent), cancellationToken) != 200)
            {
                throw new InvalidOperationException($"The server answered: {connection.Text()}");
            }
        }

        return samples / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static Task CaughtUpAsync(IngestServers servers, NpgsqlDataSource there, int samples, CancellationToken cancellationToken) =>
        Until.TrueAsync(
            async () => await PushedAsync(there, cancellationToken) >= samples
                && await servers.AskAsync("SELECT count(*) FROM fleet_outbox", cancellationToken) == 0,
            TimeSpan.FromMinutes(5), cancellationToken);

    /// <returns>Samples, so far.</returns>
    private static async Task<long> PushedAsync(NpgsqlDataSource there, CancellationToken cancellationToken)
    {
        await using var command = there.CreateCommand(
            "SELECT coalesce(sum(accepted), 0)::bigint FROM fleet.ingest_events WHERE batch_type = 'measurements'");
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>From the first batch that counts to the last, by the admin's own events: each is written with its batch.</summary>
    private static async Task<double> RateAsync(NpgsqlDataSource there, int before, CancellationToken cancellationToken)
    {
        await using var command = there.CreateCommand(
            """
            SELECT (sum(accepted) - (array_agg(accepted ORDER BY received_at))[1])::double precision
                / extract(epoch FROM max(received_at) - min(received_at))::double precision
            FROM (SELECT *, sum(accepted) OVER (ORDER BY id) AS so_far FROM fleet.ingest_events WHERE batch_type = 'measurements') AS batch
            WHERE so_far >= $1
            """);
        command.Parameters.Add(new() { Value = (long)before });
        return (double)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static async Task<string> AddCustomerAsync(NpgsqlDataSource there, CancellationToken cancellationToken)
    {
        var token = Tokens.Issue();
        await using var command = there.CreateCommand("INSERT INTO fleet.customers (customer_id, digest) VALUES ('bench', $1)");
        command.Parameters.Add(new() { Value = Tokens.Digest(token) });
        await command.ExecuteNonQueryAsync(cancellationToken);
        return token;
    }
}
