using System.Diagnostics;
using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Benchmarks;

/// <summary>A year as a server has it after a year: samples, what they amount to, and old chunks compressed. Made in minutes: what is lost
/// if the machine fails now is made again, so nothing waits for the disk.</summary>
internal static class HistoryYear
{
    /// <param name="others">Devices beside <paramref name="device"/>.</param>
    public static async Task LoadAsync(string databaseUrl, string device, int others, CancellationToken cancellationToken)
    {
        await using var database = NpgsqlDataSource.Create(databaseUrl + ";CommandTimeout=0;Options=-c synchronous_commit=off");
        await StepAsync("samples", [Samples($"'{device}'", 10, 1), Samples("'other-' || number", 900, others)]);
        await StepAsync("what they amount to", Refreshes());
        await StepAsync(
            "compression",
            ["SELECT compress_chunk(chunk) FROM show_chunks('sungrow_samples', older_than => interval '30 days') AS chunk", "ANALYZE"]);
        await using var count = database.CreateCommand("SELECT count(*) FROM sungrow_samples");
        Console.WriteLine($"{await count.ExecuteScalarAsync(cancellationToken)} samples");

        async Task StepAsync(string what, IEnumerable<string> statements)
        {
            var started = Stopwatch.GetTimestamp();
            foreach (var sql in statements)
            {
                await using var command = database.CreateCommand(sql);
                await command.ExecuteNonQueryAsync(cancellationToken);
            }

            Console.WriteLine($"{what}: {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s");
        }
    }

    // A bright day each day; the house buys at night, and the counter is cleared an hour or two after midnight, so that no day is clear
    // from its sums alone.
    private static string Samples(string device, int stepS, int devices) =>
        $"""
        INSERT INTO sungrow_samples (device_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c,
                                     load_power_w, export_power_w, sample_count, interval_s)
        SELECT {device}, ts, pv, day * 30, 500 * sin(day * 50), 50 + 40 * sin(day * 6), 21.5, 700 + 300 * sin(day * 90),
               pv - 700 - 300 * sin(day * 90), 1, {stepS}
        FROM generate_series(now() - interval '1 year', now(), interval '{stepS} seconds') AS ts, generate_series(1, {devices}) AS number,
        LATERAL (SELECT mod(extract(epoch FROM ts)::bigint, 86400) / 86400.0::float8 AS day) AS days,
        LATERAL (SELECT greatest(0, 6000 * sin(2 * pi() * (day - 0.25))) AS pv) AS powers
        """;

    /// <summary>In the pieces that the server's own worker makes, so that the rows lie as they would.</summary>
    private static IEnumerable<string> Refreshes()
    {
        var now = TimeProvider.System.GetUtcNow();
        return from aggregate in new[] { Aggregates.Samples, Aggregates.Hours }
               from range in RefreshPolicy.Plan(aggregate, [], regular: true, now.AddDays(-368), now.AddDays(-368), now)
               from piece in RefreshPolicy.Pieces(range)
               let times = $"{Aggregates.Literal(piece.From)}, {Aggregates.Literal(piece.To)}"
               select $"CALL refresh_continuous_aggregate('{aggregate.View}', {times})";
    }
}
