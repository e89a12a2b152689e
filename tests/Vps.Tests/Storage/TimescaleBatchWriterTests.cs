using System.Net;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

public class TimescaleBatchWriterTests(Databases databases)
{
    public static TheoryData<Kind> Kinds => [Kind.Plain, Kind.Timescale];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_waits_is_committed_together_and_each_caller_gets_its_own_counts(Kind kind)
    {
        await using var server = await StartAsync(kind);
        await server.IngestAsync(Series.Sample(1), Series.Sample(2));
        await using var held = await Held.ConnectionsAsync(server);

        var known = server.IngestAsync(Series.Sample(1), Series.Sample(2) with { LoadPowerW = 1 }, Series.Sample(3));
        var others = Enumerable.Range(10, 8).Select(number => server.IngestAsync(Series.Sample(number))).ToArray();
        var another = server.IngestAsync(
            new IngestBatch(null, [Series.Sample(1, device: "inverter-2"), Series.Sample(2, device: "inverter-2")]), "device-2");
        await held.QueuedAsync(13);
        await held.ReleaseAsync();

        Assert.Equal(new(1, 1, 1), (await known).Counts());
        Assert.Equal(new(2, 0, 0), (await another).Counts());
        Assert.All(await Task.WhenAll(others), answer => Assert.Equal(new(1, 0, 0), answer.Counts()));
        Assert.Equal("11,2", await server.TransactionsAsync());
        Assert.Equal(1, await server.CountAsync("quarantine"));
        Assert.Equal(0, server.Writer().Rows);
    }

    [Fact]
    public async Task A_transaction_holds_no_more_than_a_batch_and_a_request_is_never_split()
    {
        await using var server = await StartAsync(Kind.Plain, "--BATCH_SIZE=10");
        await using var held = await Held.ConnectionsAsync(server);

        List<Task<Answer>> answers = [];
        var rows = 0;
        foreach (var size in new[] { 4, 4, 4, 9, 1 })
        {
            answers.Add(server.IngestAsync([.. Enumerable.Range(100 * answers.Count, size).Select(number => Series.Sample(number))]));
            await held.QueuedAsync(rows += size);
        }

        await held.ReleaseAsync();

        Assert.Equal([4, 4, 4, 9, 1], (await Task.WhenAll(answers)).Select(answer => answer.Counts().Inserted));
        Assert.Equal("10,8,4", await server.TransactionsAsync());
    }

    [Fact]
    public async Task A_full_batch_does_not_wait_for_the_interval_and_a_large_request_waits_for_nobody()
    {
        await using var server = await StartAsync(Kind.Plain, "--BATCH_SIZE=3", "--FLUSH_INTERVAL_MS=10000");

        Assert.Equal(new(3, 0, 0), (await server.IngestAsync(Series.Samples(3, Series.Start.AddHours(1)))).Counts());
        var first = server.IngestAsync(Series.Sample(1));
        var second = server.IngestAsync(Series.Sample(2));
        await Until.TrueAsync(() => server.Writer().Rows == 2);
        Assert.False(first.IsCompleted || second.IsCompleted);
        var third = server.IngestAsync(Series.Sample(3));

        Assert.All(await Task.WhenAll(first, second, third), answer => Assert.Equal(new(1, 0, 0), answer.Counts()));
        Assert.Equal("3,3", await server.TransactionsAsync());
    }

    [Fact]
    public async Task What_comes_within_the_interval_goes_together_when_it_is_over()
    {
        await using var server = await StartAsync(Kind.Plain, "--FLUSH_INTERVAL_MS=10000");

        var answers = await Task.WhenAll(Enumerable.Range(1, 5).Select(number => server.IngestAsync(Series.Sample(number))));

        Assert.All(answers, answer => Assert.Equal(new(1, 0, 0), answer.Counts()));
        Assert.Equal("5", await server.TransactionsAsync());
    }

    [Fact]
    public async Task A_poison_row_fails_its_own_request_and_no_neighbour()
    {
        await using var server = await StartAsync(Kind.Plain);
        await server.ExecuteAsync("ALTER TABLE sungrow_samples ADD CONSTRAINT poison CHECK (load_power_w <> 666)");
        await using var held = await Held.ConnectionsAsync(server);

        var poison = server.IngestAsync(Series.Sample(1), Series.Sample(2) with { LoadPowerW = 666 });
        var good = Enumerable.Range(10, 5).Select(number => server.IngestAsync(Series.Sample(number))).ToArray();
        await held.QueuedAsync(7);
        await held.ReleaseAsync();

        Assert.Equal((HttpStatusCode.InternalServerError, "INTERNAL_ERROR"), ((await poison).Status, (await poison).Code));
        Assert.All(await Task.WhenAll(good), answer => Assert.Equal(new(1, 0, 0), answer.Counts()));
        Assert.Equal("1,1,1,1,1", await server.TransactionsAsync());
        Assert.Equal(0, server.Writer().Rows);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Of_one_key_in_two_requests_of_a_transaction_the_first_queued_wins(Kind kind)
    {
        await using var server = await StartAsync(kind);
        await using var held = await Held.ConnectionsAsync(server);

        List<Task<Answer>> answers = [];
        foreach (var load in new[] { 1, 2, 1 })
        {
            answers.Add(server.IngestAsync(Series.Sample(1) with { LoadPowerW = load }, Series.Sample(10 + answers.Count)));
            await held.QueuedAsync(2 * answers.Count);
        }

        await held.ReleaseAsync();

        Assert.Equal(
            [new(2, 0, 0), new(1, 0, 1), new(1, 1, 0)], (await Task.WhenAll(answers)).Select(answer => answer.Counts()));
        Assert.Equal("4", await server.TransactionsAsync());
        Assert.Equal(
            "1 2",
            await server.AskAsync<string>(
                """
                SELECT (SELECT min(load_power_w) FROM sungrow_samples WHERE sample_count < 3600) || ' ' || (payload->>'load_power_w')
                FROM quarantine
                """));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Live_and_late_requests_are_never_in_one_transaction(Kind kind)
    {
        await using var server = await StartAsync(kind);
        await using var held = await Held.ConnectionsAsync(server);
        var lateStart = Series.Start - WritePolicy.RefreshWindow;

        List<Task<Answer>> answers = [];
        for (var number = 0; number < 6; number++)
        {
            answers.Add(server.IngestAsync(
                number % 2 == 0 ? [Series.Sample(number)] : [Series.Sample(number, lateStart), Series.Sample(number)]));
        }

        await held.QueuedAsync(9);
        await held.ReleaseAsync();

        Assert.All(await Task.WhenAll(answers), answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        Assert.Equal("3,2,2,2", await server.TransactionsAsync());
    }

    [Fact]
    public async Task A_full_queue_is_answered_503_at_once_and_takes_more_when_there_is_room()
    {
        await using var server = await StartAsync(Kind.Plain, "--Storage:WriteQueueRows=5004");
        await using var held = await Held.ConnectionsAsync(server);

        var large = server.IngestAsync(Series.Samples(5000));
        await held.QueuedAsync(5000);
        var refused = await server.IngestAsync(Series.Sample(7000));
        await held.ReleaseAsync();

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "WRITE_QUEUE_FULL"), (refused.Status, refused.Code));
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(new(5000, 0, 0), (await large).Counts());
        Assert.Equal(new(1, 0, 0), (await server.IngestAsync(Series.Sample(7000))).Counts());
        Assert.Equal(0, server.Writer().Rows);
    }

    [Fact]
    public async Task What_waits_at_shutdown_is_written_and_answered()
    {
        await using var server = await StartAsync(Kind.Plain);
        await using var held = await Held.ConnectionsAsync(server);
        var answers = Enumerable.Range(1, 20).Select(number => server.IngestAsync(Series.Sample(number))).ToArray();
        await held.QueuedAsync(20);

        var stop = server.StopAsync();
        await held.ReleaseAsync();
        await stop;

        Assert.All(await Task.WhenAll(answers), answer => Assert.Equal(new(1, 0, 0), answer.Counts()));
        Assert.Equal("20", await server.TransactionsAsync());
        Assert.Equal(24, await server.AskAsync<decimal>("SELECT sum(inserted) FROM ingest_events WHERE summed"));
        await Assert.ThrowsAsync<WriteQueueFullException>(() => server.Writer().WriteAsync(Batch(Series.Sample(30)), default));
    }

    [Fact]
    public async Task A_request_whose_caller_has_gone_before_its_turn_is_not_written()
    {
        await using var server = await StartAsync(Kind.Plain);
        await using var held = await Held.ConnectionsAsync(server);
        using CancellationTokenSource gone = new();
        var abandoned = server.Writer().WriteAsync(Batch(Series.Sample(1)), gone.Token);
        var neighbour = server.Writer().WriteAsync(Batch(Series.Sample(2)), default);

        await gone.CancelAsync();
        await held.ReleaseAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
        Assert.Equal(new(1, 0, 0), await neighbour);
        await Until.TrueAsync(() => server.Writer().Rows == 0);
        Assert.Equal("1", await server.TransactionsAsync());
    }

    private static SampleBatch Batch(SungrowSample sample) => new(sample.DeviceId, null, [sample], 10);

    private async Task<VpsServer> StartAsync(Kind kind, params string[] settings) =>
        await VpsServer.StartAsync(await databases.CreateAsync(kind) + Held.Patience, settings);
}
