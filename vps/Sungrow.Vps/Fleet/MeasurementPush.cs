using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <param name="Bad">The answer that ended it; null where every batch was stored.</param>
/// <param name="Batches">Stored ones.</param>
/// <param name="More">Whether more waits.</param>
internal sealed record PushRun(PushAnswer? Bad, int Batches, long Samples, bool More);

/// <summary>The measurements of one tick: up to three batches are under way, oldest first, and the next is read meanwhile. While this
/// server's own ingest is busy it is one batch, and a rest after it.
/// Invariant: batches are acknowledged in the order in which they were read, and none behind one that was not stored.</summary>
internal sealed class MeasurementPush(FleetClient client, TimescaleBatchWriter ingest, TimeProvider time)
{
    private const int MostUnderWay = 3;

    // Sites and devices have their turn between.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private static readonly PushAnswer Nothing = new(PushOutcome.Stored, null, null, null);

    private BatchSize _size = BatchSize.Largest;

    /// <param name="stored">Told of each batch.</param>
    public async Task<PushRun> RunAsync(NpgsqlConnection connection, Action<PushAnswer> stored, CancellationToken cancellationToken)
    {
        var reader = await OutboxReader.OpenAsync(connection, cancellationToken);
        Queue<(PushedSamples Batch, Task<PushAnswer> Answer)> underWay = [];
        var started = time.GetTimestamp();
        var (since, busy) = (started, IsBusy());
        var run = new PushRun(null, 0, 0, More: true);
        var reads = true;
        while (true)
        {
            while (reads && underWay.Count < (busy ? 1 : MostUnderWay))
            {
                if (time.GetElapsedTime(started) >= Longest)
                {
                    reads = false;
                }
                else if (await reader.NextAsync(_size.Rows, cancellationToken) is { } next)
                {
                    underWay.Enqueue((next, SendAsync(next, cancellationToken)));
                }
                else
                {
                    reads = false;
                    run = run with { More = reader.IsFull };
                }
            }

            if (!underWay.TryDequeue(out var oldest))
            {
                return run;
            }

            var answer = await oldest.Answer;
            if (run.Bad is null)
            {
                _size = _size.After(answer.Outcome, oldest.Batch.Samples.Count);
                if (answer.Outcome == PushOutcome.Stored)
                {
                    await OutboxReader.AcknowledgeAsync(connection, oldest.Batch, cancellationToken);
                    stored(answer);
                    run = run with { Batches = run.Batches + 1, Samples = run.Samples + oldest.Batch.Samples.Count };
                }
                else
                {
                    // What is stored behind it is pushed again.
                    (run, reads) = (run with { Bad = answer, More = true }, false);
                }
            }

            if (reads && (busy | IsBusy()))
            {
                await RestAsync(PushPolicy.Rest(time.GetElapsedTime(since)), cancellationToken);
            }

            (since, busy) = (time.GetTimestamp(), IsBusy());
        }
    }

    // Or until ingest has been quiet for a while.
    private async Task RestAsync(TimeSpan rest, CancellationToken cancellationToken)
    {
        const int enough = 5;
        for (var quiet = 0; rest > TimeSpan.Zero && quiet < enough; rest -= Look)
        {
            await Task.Delay(Look, time, cancellationToken);
            quiet = IsBusy() ? 0 : quiet + 1;
        }
    }

    private bool IsBusy() => PushPolicy.IsBusy(ingest.Rows);

    // On a thread of its own: writing and packing a batch takes as long as reading one.
    private Task<PushAnswer> SendAsync(PushedSamples batch, CancellationToken cancellationToken) =>
        batch.Samples.Count == 0
            ? Task.FromResult(Nothing) // Retention was faster.
            : Task.Run(
                () => client.SendAsync(
                    BatchTypes.Measurements, new MeasurementBatch(batch.Samples), FleetJson.Default.MeasurementBatch, batch.Samples.Count,
                    batch.Cursor, cancellationToken),
                cancellationToken);
}
