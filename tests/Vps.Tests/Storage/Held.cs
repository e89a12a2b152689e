using Npgsql;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

/// <summary>A server all of whose writing connections wait for a locked table: what is sent now waits in its queue, and goes together when
/// the lock is gone.</summary>
internal sealed class Held : IAsyncDisposable
{
    // Of this test's own, so that a slow machine times out nothing.
    public const string Patience = ";Command Timeout=120";

    private readonly VpsServer _server;
    private readonly NpgsqlConnection _lock;
    private readonly List<Task<Answer>> _holding = [];

    private Held(VpsServer server, NpgsqlConnection connection)
    {
        _server = server;
        _lock = connection;
    }

    public static async Task<Held> ConnectionsAsync(VpsServer server)
    {
        Held held = new(server, await server.Database.OpenConnectionAsync());
        await using (NpgsqlCommand command = new("BEGIN; LOCK TABLE sungrow_samples", held._lock))
        {
            await command.ExecuteNonQueryAsync();
        }

        for (var i = 1; i <= TimescaleBatchWriter.Connections; i++)
        {
            held._holding.Add(server.IngestAsync(
                new IngestBatch(null, [Series.Sample(8000 + i, device: "inverter-3") with { SampleCount = 3600 }]), "device-3"));
            await held.WaitingAsync(i);
        }

        return held;
    }

    /// <summary>Returns when this many statements wait to write into the table; a refresh of TimescaleDB's own, that reads it, is
    /// none.</summary>
    public Task WaitingAsync(int statements) => Until.TrueAsync(
        async () => await _server.CountAsync(
            "pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock' AND relation = 'sungrow_samples'::regclass") == statements);

    /// <summary>Returns when this many samples wait in the queue.</summary>
    public Task QueuedAsync(int rows) =>
        Until.TrueAsync(() => _server.Writer().Rows == rows + TimescaleBatchWriter.Connections, what: $"{rows} rows are queued");

    public async Task ReleaseAsync()
    {
        await _lock.CloseAsync();
        Assert.All(await Task.WhenAll(_holding), answer => Assert.Equal(new(1, 0, 0), answer.Counts()));
    }

    public ValueTask DisposeAsync() => _lock.DisposeAsync();
}

internal static class WriterOf
{
    public static TimescaleBatchWriter Writer(this VpsServer server) =>
        (TimescaleBatchWriter)server.Services.GetService(typeof(TimescaleBatchWriter))!;

    /// <summary>How many rows each transaction holds, of the samples that are not those of <see cref="Held"/>: "3,2".</summary>
    public static Task<string> TransactionsAsync(this VpsServer server) => server.AskAsync<string>(
        """
        SELECT coalesce(string_agg(rows::text, ',' ORDER BY rows DESC), '')
        FROM (SELECT count(*) AS rows FROM sungrow_samples WHERE sample_count < 3600 GROUP BY xmin::text) AS each
        """);
}
