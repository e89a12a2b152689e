namespace Sungrow.Vps;

/// <summary>Every line this process writes. Ids: 1-999 the process, 1000s storage, 2000s devices, 3000s ingest, 4000s realtime, 5000s
/// Shelly, 6000s fleet, 7000s monitoring; never reused. No payload, no token.</summary>
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

    [LoggerMessage(
        1005,
        LogLevel.Warning,
        "More than {Rows} samples wait for the database, and more are refused (503); see Storage__WriteQueueRows")]
    public static partial void WriteQueueFull(this ILogger log, int rows);

    [LoggerMessage(1006, LogLevel.Warning, "{Requests} requests written together failed, so each is tried alone: {Reason}")]
    public static partial void FlushApart(this ILogger log, int requests, string reason);

    [LoggerMessage(1007, LogLevel.Debug, "COPY of {Rows} samples was refused with {SqlState}, so they are inserted")]
    public static partial void CopyRefused(this ILogger log, string sqlState, int rows);

    [LoggerMessage(1008, LogLevel.Warning, "The events of {Samples} single samples are lost, as none could be written for long")]
    public static partial void IngestEventsLost(this ILogger log, long samples);

    [LoggerMessage(1009, LogLevel.Warning, "Ingest events wait for the next minute: {Reason}")]
    public static partial void IngestEventsWait(this ILogger log, string reason);


    [LoggerMessage(1010, LogLevel.Warning, "{Count} refusals were not counted, as the database has been away for long")]
    public static partial void RefusalsNotCounted(this ILogger log, long count);

    [LoggerMessage(1011, LogLevel.Warning, "The aggregates wait for the next refresh, so late samples are not in them yet: {Reason}")]
    public static partial void RefreshWaits(this ILogger log, string reason);

    [LoggerMessage(1012, LogLevel.Information, "Late samples are in {Aggregate} from {From} to {To}, asked for by {Changes} changes")]
    public static partial void Refreshed(this ILogger log, string aggregate, DateTimeOffset from, DateTimeOffset to, int changes);

    [LoggerMessage(2000, LogLevel.Information, "auth_cache_hits={Hits} auth_cache_misses={Misses} auth_cache_size={Size}")]
    public static partial void AuthCache(this ILogger log, long hits, long misses, int size);

    [LoggerMessage(2001, LogLevel.Information, "Redis answers: a revocation reaches this server at once")]
    public static partial void RevocationsAreHeard(this ILogger log);

    [LoggerMessage(2002, LogLevel.Warning, "Redis does not answer: a revocation reaches this server within {Seconds} s")]
    public static partial void RevocationsAreNotHeard(this ILogger log, int seconds);

    [LoggerMessage(2100, LogLevel.Warning,
        "The buffer {Buffer} of {Device} does not balance: {Verdict}; rows (more than here: positive): {Rows}")]
    public static partial void BufferDoesNotBalance(this ILogger log, string device, Guid buffer, string verdict, long rows);

    [LoggerMessage(2101, LogLevel.Warning, "The buffer {Buffer} of {Device} is not the only one of its name: {Anomaly}")]
    public static partial void BufferCopied(this ILogger log, string device, Guid buffer, string anomaly);

    [LoggerMessage(
        2102, LogLevel.Warning, "{Rows} acknowledged rows of the buffer {Buffer} of {Device} are not here and did not come again: given up")]
    public static partial void RowsGivenUp(this ILogger log, string device, Guid buffer, long rows);

    [LoggerMessage(2103, LogLevel.Warning, "The buffer {Buffer} of {Device} was not checked against what is stored: {Reason}")]
    public static partial void BalanceNotChecked(this ILogger log, string device, Guid buffer, string reason);

    [LoggerMessage(2104, LogLevel.Warning, "{Device} reports gaps at times that cannot be, which are left out: {Gaps}")]
    public static partial void GapsLeftOut(this ILogger log, string device, int gaps);


    [LoggerMessage(3000, LogLevel.Information, "{Device}: {Inserted} inserted, {Duplicates} duplicates, {Conflicts} conflicts")]
    public static partial void Batch(this ILogger log, string device, int inserted, int duplicates, int conflicts);

    [LoggerMessage(3001, LogLevel.Debug, "{Device}: one sample, {Inserted} inserted, {Duplicates} duplicates, {Conflicts} conflicts")]
    public static partial void Single(this ILogger log, string device, int inserted, int duplicates, int conflicts);

    [LoggerMessage(
        3002,
        LogLevel.Warning,
        "{Device}: samples that differ from those stored under their time: {Conflicts}; the stored ones stay, these are in quarantine")]
    public static partial void Conflicts(this ILogger log, string device, int conflicts);

    [LoggerMessage(4000, LogLevel.Information, "Redis answers: realtime is cached")]
    public static partial void RealtimeCacheWorks(this ILogger log);

    [LoggerMessage(4001, LogLevel.Warning, "Redis fails, so realtime asks the database until it is back: {Reason}")]
    public static partial void RealtimeCacheFails(this ILogger log, string reason);

    [LoggerMessage(
        5000,
        LogLevel.Information,
        "Shelly: {Inserted} new, {Duplicates} duplicates, {Errors} errors, {Messages} messages, {Devices} devices, {Seconds} s")]
    public static partial void ShellyBatch(
        this ILogger log, int inserted, int duplicates, int errors, int messages, int devices, double seconds);

    [LoggerMessage(6000, LogLevel.Information, "This server pushes to {Url} each {Interval}")]
    public static partial void FleetPushes(this ILogger log, Uri url, TimeSpan interval);

    [LoggerMessage(6001, LogLevel.Information, "Pushing is switched on: the past of {Devices} devices is in the outbox")]
    public static partial void FleetPastEnqueued(this ILogger log, int devices);

    [LoggerMessage(6002, LogLevel.Information, "Pushed {Samples} samples so far; {Rows} rows of the outbox wait")]
    public static partial void FleetProgress(this ILogger log, long samples, long rows);

    [LoggerMessage(6003, LogLevel.Information, "Pushed all that waited, {Samples} samples")]
    public static partial void FleetCaughtUp(this ILogger log, long samples);

    [LoggerMessage(6004, LogLevel.Debug, "Pushed {Resource}: {Accepted} accepted, {Duplicates} duplicates")]
    public static partial void FleetPushed(this ILogger log, string resource, int accepted, int duplicates);

    [LoggerMessage(6005, LogLevel.Warning, "{Rejected} of the {Resource} pushed were rejected, and are not there; the admin VPS's events say why")]
    public static partial void FleetRejected(this ILogger log, string resource, int rejected);

    [LoggerMessage(6006, LogLevel.Warning, "Pushing {Resource} to {Url} failed, next try {NextTry}: {Reason}")]
    public static partial void FleetPushFailed(this ILogger log, string resource, Uri url, string? reason, DateTimeOffset? nextTry);

    [LoggerMessage(6007, LogLevel.Information, "Pushing {Resource} waits until {NextTry}, as the admin VPS asks")]
    public static partial void FleetRateLimited(this ILogger log, string resource, DateTimeOffset? nextTry);

    [LoggerMessage(
        6008, LogLevel.Error,
        "{Url} refuses FleetIngest__Token: nothing is pushed before {NextTry}, and all of it is kept. See 'sungrow-vps customers' there")]
    public static partial void FleetTokenRefused(this ILogger log, Uri url, DateTimeOffset? nextTry);

    [LoggerMessage(6009, LogLevel.Warning, "Pushing waits for the database: {Reason}")]
    public static partial void FleetPushWaits(this ILogger log, string reason);

    [LoggerMessage(6010, LogLevel.Information, "{Customer}: {Resource}, {Accepted} accepted, {Duplicates} duplicates, {Rejected} rejected")]
    public static partial void FleetBatch(this ILogger log, string customer, string resource, int accepted, int duplicates, int rejected);

    [LoggerMessage(6011, LogLevel.Warning, "{Customer}: a batch of {Resource} was refused as a whole: {Code}")]
    public static partial void FleetRefused(this ILogger log, string customer, string resource, string code);

    [LoggerMessage(7000, LogLevel.Information, "Told every channel: {Alert} of {Device}")]
    public static partial void AlertTold(this ILogger log, string alert, string device);

    [LoggerMessage(7001, LogLevel.Warning, "{Alert} of {Device} was not taken by {Channel}, tried again in a minute: {Reason}")]
    public static partial void AlertNotTaken(this ILogger log, string alert, string device, string channel, string reason);

    [LoggerMessage(7002, LogLevel.Warning, "Whether devices are silent was not looked up: {Reason}")]
    public static partial void SilencesNotChecked(this ILogger log, string reason);
}
