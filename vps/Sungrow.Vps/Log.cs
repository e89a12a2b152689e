namespace Sungrow.Vps;

/// <summary>Every line this process writes. Ids: 1-999 the process, 1000s storage, 2000s devices, 3000s ingest, 4000s realtime; never
/// reused. No payload, no token.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Error, "{Method} {Route} failed")]
    public static partial void Unhandled(this ILogger log, Exception failure, string method, string route);

    [LoggerMessage(2, LogLevel.Critical, "{Service} failed, and the process ends")]
    public static partial void ServiceFailed(this ILogger log, Exception failure, string service);

    [LoggerMessage(1000, LogLevel.Warning, "The database {Name} is not available, requests are answered 503: {Reason}")]
    public static partial void DatabaseUnavailable(this ILogger log, string name, string reason);

    [LoggerMessage(1001, LogLevel.Warning, "Waiting for the database {Name}, next try in {Seconds} s: {Reason}")]
    public static partial void WaitingForDatabase(this ILogger log, string name, string reason, double seconds);

    [LoggerMessage(1002, LogLevel.Information, "The database is ready: PostgreSQL {Version}, TimescaleDB {Timescale}")]
    public static partial void Ready(this ILogger log, Version version, string? timescale);

    [LoggerMessage(
        1003,
        LogLevel.Warning,
        "The database is ready: PostgreSQL {Version} without TimescaleDB, as {Reason}. "
        + "Missing: chunks, compression, removal of old samples")]
    public static partial void ReadyWithoutTimescale(this ILogger log, Version version, string? reason);

    [LoggerMessage(
        1004,
        LogLevel.Warning,
        "The database is ready: TimescaleDB {Timescale} in its Apache edition. Missing: compression, removal of old samples")]
    public static partial void ReadyWithoutCompression(this ILogger log, string? timescale);

    [LoggerMessage(3000, LogLevel.Information, "{Device}: {Inserted} inserted, {Duplicates} duplicates, {Conflicts} conflicts")]
    public static partial void Batch(this ILogger log, string device, int inserted, int duplicates, int conflicts);

    [LoggerMessage(3001, LogLevel.Debug, "{Device}: one sample, {Inserted} inserted, {Duplicates} duplicates, {Conflicts} conflicts")]
    public static partial void Single(this ILogger log, string device, int inserted, int duplicates, int conflicts);

    [LoggerMessage(
        3002,
        LogLevel.Warning,
        "{Device}: {Conflicts} samples differ from those stored under their time; the stored ones stay, these are in quarantine")]
    public static partial void Conflicts(this ILogger log, string device, int conflicts);

    [LoggerMessage(4000, LogLevel.Information, "Redis answers: realtime is cached")]
    public static partial void RealtimeCacheWorks(this ILogger log);

    [LoggerMessage(4001, LogLevel.Warning, "Redis fails, so realtime asks the database until it is back: {Reason}")]
    public static partial void RealtimeCacheFails(this ILogger log, string reason);
}
