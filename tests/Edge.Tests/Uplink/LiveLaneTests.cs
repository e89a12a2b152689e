using Sungrow.Edge.Tests.Buffer;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public sealed class LiveLaneTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Up_to_a_batch_there_is_one_lane_and_each_sample_is_sent_once()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 500);

        await using (bench.Start())
        {
            await bench.DrainedAsync();
            for (var n = 501; n <= 520; n++)
            {
                bench.Buffer.AppendMany(n, n);
                await bench.DrainedAsync();
            }
        }

        Assert.Equal(Enumerable.Range(1, 520).Select(n => (long)n), bench.Vps.Batches.SelectMany(request => request.Seqs));
    }

    /// <summary>The backlog lane stands still in one way or the other; the newest sample arrives, in a request of its own.</summary>
    [Theory]
    [InlineData("no answer")]
    [InlineData("429")]
    [InlineData("503")]
    [InlineData("502")]
    [InlineData("401")]
    public async Task The_newest_sample_arrives_at_once_while_the_backlog(string waits)
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = (context, request) => request.Samples.Count <= 10 ? bench.Vps.StoreAsync(context, request) : waits switch
        {
            "no answer" => Answers.Silence(context, request),
            "429" => Answers.Problem(429, "RATE_LIMITED", retryAfter: "600")(context, request),
            "503" => Answers.Problem(503, "WRITE_QUEUE_FULL", retryAfter: "600")(context, request),
            "502" => Answers.Plain(502, "text/html", "<h1>Bad Gateway</h1>")(context, request),
            _ => Answers.Problem(401, "TOKEN_INVALID")(context, request),
        };
        bench.Buffer.AppendMany(1, 2_000);

        await using (bench.Start())
        {
            await Until.TrueAsync(() => bench.Vps.Batches.Any(request => request.Samples.Count == 500), cancellationToken: Cancelled);
            for (var n = 2_001; n <= 2_005; n++)
            {
                bench.Buffer.AppendMany(n, n);
                // Without a second of the loop's clock.
                await Until.TrueAsync(() => bench.Vps.Stored.Any(sample => sample.Seq == n), cancellationToken: Cancelled);
            }

            Assert.Equal((0, 2_005), (bench.State.Acknowledged, bench.State.Waiting));
        }
    }

    [Fact]
    public async Task While_a_long_backlog_drains_both_arrive_and_nothing_is_missing()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 3_000);

        await using (bench.Start(batchSize: 100))
        {
            for (var n = 3_001; n <= 3_020; n++)
            {
                bench.Buffer.AppendMany(n, n);
                await Until.TrueAsync(() => bench.Vps.Stored.Any(sample => sample.Seq == n), cancellationToken: Cancelled);
            }

            await bench.DrainedAsync();
        }

        bench.AssertBalance(3_020);
        var backlog = bench.Vps.Batches.Where(request => request.Samples.Count > 10).SelectMany(request => request.Seqs).ToList();
        Assert.Equal(backlog.Order(), backlog);
        Assert.All(bench.Vps.Batches, request => Assert.True(request.Samples.Count is <= 10 or 100 || request.Seqs[^1] >= 3_000));
    }

    [Fact]
    public async Task A_live_sample_that_is_refused_is_left_to_the_backlog()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Naming(sample => sample.Seq == 1_000 ? "OUT_OF_RANGE" : null);
        bench.Buffer.AppendMany(1, 1_000);

        await using (bench.Start(batchSize: 100))
        {
            await bench.DrainedAsync();
        }

        bench.AssertBalance(999, 1);
        Assert.Equal([1_000], bench.DeadLetters().Select(row => row.Sample.Seq));
    }

    [Fact]
    public async Task Live_samples_beyond_the_server_s_clock_make_ours_doubted_and_are_held_by_the_backlog_later()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = (context, request) => request.Samples.Count > 10
            ? Answers.Problem(429, "RATE_LIMITED", retryAfter: "600")(context, request)
            : bench.Vps.Naming(_ => ErrorCodes.TimestampInFuture)(context, request);
        bench.Buffer.AppendMany(1, 200);

        await using (bench.Start(batchSize: 100))
        {
            await Until.TrueAsync(() => bench.Doubts > 0, cancellationToken: Cancelled);
        }

        bench.AssertBalance(stored: 0, waiting: 200);
    }

    [Fact]
    public async Task A_rate_limit_of_its_own_stops_it_as_long_as_asked_and_the_backlog_not_at_all()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = (context, request) => request.Samples.Count <= 10
            ? Answers.Problem(429, "RATE_LIMITED", retryAfter: "600")(context, request)
            : bench.Vps.StoreAsync(context, request);
        bench.Buffer.AppendMany(1, 2_000);

        await using (bench.Start(batchSize: 100))
        {
            await Until.TrueAsync(() => bench.State.Waiting == 0, cancellationToken: Cancelled);
        }

        Assert.InRange(bench.Vps.Batches.Count(request => request.Samples.Count <= 10), 0, 1);
        bench.AssertBalance(2_000);
    }
}
