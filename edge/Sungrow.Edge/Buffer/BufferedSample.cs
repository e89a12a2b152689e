namespace Sungrow.Edge.Buffer;

/// <summary>What a row holds of the inverter. Watts, kilowatt-hours, percent, degrees Celsius; null where nothing was read.</summary>
internal readonly record struct BufferedMetrics(
    double? PvPowerWatts,
    double? PvDailyKwh,
    double? BatteryPowerWatts,
    double? BatterySocPercent,
    double? BatteryTemperatureCelsius,
    double? LoadPowerWatts,
    double? ExportPowerWatts);

/// <summary>A sample to append.</summary>
/// <param name="Ts">Start of the (last) poll, UTC.</param>
/// <param name="SampleCount">Polls averaged in it.</param>
/// <param name="IntervalSeconds">Seconds it stands for.</param>
/// <param name="Uptime">Since the machine booted: orders samples whatever the clock does.</param>
internal sealed record NewSample(
    string DeviceId, DateTimeOffset Ts, BufferedMetrics Metrics, int SampleCount, double IntervalSeconds, TimeSpan Uptime);

/// <summary>A row as it waits.</summary>
internal sealed record BufferedSample(long Seq, DateTimeOffset Ts, BufferedMetrics Metrics, int SampleCount, double IntervalSeconds);

/// <summary>The oldest waiting rows of one device, in the order of their numbers.</summary>
internal sealed record BufferedBatch(string DeviceId, IReadOnlyList<BufferedSample> Samples)
{
    public long LastSeq => Samples[^1].Seq;
}

/// <summary>One device's cursor and counters. Always: committed = acknowledged + waiting.</summary>
/// <param name="Cursor">Every row up to this number has been answered for.</param>
internal sealed record DeviceCounters(string DeviceId, long Cursor, long Committed, long Acknowledged)
{
    public long Waiting => Committed - Acknowledged;
}

/// <summary>The buffer's own account, for the report and for <c>status</c>.</summary>
internal sealed record BufferState(
    Guid BufferId, IReadOnlyList<DeviceCounters> Devices, DateTimeOffset? OldestWaiting, DateTimeOffset? NewestWaiting)
{
    public long Committed => Devices.Sum(device => device.Committed);

    public long Acknowledged => Devices.Sum(device => device.Acknowledged);

    public long Waiting => Devices.Sum(device => device.Waiting);
}

/// <summary>The buffer cannot be opened. The message is one line for the operator.</summary>
internal sealed class BufferUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
