using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Shelly;

/// <summary>What came in the last 24 hours. Anybody may ask, so the database is asked once in ten seconds, whoever waits.</summary>
internal sealed class QueueStats(Database database, TimeProvider time)
{
    private static readonly TimeSpan Period = TimeSpan.FromHours(24);
    private static readonly TimeSpan GoodFor = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private Task<QueueAnswer>? _answer;
    private long _askedAt;

    public Task<QueueAnswer> GetAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_answer is null or { IsFaulted: true } || (_answer.IsCompleted && time.GetElapsedTime(_askedAt) >= GoodFor))
            {
                _askedAt = time.GetTimestamp();
                _answer = AskAsync();
            }

            return _answer.WaitAsync(cancellationToken);
        }
    }

    // Not to be cancelled by one of those who wait for it.
    private async Task<QueueAnswer> AskAsync()
    {
        var since = time.GetUtcNow() - Period;
        await using var connection = await database.ConnectAsync(CancellationToken.None);
        // By minute too, and by literals: other chunks are left out.
        await using var command = new NpgsqlCommand(
            $"""
            SELECT count(*), count(idempotency_key), count(DISTINCT device_id), max("timestamp") FROM power_logs
            WHERE "timestamp" > TIMESTAMPTZ '{Rfc3339.Write(since)}' AND minute > TIMESTAMPTZ '{Rfc3339.Write(since.AddMinutes(-1))}'
            """,
            connection);
        await using var row = await command.ExecuteReaderAsync(CancellationToken.None);
        await row.ReadAsync(CancellationToken.None);
        return new(
            "24h", row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.IsDBNull(3) ? null : row.GetFieldValue<DateTimeOffset>(3));
    }
}
