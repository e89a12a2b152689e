using System.Text.Json.Serialization;
using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>What <c>status --json</c> prints. Rows unless it says otherwise; always committed = acknowledged + waiting + dead_lettered +
/// evicted, and held is part of waiting.</summary>
/// <param name="Untimed">Of the waiting ones: they get their time when the clock is trusted.</param>
/// <param name="Newest">Time of the newest that waits.</param>
/// <param name="NewestSample">Time of the newest that was ever written.</param>
/// <param name="FreeBytes">Of the file system.</param>
internal sealed record StatusReport(
    string Path,
    Guid BufferId,
    long Committed,
    long Acknowledged,
    long Waiting,
    long Held,
    long Untimed,
    long DeadLettered,
    long Evicted,
    DateTimeOffset? Oldest,
    DateTimeOffset? Newest,
    DateTimeOffset? NewestSample,
    long FileBytes,
    long MaxBytes,
    long FreeBytes,
    StatusReport.BrakeState? Brake,
    IReadOnlyList<StatusReport.Device> Devices,
    IReadOnlyList<StatusReport.DeadLetters> DeadLettersByCode,
    IReadOnlyList<StatusReport.OpenGap> OpenGaps)
{
    public static StatusReport From(BufferOptions options)
    {
        var state = SampleBuffer.ReadState(options.Path);
        return new(
            options.Path,
            state.BufferId,
            state.Committed,
            state.Acknowledged,
            state.Waiting,
            state.Held,
            state.Untimed,
            state.DeadLettered,
            state.Evicted,
            state.OldestWaiting,
            state.NewestWaiting,
            state.NewestSample,
            state.FileBytes,
            options.MaxBytes,
            new DriveInfo(System.IO.Path.GetFullPath(options.Path)).AvailableFreeSpace,
            state.Brake is { } brake ? new(brake.Code, brake.Since) : null,
            [.. state.Devices.Select(device => new Device(
                device.DeviceId, device.Cursor, device.Committed, device.Acknowledged, device.Waiting, device.DeadLettered, device.Evicted))],
            [.. SampleBuffer.ReadDeadLetters(options.Path).CountBy(row => row.Code).Select(code => new DeadLetters(code.Key, code.Value))],
            [.. SampleBuffer.ReadOpenGaps(options.Path).Select(gap => new OpenGap(gap.From, gap.Reason, gap.Missed))]);
    }

    internal sealed record BrakeState(string Code, DateTimeOffset Since);

    internal sealed record Device(
        string DeviceId, long Cursor, long Committed, long Acknowledged, long Waiting, long DeadLettered, long Evicted);

    internal sealed record DeadLetters(string Code, long Rows);

    internal sealed record OpenGap(DateTimeOffset From, string Reason, long Missed);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(StatusReport))]
internal sealed partial class StatusJson : JsonSerializerContext;
