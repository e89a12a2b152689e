using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>A server's defect must not empty a buffer into its dead letters.</summary>
public sealed class BrakeTests
{
    [Fact]
    public async Task A_server_that_refuses_every_sample_gets_twenty_dead_letters_and_one_batch_an_hour()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Naming(_ => "OUT_OF_RANGE");
        bench.Buffer.AppendMany(1, 100);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.State.Brake is not null, TimeSpan.FromMinutes(1));
            var before = OfMany(bench);
            var since = bench.Time.GetUtcNow();
            await bench.UntilAsync(() => OfMany(bench) == before + 3);
            Assert.InRange(bench.Time.GetUtcNow() - since, TimeSpan.FromHours(2.9), TimeSpan.FromHours(4.1));
        }

        bench.AssertBalance(stored: 0, deadLettered: 20, waiting: 80);
        Assert.Equal("OUT_OF_RANGE", bench.State.Brake!.Code);
        Assert.Single(
            bench.Log.Lines, line => line.StartsWith("Error: 20 dead letters in a row with OUT_OF_RANGE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_holds_also_when_the_server_does_not_name_the_samples()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Silent(400, "MALFORMED_BODY", _ => true);
        bench.Buffer.AppendMany(1, 100);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.State.Brake is not null, TimeSpan.FromMinutes(10));
            await bench.UntilAsync(() => OfMany(bench) >= 5, TimeSpan.FromHours(12));
        }

        bench.AssertBalance(stored: 0, deadLettered: 20, waiting: 80);
    }

    [Fact]
    public async Task Single_samples_refused_one_after_the_other_pull_it_too_and_the_newest_are_still_offered()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Naming(_ => "OUT_OF_RANGE");
        await using (bench.Start())
        {
            for (var n = 1; n <= 30; n++)
            {
                bench.Buffer.AppendMany(n, n);
                await bench.UntilAsync(() => bench.Vps.Batches.Any(request => request.Seqs.Contains(n)), TimeSpan.FromMinutes(1));
                await bench.UntilAsync(() => n > 20 || bench.State.DeadLettered == n, TimeSpan.FromMinutes(1));
            }

            bench.AssertBalance(stored: 0, deadLettered: 20, waiting: 10);
            // The server is mended for what is new: the owner sees it, though the past still waits for the hour.
            bench.Vps.Ingest = bench.Vps.Naming(sample => sample.Seq <= 30 ? "OUT_OF_RANGE" : null);
            bench.Buffer.AppendMany(31, 31);
            await bench.UntilAsync(() => bench.Vps.Stored.Count == 1, TimeSpan.FromMinutes(1));
        }
    }

    [Fact]
    public async Task When_the_hourly_batch_is_taken_it_goes_on_by_itself()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Naming(_ => "OUT_OF_RANGE");
        bench.Buffer.AppendMany(1, 100);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.State.Brake is not null);
            bench.Vps.Ingest = bench.Vps.StoreAsync;
            await bench.DrainedAsync(TimeSpan.FromHours(2));
        }

        bench.AssertBalance(stored: 80, deadLettered: 20);
        Assert.Null(bench.State.Brake);
        Assert.Contains("Information: The brake on dead letters is released.", bench.Log.Lines);
    }

    [Fact]
    public async Task An_hourly_batch_with_both_bad_and_sound_samples_releases_it_and_costs_the_bad_ones_alone()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Naming(_ => "OUT_OF_RANGE");
        bench.Buffer.AppendMany(1, 100);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.State.Brake is not null);
            bench.Vps.Ingest = bench.Vps.Naming(sample => sample.Seq <= 50 ? "OUT_OF_RANGE" : null);
            await bench.DrainedAsync(TimeSpan.FromHours(2));
        }

        bench.AssertBalance(stored: 50, deadLettered: 50);
        Assert.Null(bench.State.Brake);
    }

    [Fact]
    public async Task The_operator_releases_it_at_once()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Naming(_ => "OUT_OF_RANGE");
        bench.Buffer.AppendMany(1, 100);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.State.Brake is not null);
            bench.Vps.Ingest = bench.Vps.StoreAsync;
            Assert.IsType<Left>(bench.Give(new ReleaseBrake()));
            await bench.DrainedAsync(TimeSpan.FromMinutes(30));
        }

        bench.AssertBalance(stored: 80, deadLettered: 20);
    }

    [Fact]
    public async Task It_survives_a_restart()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Naming(_ => "OUT_OF_RANGE");
        bench.Buffer.AppendMany(1, 100);
        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.State.Brake is not null);
        }

        bench.Reopen();
        var before = OfMany(bench);
        await using (bench.Start())
        {
            await bench.UntilAsync(() => OfMany(bench) > before + 1);
        }

        bench.AssertBalance(stored: 0, deadLettered: 20, waiting: 80);
    }

    [Fact]
    public async Task Dead_letters_that_are_tried_again_and_refused_again_do_not_stop_the_others()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Naming(sample => sample.Seq <= 60 && sample.Seq % 2 == 0 ? "OUT_OF_RANGE" : null);
        bench.Buffer.AppendMany(1, 61);
        await using (bench.Start())
        {
            await bench.DrainedAsync(TimeSpan.FromMinutes(1));
            bench.AssertBalance(stored: 31, deadLettered: 30);

            bench.Give(new RetryDeadLetters(null));
            await bench.UntilAsync(() => bench.State.DeadLettered == 20 && bench.State.Held == 10);
            bench.Buffer.AppendMany(62, 70);
            await bench.UntilAsync(() => bench.State.Acknowledged == 40, TimeSpan.FromMinutes(1));
            Assert.Null(bench.State.Brake);

            // Mended: those that still wait arrive by themselves, the others when they are asked for.
            bench.Vps.Ingest = bench.Vps.StoreAsync;
            await bench.UntilAsync(() => bench.State.Held == 0);
            bench.Give(new RetryDeadLetters(null));
            await bench.UntilAsync(() => bench.State is { DeadLettered: 0, Waiting: 0 });
        }

        bench.AssertBalance(stored: 70);
    }

    // The live lane's own are small.
    private static int OfMany(Bench bench) => bench.Vps.Batches.Count(request => request.Samples.Count > 10);
}
