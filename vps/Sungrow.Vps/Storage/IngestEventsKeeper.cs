using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>Each minute writes the sums of single samples, and each hour removes what is older than 30 days, a bounded number of rows per
/// statement. On shutdown the sums are written once more, after the last sample: this service is registered before the one that writes
/// samples, and so stops after it.</summary>
internal sealed class IngestEventsKeeper(IngestEvents events, Database database, TimeProvider time, ILogger<IngestEventsKeeper> log)
    : BackgroundService
{
    public static readonly TimeSpan Kept = TimeSpan.FromDays(30);

    private const int RowsPerStatement = 10_000;
    private const int MinutesBetweenRemovals = 60;
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <returns>How many were removed.</returns>
    public async Task<long> RemoveOldAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        // Of several replicas each takes others.
        await using var command = new NpgsqlCommand(
            $"""
            DELETE FROM ingest_events WHERE id IN (
                SELECT id FROM ingest_events WHERE received_at < $1 ORDER BY received_at LIMIT {RowsPerStatement} FOR UPDATE SKIP LOCKED)
            """,
            connection);
        command.Parameters.Add(new() { Value = time.GetUtcNow() - Kept });
        long removed = 0;
        int now;
        do
        {
            now = await command.ExecuteNonQueryAsync(cancellationToken);
            removed += now;
        }
        while (now == RowsPerStatement);
        return removed;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            for (var minute = 1; ; minute = (minute + 1) % MinutesBetweenRemovals)
            {
                await Task.Delay(Minute, time, stoppingToken);
                await TryAsync(events.WriteSumsAsync, stoppingToken);
                if (minute == 0)
                {
                    await TryAsync(RemoveOldAsync, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Within the time-outs of the database; the host waits that long.
            await TryAsync(events.WriteSumsAsync, CancellationToken.None);
        }
    }

    private async Task TryAsync(Func<CancellationToken, Task> step, CancellationToken cancellationToken)
    {
        try
        {
            await step(cancellationToken);
        }
        catch (Exception failure) when (failure is NpgsqlException || DatabaseErrors.IsUnavailable(failure))
        {
            log.IngestEventsWait(DatabaseErrors.Describe(failure)); // Tried again with the next minute's.
        }
    }
}
