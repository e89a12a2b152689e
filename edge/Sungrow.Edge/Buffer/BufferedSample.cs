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
/// <param name="Ts">Start of the (last) poll, UTC. Null while the clock is not trusted: <see cref="SampleBuffer.AssignTimes"/> fills it in.</param>
/// <param name="SampleCount">Polls averaged in it.</param>
/// <param name="IntervalSeconds">Seconds it stands for.</param>
/// <param name="Uptime">Since the machine booted: orders samples whatever the clock does.</param>
internal sealed record NewSample(
    string DeviceId, DateTimeOffset? Ts, BufferedMetrics Metrics, int SampleCount, double IntervalSeconds, TimeSpan Uptime);

/// <summary>A row as it waits.</summary>
internal sealed record BufferedSample(long Seq, DateTimeOffset Ts, BufferedMetrics Metrics, int SampleCount, double IntervalSeconds);

/// <summary>Rows of one device, in the order of their numbers.</summary>
internal sealed record BufferedBatch(string DeviceId, IReadOnlyList<BufferedSample> Samples)
{
    /// <summary>Whose numbers these are: a batch of a file that was replaced meanwhile settles nothing.</summary>
    public Guid BufferId { get; init; }

    /// <summary>Which opening of the file it is of: what was in memory of an earlier one may have been forgotten.</summary>
    public int Opening { get; init; }

    public long LastSeq => Samples[^1].Seq;
}

/// <summary>What the server, or the uplink, says of a row other than "stored".</summary>
internal abstract record Verdict;

/// <summary>Never to be stored: kept aside for the operator.</summary>
internal sealed record DeadLetter(string Code, string Detail) : Verdict;

/// <summary>Not yet: tried again alone when due. It still waits.</summary>
internal sealed record Hold(string Code, DateTimeOffset RetryAt) : Verdict;

/// <summary>A row that the server will never take.</summary>
/// <param name="Sample">Its time is 1970 where the clock was never trusted.</param>
internal sealed record DeadLetterRow(BufferedSample Sample, string DeviceId, string Code, string Detail, DateTimeOffset MovedAt);

/// <summary>A row for an export.</summary>
/// <param name="Place"><c>sent</c>, <c>waiting</c>, <c>held</c> or <c>dead_letter</c>.</param>
internal sealed record ExportRow(string DeviceId, BufferedSample Sample, string Place);

/// <summary>The buffer cannot be used now. The message is one line for the operator: what is wrong, and what to do.</summary>
internal sealed class BufferUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
