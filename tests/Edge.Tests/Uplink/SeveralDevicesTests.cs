using Sungrow.Edge.Tests.Buffer;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public sealed class SeveralDevicesTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Devices_take_turns_and_never_share_a_batch()
    {
        await using var bench = await Bench.StartAsync();
        bench.Buffer.AppendMany(1, 1_000, "old");
        bench.Buffer.AppendMany(1_001, 1_050, "new");

        await using (bench.Start(batchSize: 100))
        {
            await bench.DrainedAsync();
        }

        bench.AssertBalance(1_050);
        Assert.All(bench.Vps.Batches, request => Assert.Single(request.Samples.Select(sample => sample.DeviceId).Distinct()));
        Assert.Contains(bench.Vps.Batches.Take(6), request => request.Samples is [{ DeviceId: "new" }, ..]);
    }

    [Fact]
    public async Task A_device_that_the_token_is_not_of_is_paused_and_the_others_go_on()
    {
        await using var bench = await Bench.StartAsync();
        var mended = false;
        bench.Vps.Ingest = (context, request) => request.Samples[0].DeviceId == "other" && !mended
            ? Answers.Problem(403, "DEVICE_MISMATCH")(context, request)
            : bench.Vps.StoreAsync(context, request);
        bench.Buffer.AppendMany(1, 300, "other");
        bench.Buffer.AppendMany(301, 900, "ours");

        await using (bench.Start(batchSize: 100))
        {
            // Without a second of the loop's clock.
            await Until.TrueAsync(() => bench.Vps.Stored.Count == 600, cancellationToken: Cancelled);
            bench.Buffer.AppendMany(901, 910, "ours");
            await Until.TrueAsync(() => bench.Vps.Stored.Count == 610, cancellationToken: Cancelled);
            await Until.TrueAsync(() => bench.State.Waiting == 300, cancellationToken: Cancelled);
            Assert.InRange(bench.Vps.Batches.Count(request => request.Samples[0].DeviceId == "other"), 1, 2);

            mended = true;
            await bench.DrainedAsync(TimeSpan.FromMinutes(5));
        }

        bench.AssertBalance(910);
        Assert.Single(bench.Log.Lines, line => line.StartsWith("Error: ", StringComparison.Ordinal) && line.Contains("of device other"));
    }

    [Fact]
    public async Task A_bad_sample_of_one_is_found_though_another_waits()
    {
        await using var bench = await Bench.StartAsync();
        bench.Vps.Ingest = bench.Vps.Silent(400, "MALFORMED_BODY", sample => sample.Seq is 37 or 163);
        bench.Buffer.AppendMany(1, 100, "a");
        bench.Buffer.AppendMany(101, 200, "b");

        await using (bench.Start(batchSize: 64))
        {
            await bench.DrainedAsync(TimeSpan.FromMinutes(1));
        }

        bench.AssertBalance(198, 2);
        Assert.Equal([("a", 37), ("b", 163)], bench.DeadLetters().Select(row => (row.DeviceId, (int)row.Sample.Seq)).Order());
    }
}
