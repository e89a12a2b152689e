using System.Globalization;

namespace Sungrow.Protocol;

/// <summary>One of the seven metrics: its name on the wire, its unit, and what is possible.</summary>
public sealed record Metric(string Name, string Unit, double Min, double Max, Func<SungrowSample, double?> Of)
{
    /// <summary>What is possible, as a person reads it.</summary>
    public string Range { get; } = string.Create(CultureInfo.InvariantCulture, $"{Min} .. {Max}");
}

/// <summary>The times a receiver accepts.</summary>
public readonly record struct SampleWindow(DateTimeOffset Oldest, DateTimeOffset Newest)
{
    /// <param name="retention">How long raw samples are kept; null: for ever.</param>
    public static SampleWindow At(DateTimeOffset now, TimeSpan? retention)
    {
        var oldest = retention is { } kept && now - ProtocolLimits.OldestTimestamp > kept ? now - kept : ProtocolLimits.OldestTimestamp;
        return new(oldest, now + ProtocolLimits.MaxAhead);
    }
}

/// <summary>What is wrong with one value.</summary>
/// <param name="Path"><c>samples[3].battery_soc_pct</c>; a whole sample is <c>samples[3]</c>.</param>
/// <param name="Detail">What is allowed. Never the value itself.</param>
public readonly record struct FieldError(string Path, string Code, string Detail);

/// <summary>The rules of a sample's values, in one place for both ends.</summary>
public static class SampleRules
{
    public const int MinSampleCount = 1;
    public const int MaxSampleCount = 3_600;
    public const double MinIntervalS = 0.1;
    public const double MaxIntervalS = 3_600;

    public const string SampleCountRange = "1 .. 3600";
    public const string IntervalRange = "0.1 .. 3600";
    public const string SeqRange = "1 .. 9223372036854775807";

    /// <summary>In the order of the wire.</summary>
    public static readonly IReadOnlyList<Metric> Metrics =
    [
        new("pv_power_w", "W", 0, 500_000, static sample => sample.PvPowerW),
        new("pv_daily_kwh", "kWh", 0, 12_000, static sample => sample.PvDailyKwh),
        new("battery_power_w", "W", -500_000, 500_000, static sample => sample.BatteryPowerW),
        new("battery_soc_pct", "%", 0, 100, static sample => sample.BatterySocPct),
        new("battery_temp_c", "degC", -40, 80, static sample => sample.BatteryTempC),
        new("load_power_w", "W", -500_000, 500_000, static sample => sample.LoadPowerW),
        new("export_power_w", "W", -500_000, 500_000, static sample => sample.ExportPowerW),
    ];

    /// <summary>Adds every error of <paramref name="sample"/> to <paramref name="errors"/>.</summary>
    /// <param name="path">Where the sample stands, for example <c>samples[3]</c>.</param>
    public static void Check(SungrowSample sample, string path, SampleWindow window, ICollection<FieldError> errors)
    {
        if (!DeviceIds.IsWellFormed(sample.DeviceId))
        {
            errors.Add(new($"{path}.device_id", ErrorCodes.MalformedDeviceId, DeviceIds.Form));
        }

        if (CheckTs(sample.Ts, window) is { } outside)
        {
            errors.Add(outside with { Path = $"{path}.ts" });
        }

        var empty = true;
        for (var i = 0; i < Metrics.Count; i++) // No enumerator: a sound sample costs nothing here.
        {
            var metric = Metrics[i];
            if (metric.Of(sample) is not { } value)
            {
                continue;
            }

            empty = false;
            if (!(value >= metric.Min && value <= metric.Max)) // Negated, so that NaN is outside too.
            {
                errors.Add(new($"{path}.{metric.Name}", ErrorCodes.OutOfRange, metric.Range));
            }
        }

        if (empty)
        {
            errors.Add(new(path, ErrorCodes.EmptySample, "at least one of the seven metrics"));
        }

        if (sample.SampleCount is < MinSampleCount or > MaxSampleCount)
        {
            errors.Add(new($"{path}.sample_count", ErrorCodes.OutOfRange, SampleCountRange));
        }

        if (sample.IntervalS is { } interval && !(interval is >= MinIntervalS and <= MaxIntervalS))
        {
            errors.Add(new($"{path}.interval_s", ErrorCodes.OutOfRange, IntervalRange));
        }

        if (sample.Seq is < 1)
        {
            errors.Add(new($"{path}.seq", ErrorCodes.OutOfRange, SeqRange));
        }
    }

    /// <summary>What is wrong with a time, at the path <c>ts</c>.</summary>
    public static FieldError? CheckTs(DateTimeOffset ts, SampleWindow window) =>
        ts > window.Newest ? new(
            "ts", ErrorCodes.TimestampInFuture, $"at most {ProtocolLimits.MaxAhead.TotalMinutes} minutes ahead of the server")
        : ts < window.Oldest ? new("ts", ErrorCodes.TimestampTooOld, $"not before {Rfc3339.Write(window.Oldest)}")
        : null;
}
