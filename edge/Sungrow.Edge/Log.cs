using Microsoft.Extensions.Logging;

namespace Sungrow.Edge;

/// <summary>Every line the daemon logs. Ids: 1000 inverter, 2000 polling, 3000 buffer, 4000 uplink, 5000 commands; never reused.
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

    [LoggerMessage(3000, LogLevel.Error, "A sample could not be written to the buffer (SQLite error {Code}): {Reason}")]
    public static partial void AppendFailed(ILogger logger, int code, string reason);

    [LoggerMessage(3001, LogLevel.Information, "Buffer {Path} opened: {Waiting} samples wait.")]
    public static partial void BufferOpened(ILogger logger, string path, long waiting);

    [LoggerMessage(3002, LogLevel.Warning, "The cursor waits for the next sample to be written (SQLite error {Code}): {Reason}")]
    public static partial void CursorNotSaved(ILogger logger, int code, string reason);

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
}
