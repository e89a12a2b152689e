using Microsoft.Extensions.Logging;

namespace Sungrow.Edge;

/// <summary>Every line the daemon logs. Ids: 1000 inverter, 2000 polling, 3000 buffer, 4000 uplink, 5000 commands, 6000 metrics; never reused.
/// No payload, no token.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Warning, "{Metric} of {Model} is served with an impossible value; it is left out.")]
    public static partial void ImpossibleValue(ILogger logger, string metric, string model);

    [LoggerMessage(2000, LogLevel.Information, "Inverter reached: {Model}, serial {Serial}.")]
    public static partial void InverterReached(ILogger logger, string model, string serial);

    [LoggerMessage(2001, LogLevel.Warning, "No sample from the inverter: {Sentence}")]
    public static partial void InverterUnreachable(ILogger logger, string sentence);

    [LoggerMessage(2002, LogLevel.Warning, "{Path} cannot be written, what it holds is forgotten at the next restart: {Reason}")]
    public static partial void StateNotKept(ILogger logger, string path, string reason);

    [LoggerMessage(2003, LogLevel.Information, "The inverter sleeps until the sun is up: {Sentence}")]
    public static partial void InverterAsleep(ILogger logger, string sentence);

    [LoggerMessage(2004, LogLevel.Information, "The machine's clock was set by {Step}.")]
    public static partial void ClockWasSet(ILogger logger, TimeSpan step);

    [LoggerMessage(2005, LogLevel.Warning, "The clock is not trusted any more: samples wait for a time.")]
    public static partial void ClockNotTrusted(ILogger logger);

    [LoggerMessage(2006, LogLevel.Information, "The clock is trusted: {Rows} samples that waited for a time have theirs.")]
    public static partial void TimesAssigned(ILogger logger, long rows);

    [LoggerMessage(2007, LogLevel.Warning, "{Rows} samples of an earlier boot were stamped by a clock that was ahead: they are dead letters now.")]
    public static partial void ClockWasWrong(ILogger logger, int rows);

    [LoggerMessage(3000, LogLevel.Error, "A sample is lost: {Reason}")]
    public static partial void AppendFailed(ILogger logger, string reason);

    [LoggerMessage(3001, LogLevel.Information, "Buffer {Path} opened: {Waiting} samples wait.")]
    public static partial void BufferOpened(ILogger logger, string path, long waiting);

    [LoggerMessage(3003, LogLevel.Error, "Buffer {Path} was replaced, {What}: {Salvaged} rows were taken over, {Lost} are lost. Check the disk.")]
    public static partial void BufferReplaced(ILogger logger, string path, string what, long salvaged, long lost);

    [LoggerMessage(4000, LogLevel.Debug, "Delivered {Samples} samples of {DeviceId}: {Duplicates} duplicates, {Conflicts} conflicts.")]
    public static partial void Delivered(ILogger logger, int samples, string deviceId, int duplicates, int conflicts);

    [LoggerMessage(4001, LogLevel.Information, "The VPS takes samples again.")]
    public static partial void DeliveringAgain(ILogger logger);

    [LoggerMessage(4002, LogLevel.Warning, "Samples wait in the buffer: {Sentence}")]
    public static partial void NotDelivered(ILogger logger, string sentence);

    [LoggerMessage(4003, LogLevel.Warning, "The VPS refused the report: {Status} {Code}.")]
    public static partial void ReportRefused(ILogger logger, int status, string code);

    [LoggerMessage(4004, LogLevel.Debug, "The report was not taken: {Sentence}")]
    public static partial void ReportNotTaken(ILogger logger, string sentence);

    [LoggerMessage(4090, LogLevel.Warning, "The report says what was known before, or its answer was not kept: {Reason}")]
    public static partial void ReportWithoutBuffer(ILogger logger, string reason);

    [LoggerMessage(4010, LogLevel.Error, "Samples wait in the buffer until somebody acts: {Sentence} 'sungrow-edge check' tells more.")]
    public static partial void NeedsAHand(ILogger logger, string sentence);

    [LoggerMessage(4011, LogLevel.Warning,
        "{Samples} samples of {DeviceId} became dead letters: {Code}. 'sungrow-edge dead-letters list' shows them.")]
    public static partial void DeadLettered(ILogger logger, int samples, string deviceId, string code);

    [LoggerMessage(4012, LogLevel.Warning, "{Samples} samples of {DeviceId} lie in the server's future; they are held and tried again.")]
    public static partial void Held(ILogger logger, int samples, string deviceId);

    [LoggerMessage(4013, LogLevel.Error,
        "{Samples} dead letters in a row with {Code}: no more are made, one batch an hour is tried. Update or mend the VPS; "
        + "'sungrow-edge dead-letters release' goes on at once.")]
    public static partial void BrakePulled(ILogger logger, int samples, string code);

    [LoggerMessage(4014, LogLevel.Information, "The brake on dead letters is released.")]
    public static partial void BrakeReleased(ILogger logger);

    [LoggerMessage(4015, LogLevel.Information, "Batches are too large: at most {Rows} samples in one for now.")]
    public static partial void SmallerBatches(ILogger logger, int rows);

    [LoggerMessage(4016, LogLevel.Debug, "The backlog waits: {Sentence}")]
    public static partial void RateLimited(ILogger logger, string sentence);

    [LoggerMessage(4017, LogLevel.Warning,
        "{Samples} samples of {DeviceId} that were taken before are refused when sent again; they stay as they are.")]
    public static partial void ResendRefused(ILogger logger, int samples, string deviceId);

    [LoggerMessage(5000, LogLevel.Error, "{Loop} makes no progress any more; systemd's watchdog is not fed until it does.")]
    public static partial void LoopStuck(ILogger logger, string loop);

    [LoggerMessage(5001, LogLevel.Debug, "systemd could not be told: {Reason}")]
    public static partial void ServiceManagerNotTold(ILogger logger, System.Net.Sockets.SocketError reason);

    [LoggerMessage(6000, LogLevel.Information, "Metrics are served on {Endpoint}.")]
    public static partial void MetricsServed(ILogger logger, System.Net.IPEndPoint endpoint);

    [LoggerMessage(6001, LogLevel.Warning, "Metrics cannot be served on {Url}: {Reason}; tried again each minute.")]
    public static partial void MetricsNotServed(ILogger logger, string url, System.Net.Sockets.SocketError reason);

    [LoggerMessage(6002, LogLevel.Debug, "Who asked for metrics left before the answer.")]
    public static partial void MetricsCallerGone(ILogger logger);
}
