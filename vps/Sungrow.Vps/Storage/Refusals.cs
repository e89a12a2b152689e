using System.Collections.Concurrent;
using Npgsql;
using NpgsqlTypes;

namespace Sungrow.Vps.Storage;

/// <summary>Counts what was refused to nobody in particular, per code and minute; nothing of what was sent is kept. Adds what this process
/// counted to the table every minute and at its end; replicas add to the same rows. Numbers older than 30 days go.</summary>
internal sealed class Refusals(Database database, TimeProvider time, ILogger<Refusals> log) : BackgroundService
{
    // A dozen codes for half a day without the database; beyond that a refusal is not counted, and the log says so.
    private const int MostWaiting = 10_000;

    private const string Add =
        """
        INSERT INTO refusals (minute, code, count) SELECT * FROM unnest($1, $2, $3)
        ON CONFLICT (minute, code) DO UPDATE SET count = refusals.count + excluded.count
        """;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LastChance = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<(DateTime Minute, string Code), long> _waiting = new();
    private long _lost;

    /// <param name="code">One of ours.</param>
    public void Count(string code)
    {
        var now = time.GetUtcNow().UtcTicks;
        var key = (new DateTime(now - (now % TimeSpan.TicksPerMinute), DateTimeKind.Utc), code);
        if (_waiting.Count < MostWaiting || _waiting.ContainsKey(key))
        {
            _waiting.AddOrUpdate(key, 1, static (_, count) => count + 1);
        }
        else
        {
            Interlocked.Increment(ref _lost);
        }
    }

    /// <summary>Writes what is waiting; what cannot be written waits on.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        // In one order, so that replicas never wait for each other in a circle.
        var taken = _waiting.Keys.Order().Select(key => (Key: key, Count: _waiting.TryRemove(key, out var count) ? count : 0)).ToList();
        var written = false;
        try
        {
            await using var connection = await database.ConnectAsync(cancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            if (taken.Count > 0)
            {
                await using var add = new NpgsqlCommand(Add, connection)
                {
                    Parameters =
                    {
                        Column(NpgsqlDbType.TimestampTz, entry => entry.Key.Minute),
                        Column(NpgsqlDbType.Text, entry => entry.Key.Code),
                        Column(NpgsqlDbType.Bigint, entry => entry.Count),
                    },
                };
                await add.ExecuteNonQueryAsync(cancellationToken);
            }

            await using var forget = new NpgsqlCommand("DELETE FROM refusals WHERE minute < now() - interval '30 days'", connection);
            await forget.ExecuteNonQueryAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            written = true;
        }
        finally
        {
            if (!written)
            {
                taken.ForEach(entry => _waiting.AddOrUpdate(entry.Key, entry.Count, (_, count) => count + entry.Count));
            }
        }

        NpgsqlParameter Column<T>(NpgsqlDbType type, Func<((DateTime Minute, string Code) Key, long Count), T> column) =>
            new() { Value = taken.Select(column).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!_waiting.IsEmpty)
        {
            using var deadline = new CancellationTokenSource(LastChance, time);
            try
            {
                await TryFlushAsync(deadline.Token);
            }
            catch (OperationCanceledException late)
            {
                database.WarnUnavailable(late); // The last numbers are lost, and the process ends all the same.
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await Task.Delay(Interval, time, stoppingToken);
            await TryFlushAsync(stoppingToken);
            if (Interlocked.Exchange(ref _lost, 0) is > 0 and var lost)
            {
                log.RefusalsNotCounted(lost);
            }
        }
    }

    private async Task TryFlushAsync(CancellationToken cancellationToken)
    {
        try
        {
            await FlushAsync(cancellationToken);
        }
        // Any failure of the database: numbers are not worth the end of the process.
        catch (Exception failure)
            when (failure is not OperationCanceledException && (failure is NpgsqlException || DatabaseErrors.IsUnavailable(failure)))
        {
            database.WarnUnavailable(failure); // The numbers wait for the next minute.
        }
    }
}
