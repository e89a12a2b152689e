using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>The start has not reached the database yet.</summary>
internal sealed class DatabaseNotReadyException() : Exception("the start has not prepared it yet");

/// <summary>Which failures mean "later" rather than "never": the one place that decides between 503 and 500, and what is retried.</summary>
internal static class DatabaseErrors
{
    /// <summary>The database is down, going down, coming up, full, or does not answer in time: the same request can succeed
    /// later.</summary>
    public static bool IsUnavailable(Exception failure) => failure switch
    {
        DatabaseNotReadyException or TimeoutException or SocketException => true,
        PostgresException refused => IsUnavailable(refused.SqlState),
        // Npgsql's own: connection refused, reset or broken, pool exhausted, time-out while reading.
        NpgsqlException { InnerException: { } inner } npgsql => npgsql.IsTransient || inner is IOException || IsUnavailable(inner),
        DbException => true,
        { InnerException: { } inner } => IsUnavailable(inner),
        _ => false,
    };

    /// <summary>Two transactions met in opposite order, or one saw the other's half: the same transaction, begun again, goes
    /// through.</summary>
    public static bool IsRetryable(Exception failure) =>
        failure is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure };

    /// <summary>One line for a log, without values of rows.</summary>
    public static string Describe(Exception failure) => failure switch
    {
        PostgresException refused => $"{refused.SqlState} {refused.MessageText}",
        { InnerException: { } inner } and NpgsqlException => $"{failure.Message} ({Describe(inner)})".ReplaceLineEndings(" "),
        _ => failure.Message.ReplaceLineEndings(" "),
    };

    private static bool IsUnavailable(string sqlState) =>
        sqlState[..2] is "08" or "53" or "57" or "58" // Connection; resources; operator intervention, time-outs among them; I/O.
        || sqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure
            or PostgresErrorCodes.LockNotAvailable
            or PostgresErrorCodes.ReadOnlySqlTransaction // A standby, in the middle of a failover.
            or PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.InvalidPassword
            or PostgresErrorCodes.InvalidAuthorizationSpecification;
}
