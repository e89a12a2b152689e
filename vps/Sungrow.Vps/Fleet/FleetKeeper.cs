using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <summary>Each hour removes the fleet's events that are older than 30 days.</summary>
internal sealed class FleetKeeper(Database database, TimeProvider time, ILogger<FleetKeeper> log) : BackgroundService
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await Task.Delay(Hour, time, stoppingToken);
            try
            {
                await using var connection = await database.ConnectAsync(stoppingToken);
                await FleetEvents.RemoveOldAsync(connection, time.GetUtcNow(), stoppingToken);
            }
            catch (Exception failure)
                when (failure is not OperationCanceledException && (failure is NpgsqlException || DatabaseErrors.IsUnavailable(failure)))
            {
                log.IngestEventsWait(DatabaseErrors.Describe(failure)); // Tried again in an hour.
            }
        }
    }
}
