using Sungrow.Edge.Tests.Buffer;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>Samples that the server does not take: exactly those become dead letters, and the others arrive.</summary>
public sealed class RefusedSamplesTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(500, new[] { 1 })]
    [InlineData(500, new[] { 250 })]
    [InlineData(500, new[] { 500 })]
    [InlineData(500, new[] { 1, 2, 3, 499, 500 })]
    [InlineData(1, new[] { 1 })]
    [InlineData(2, new[] { 2 })]
    [InlineData(19, new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 })]
    public async Task Samples_that_the_server_names_are_dead_letters_with_its_code_and_the_rest_takes_one_more_request(int rows, int[] bad)
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Naming(sample => bad.Contains((int)sample.Seq!) ? $"BAD_{sample.Seq % 3}" : null);
        bench.Buffer.AppendMany(1, rows);

        await using (bench.Start())
        {
            await bench.DrainedAsync(TimeSpan.FromMinutes(1));
        }

        bench.AssertBalance(rows - bad.Length, bad.Length);
        Assert.Equal(bad.Select(seq => ((long)seq, $"BAD_{seq % 3}")), bench.DeadLetters().Select(row => (row.Sample.Seq, row.Code)));
        Assert.All(bench.DeadLetters(), row => Assert.Contains("what is allowed", row.Detail, StringComparison.Ordinal));
        Assert.Equal(bad.Length == rows ? 1 : 2, bench.Vps.Batches.Count);
        Assert.Contains(bench.Log.Lines, line => line.StartsWith("Warning:", StringComparison.Ordinal) && line.Contains("dead letters"));
    }

    [Theory]
    [InlineData(400, "MALFORMED_BODY", 500, 1)]
    [InlineData(400, "MALFORMED_BODY", 500, 250)]
    [InlineData(400, "MALFORMED_BODY", 500, 500)]
    [InlineData(400, "MALFORMED_BODY", 1, 1)]
    [InlineData(400, "MALFORMED_BODY", 2, 1)]
    [InlineData(400, "MALFORMED_BODY", 2, 2)]
    [InlineData(422, "INVALID_SAMPLES", 500, 137)]
    [InlineData(422, "SOMETHING_NEWER", 7, 4)]
    public async Task A_bad_sample_that_the_server_does_not_name_is_found_within_the_promised_requests(
        int status, string code, int rows, int bad)
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Silent(status, code, sample => sample.Seq == bad);
        bench.Buffer.AppendMany(1, rows);

        await using (bench.Start())
        {
            await bench.DrainedAsync(TimeSpan.FromMinutes(1));
        }

        bench.AssertBalance(rows - 1, 1);
        Assert.Equal((bad, code), bench.DeadLetters().Select(row => ((int)row.Sample.Seq, row.Code)).Single());
        Assert.InRange(bench.Vps.Batches.Count, 1, 1 + (2 * (int)Math.Ceiling(Math.Log2(rows))));
    }

    [Fact]
    public async Task Several_that_it_does_not_name_are_all_found()
    {
        int[] bad = [3, 4, 77, 150];
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Silent(422, "INVALID_SAMPLES", sample => bad.Contains((int)sample.Seq!));
        bench.Buffer.AppendMany(1, 150);

        await using (bench.Start(batchSize: 100))
        {
            await bench.DrainedAsync(TimeSpan.FromMinutes(1));
        }

        bench.AssertBalance(146, 4);
        Assert.Equal(bad, bench.DeadLetters().Select(row => (int)row.Sample.Seq));
    }

    [Fact]
    public async Task A_refusal_that_passes_costs_no_sample()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Next(Answers.Problem(400, "MALFORMED_BODY"));
        bench.Buffer.AppendMany(1, 100);

        await using (bench.Start())
        {
            await bench.DrainedAsync();
        }

        bench.AssertBalance(100);
    }

    [Fact]
    public async Task After_a_restart_amid_the_search_nothing_is_lost_and_nothing_sound_is_a_dead_letter()
    {
        await using var bench = await Bench.StartAsync();
        var refuse = bench.Vps.Silent(400, "MALFORMED_BODY", sample => sample.Seq == 70);
        var stop = new TaskCompletionSource();
        bench.Vps.Ingest = (context, request) =>
        {
            if (bench.Vps.Batches.Count == 4)
            {
                bench.Vps.Store(request);
                stop.TrySetResult();
                return Answers.Silence(context, request);
            }

            return refuse(context, request);
        };
        bench.Buffer.AppendMany(1, 100);
        await using (bench.Start())
        {
            await stop.Task.WaitAsync(Until.Deadline, Cancelled);
        }

        bench.Reopen();
        bench.Vps.Ingest = refuse;
        await using (bench.Start())
        {
            await bench.DrainedAsync();
        }

        Assert.Equal([70], bench.DeadLetters().Select(row => row.Sample.Seq));
        Assert.Equal((99, 1), (bench.State.Acknowledged, bench.State.DeadLettered));
    }

    [Fact]
    public async Task A_413_halves_the_batch_and_it_grows_back()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = (context, request) => request.Samples.Count > 30
            ? Answers.Problem(413, "PAYLOAD_TOO_LARGE")(context, request)
            : bench.Vps.StoreAsync(context, request);
        bench.Buffer.AppendMany(1, 400);

        await using (bench.Start(batchSize: 100))
        {
            await bench.DrainedAsync(TimeSpan.FromMinutes(1));
        }

        bench.AssertBalance(400);
        Assert.Equal([100, 50, 25, 25, 25, 25, 25, 25, 25, 25, 50, 25], Backlog(bench).Take(12));
    }

    [Fact]
    public async Task What_the_server_says_it_takes_is_kept_to_also_in_bytes()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.WhoAmI = Answers.Me(maxPayloadBytes: 4_000);
        bench.Vps.Ingest = (context, request) => request.Body.Length > 4_000
            ? Answers.Problem(413, "PAYLOAD_TOO_LARGE")(context, request)
            : bench.Vps.StoreAsync(context, request);
        bench.Buffer.AppendMany(1, 200);

        await using (bench.Start())
        {
            await bench.DrainedAsync(TimeSpan.FromMinutes(1));
        }

        bench.AssertBalance(200);
        Assert.Equal(1, bench.Vps.Batches.Count(request => request.Body.Length > 4_000));
    }

    [Fact]
    public async Task A_single_sample_that_is_too_large_is_a_dead_letter_and_the_others_go()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Silent(413, "PAYLOAD_TOO_LARGE", sample => sample.Seq == 5);
        bench.Buffer.AppendMany(1, 20);

        await using (bench.Start())
        {
            await bench.DrainedAsync();
        }

        bench.AssertBalance(19, 1);
        Assert.Equal((5, "PAYLOAD_TOO_LARGE"), bench.DeadLetters().Select(row => ((int)row.Sample.Seq, row.Code)).Single());
    }

    /// <summary>A proxy before the VPS answers its own 502 where ours would say 413.</summary>
    [Theory]
    [InlineData(true, 25)]
    [InlineData(false, 100)]
    public async Task The_third_equal_502_halves_the_batch_only_while_the_vps_is_alive_otherwise(bool alive, int smallest)
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.WhoAmI = alive ? Answers.Me() : Answers.Reset;
        var healed = false;
        bench.Vps.Ingest = (context, request) => request.Samples.Count > 25 && !healed
            ? Answers.Plain(502, "text/html", "<h1>Bad Gateway</h1>")(context, request)
            : bench.Vps.StoreAsync(context, request);
        bench.Buffer.AppendMany(1, 100);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.Vps.Batches.Count >= 12 || bench.State.Waiting == 0);
            healed = true;
            await bench.DrainedAsync();
        }

        bench.AssertBalance(100);
        Assert.Equal(smallest, Backlog(bench).Min());
        Assert.Equal(alive ? [100, 100, 100, 50, 50, 50, 25] : Enumerable.Repeat(100, 7), Backlog(bench).Take(7));
    }

    [Fact]
    public async Task A_sample_that_only_makes_the_server_fail_is_never_a_dead_letter()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Silent(500, "INTERNAL_ERROR", sample => sample.Seq == 3);
        bench.Buffer.AppendMany(1, 6);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.Vps.Batches.Count(request => request.Seqs is [3]) >= 5);
        }

        Assert.Equal((2, 0, 4), (bench.State.Acknowledged, bench.State.DeadLettered, bench.State.Waiting));
    }

    [Fact]
    public async Task A_sample_from_the_server_s_future_is_held_tried_alone_and_the_clock_doubted()
    {
        await using var bench = await Bench.StartAsync();
        var arrived = false;
        bench.Vps.Ingest = bench.Vps.Naming(sample => sample.Seq is 4 or 7 && !arrived ? ErrorCodes.TimestampInFuture : null);
        bench.Buffer.AppendMany(1, 10);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.State.Held == 2, TimeSpan.FromMinutes(1));
            Assert.Equal((8, 2), (bench.State.Acknowledged, bench.State.Waiting));
            Assert.True(bench.Doubts > 0);
            // The cursor has passed them: what comes later does not wait.
            bench.Buffer.AppendMany(11, 12);
            await bench.UntilAsync(() => bench.State.Acknowledged == 10, TimeSpan.FromMinutes(1));
            await bench.UntilAsync(() => bench.Vps.Batches.Any(request => request.Seqs is [4]));
            arrived = true;
            await bench.DrainedAsync();
        }

        bench.AssertBalance(12);
        Assert.All(bench.Vps.Batches.Skip(2), request => Assert.True(request.Seqs is [4] or [7] || !request.Seqs.Intersect([4, 7]).Any()));
    }

    private static IEnumerable<int> Backlog(Bench bench) =>
        bench.Vps.Batches.Select(request => request.Samples.Count).Where(count => count > 10);
}
