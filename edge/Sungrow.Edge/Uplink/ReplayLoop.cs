using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>Sends the buffer's oldest waiting batch, for ever.
/// Invariants: one request in flight; the cursor moves only after our own 200 whose counts cover the batch; nothing here throws for
/// anything the network or the server does. At shutdown the batch in flight is either acknowledged or will be sent again: the server's
/// key makes that harmless.</summary>
internal sealed class ReplayLoop(
    SampleBuffer buffer,
    IIngestApi api,
    IOptions<UplinkOptions> options,
    Backoff backoff,
    TimeProvider time,
    EdgeMetrics metrics,
    ILogger<ReplayLoop> logger) : BackgroundService
{
    private string? _trouble;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            if (buffer.Peek(options.Value.BatchSize) is not { } batch)
            {
                await buffer.WaitForMoreAsync(stoppingToken);
                continue;
            }

            switch (await api.IngestAsync(WireSample.From(batch, buffer.BufferId), stoppingToken))
            {
                case Answered<IngestAnswer>({ } counts) when counts.Covers(batch.Samples.Count):
                    Acknowledge(batch);
                    backoff.Succeeded();
                    metrics.Delivered(counts.Inserted, counts.Duplicates, counts.Conflicts);
                    Report(batch, counts);
                    break;

                case Answered<IngestAnswer>:
                    metrics.ServerUnreachable();
                    await WaitAsync("something answered 200 with counts of another batch: check Uplink__Url.", null, stoppingToken);
                    break;

                case Refused<IngestAnswer>(var status, var problem, var retryAfter):
                    metrics.Refused();
                    await WaitAsync($"the VPS refused with {status} {problem.Code}.", retryAfter, stoppingToken);
                    break;

                case NoAnswer<IngestAnswer>(var sentence):
                    metrics.ServerUnreachable();
                    await WaitAsync(sentence, null, stoppingToken);
                    break;
            }
        }
    }

    private void Acknowledge(BufferedBatch batch)
    {
        try
        {
            buffer.Acknowledge(batch);
        }
        catch (SqliteException broken)
        {
            // A full disk: the cursor has moved, only not on disk. Lost with the process, it repeats a send.
            Log.CursorNotSaved(logger, broken.SqliteErrorCode, broken.Message);
        }
    }

    private void Report(BufferedBatch batch, IngestAnswer counts)
    {
        Log.Delivered(logger, batch.Samples.Count, batch.DeviceId, counts.Duplicates, counts.Conflicts);
        if (_trouble is not null)
        {
            Log.DeliveringAgain(logger);
            _trouble = null;
        }
    }

    private async Task WaitAsync(string sentence, TimeSpan? retryAfter, CancellationToken stoppingToken)
    {
        if (_trouble != sentence)
        {
            Log.NotDelivered(logger, sentence);
            _trouble = sentence;
        }

        await Task.Delay(backoff.Failed(retryAfter), time, stoppingToken);
    }
}
