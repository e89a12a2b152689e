using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>Rows that the server lost are sent again; the account stays as it is.</summary>
public sealed class ResendTests
{
    [Fact]
    public async Task A_range_that_the_server_asks_for_arrives_again_and_changes_no_counter()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 300);
        await using (bench.Start(batchSize: 100))
        {
            await bench.DrainedAsync();
        }

        await using var restored = await ScriptedVps.StartAsync();
        bench.Buffer.AddResend(51, 250);
        await using (bench.Start(batchSize: 100, url: restored.Url))
        {
            await bench.UntilAsync(() => restored.Stored.Count == 200);
            await bench.UntilAsync(() => bench.Buffer.PeekResend(1) is null);
        }

        Assert.Equal(Enumerable.Range(51, 200).Select(n => (long)n), restored.Batches.SelectMany(request => request.Seqs));
        bench.AssertBalance(300);
    }

    [Fact]
    public async Task What_waits_goes_first()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 300);
        bench.Buffer.Acknowledge(bench.Buffer.Peek(Rows.Device, 100)!);
        bench.Buffer.AddResend(1, 100);

        await using (bench.Start(batchSize: 100))
        {
            await bench.UntilAsync(() => bench.Vps.Stored.Count == 300);
        }

        var backlog = bench.Vps.Batches.Where(request => request.Samples.Count > 10).Select(request => request.Seqs[0]);
        Assert.Equal([101, 201, 1], backlog);
    }

    [Fact]
    public async Task An_operator_s_replay_is_the_same()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 30);
        await using (bench.Start())
        {
            await bench.DrainedAsync();
            Assert.IsType<Left>(bench.Give(new Replay(Rows.Number(11).Ts!.Value, Rows.Number(21).Ts!.Value)));
            await bench.UntilAsync(() => bench.Vps.Batches.Count == 2);
        }

        Assert.Equal(Enumerable.Range(11, 10).Select(n => (long)n), bench.Vps.Batches[1].Seqs);
        bench.AssertBalance(30);
    }

    [Fact]
    public async Task A_server_that_refuses_all_of_them_is_not_flooded()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 400);
        bench.Buffer.Acknowledge(bench.Buffer.Peek(Rows.Device, 400)!);
        bench.Buffer.AddResend(1, 400);
        bench.Vps.Ingest = bench.Vps.Silent(400, "MALFORMED_BODY", sample => sample.Seq <= 400);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.Buffer.PeekResend(1)?.Samples[0].Seq == 21);
            var before = bench.Vps.Batches.Count;
            var since = bench.Time.GetUtcNow();
            await bench.UntilAsync(() => bench.Time.GetUtcNow() - since > TimeSpan.FromHours(3));
            Assert.InRange(bench.Vps.Batches.Count - before, 0, 4);
            // New samples do not wait for it.
            bench.Buffer.AppendMany(401, 410);
            await bench.DrainedAsync(TimeSpan.FromMinutes(1));
        }

        Assert.Equal((410, 0), (bench.State.Acknowledged, bench.State.DeadLettered));
    }

    [Fact]
    public async Task A_row_that_is_refused_this_time_is_given_up_and_the_others_arrive()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 100);
        bench.Buffer.Acknowledge(bench.Buffer.Peek(Rows.Device, 100)!);
        bench.Buffer.AddResend(1, 100);
        bench.Vps.Ingest = bench.Vps.Silent(400, "MALFORMED_BODY", sample => sample.Seq is 40);

        await using (bench.Start())
        {
            await bench.UntilAsync(() => bench.Buffer.PeekResend(1) is null);
        }

        Assert.Equal(99, bench.Vps.Stored.Count);
        Assert.Equal((100, 0, 0), (bench.State.Acknowledged, bench.State.DeadLettered, bench.State.Waiting));
    }
}
