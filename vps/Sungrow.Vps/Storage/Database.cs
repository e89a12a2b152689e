using Microsoft.Extensions.Options;
using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>The way to the database for everything that serves requests: closed until the start has prepared it, so that nothing meets a
/// schema that is half there.</summary>
internal sealed class Database(NpgsqlDataSource source, IOptions<StorageOptions> options, TimeProvider time, ILoggerFactory loggers)
    : IDisposable
{
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);

    // A connection of its own: that every other one is busy does not mean that the database is down.
    private readonly NpgsqlDataSource _probe = Probe(DatabaseUrl.Parse(options.Value.DatabaseUrl));
    private readonly NpgsqlDataSource _writes = Writes(DatabaseUrl.Parse(options.Value.DatabaseUrl), loggers);
    private readonly Seldom _warning = new(TimeSpan.FromSeconds(10), time);
    private readonly ILogger _log = loggers.CreateLogger<Database>();
    private readonly Lock _lock = new();
    private Task<bool>? _answer;
    private volatile bool _ready;

    /// <summary>host:port/database, for a person.</summary>
    public string Name { get; } = NameOf(new NpgsqlConnectionStringBuilder(source.ConnectionString));

    /// <summary>Whether <c>samples_15m</c> is kept ready; false: computed from the samples by whoever asks.</summary>
    public bool HasContinuousAggregates { get; private set; }

    public void Open(bool hasContinuousAggregates)
    {
        HasContinuousAggregates = hasContinuousAggregates;
        _ready = true;
    }

    /// <exception cref="DatabaseNotReadyException">Answered as 503.</exception>
    public async ValueTask<NpgsqlConnection> ConnectAsync(CancellationToken cancellationToken) =>
        _ready ? await source.OpenConnectionAsync(cancellationToken) : throw new DatabaseNotReadyException();

    /// <summary>For the samples' transactions alone: no reader keeps one waiting. There are few of these connections, as each pool hands
    /// its own out in turn, and a hundred backends that write once in a while took an eighth longer over the same rows.</summary>
    /// <exception cref="DatabaseNotReadyException">Answered as 503.</exception>
    public async ValueTask<NpgsqlConnection> ConnectToWriteAsync(CancellationToken cancellationToken) =>
        _ready ? await _writes.OpenConnectionAsync(cancellationToken) : throw new DatabaseNotReadyException();

    /// <summary>Whether it serves now; answers within two seconds. Anybody may ask, and there is one connection for it: who comes while
    /// it is asked shares the answer.</summary>
    public Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_answer is null or { IsCompleted: true })
            {
                _answer = AskAsync();
            }

            return _answer.WaitAsync(cancellationToken);
        }
    }

    private async Task<bool> AskAsync()
    {
        using var deadline = new CancellationTokenSource(ProbeTimeout, time);
        try
        {
            await using var command = _probe.CreateCommand("SELECT 1");
            return _ready && await command.ExecuteScalarAsync(deadline.Token) is not null;
        }
        catch (Exception failure) when (DatabaseErrors.IsUnavailable(failure) || deadline.IsCancellationRequested)
        {
            return false; // The answer to the question; who needs the database says so in the log.
        }
    }

    /// <summary>Says in the log that a request failed for want of the database; every ten seconds, as thousands of edges may be
    /// knocking.</summary>
    public void WarnUnavailable(Exception failure)
    {
        if (_warning.IsDue())
        {
            _log.DatabaseUnavailable(Name, DatabaseErrors.Describe(failure));
        }
    }

    public void Dispose()
    {
        _probe.Dispose();
        _writes.Dispose();
    }

    private static NpgsqlDataSource Probe(NpgsqlConnectionStringBuilder connection)
    {
        connection.MaxPoolSize = 1;
        connection.MinPoolSize = 0;
        return NpgsqlDataSource.Create(connection);
    }

    private static NpgsqlDataSource Writes(NpgsqlConnectionStringBuilder connection, ILoggerFactory loggers)
    {
        connection.MaxPoolSize = Math.Min(connection.MaxPoolSize, TimescaleBatchWriter.MostConnections);
        connection.MinPoolSize = Math.Min(connection.MinPoolSize, connection.MaxPoolSize);
        connection.NoResetOnClose = true; // A transaction leaves nothing behind, and a reset costs as much as its audit.
        return new NpgsqlDataSourceBuilder(connection.ConnectionString).UseLoggerFactory(loggers).Build();
    }

    private static string NameOf(NpgsqlConnectionStringBuilder connection) => $"{connection.Host}:{connection.Port}/{connection.Database}";
}
