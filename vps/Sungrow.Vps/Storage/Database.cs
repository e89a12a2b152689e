using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>The way to the database for everything that serves requests: closed until the start has prepared it, so that nothing meets a
/// schema that is half there.</summary>
internal sealed class Database(NpgsqlDataSource source, TimeProvider time, ILogger<Database> log)
{
    private static readonly TimeSpan QuietBetweenWarnings = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);

    private volatile bool _ready;
    private long _lastWarning;

    /// <summary>host:port/database, for a person.</summary>
    public string Name { get; } = NameOf(new NpgsqlConnectionStringBuilder(source.ConnectionString));

    public void Open() => _ready = true;

    /// <exception cref="DatabaseNotReadyException">Answered as 503.</exception>
    public async ValueTask<NpgsqlConnection> ConnectAsync(CancellationToken cancellationToken) =>
        _ready ? await source.OpenConnectionAsync(cancellationToken) : throw new DatabaseNotReadyException();

    /// <summary>Whether it serves now; answers within two seconds.</summary>
    public async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(ProbeTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await using var connection = await ConnectAsync(either.Token);
            await using var command = new NpgsqlCommand("SELECT 1", connection);
            await command.ExecuteScalarAsync(either.Token);
            return true;
        }
        catch (Exception failure) when (DatabaseErrors.IsUnavailable(failure) || deadline.IsCancellationRequested)
        {
            return false; // The answer to the question; who needs the database says so in the log.
        }
    }

    /// <summary>Says in the log that a request failed for want of the database; with thousands of edges knocking, every ten seconds.</summary>
    public void WarnUnavailable(Exception failure)
    {
        var last = Interlocked.Read(ref _lastWarning);
        var now = time.GetTimestamp();
        if ((last == 0 || time.GetElapsedTime(last, now) >= QuietBetweenWarnings)
            && Interlocked.CompareExchange(ref _lastWarning, now, last) == last)
        {
            log.DatabaseUnavailable(Name, DatabaseErrors.Describe(failure));
        }
    }

    private static string NameOf(NpgsqlConnectionStringBuilder connection) => $"{connection.Host}:{connection.Port}/{connection.Database}";
}
