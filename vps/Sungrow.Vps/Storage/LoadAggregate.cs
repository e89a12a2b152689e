namespace Sungrow.Vps.Storage;

/// <summary>What 15 minutes of a load amount to, as <see cref="Aggregates"/> has it of samples. Each reading stands for its
/// minute.</summary>
internal static class LoadAggregate
{
    public const string View = "loads_15m";

    public const int ReadingSeconds = 60;

    private const string TimescaleBucket = "time_bucket(INTERVAL '15 minutes', minute)";
    private const string PlainBucket = "date_bin(INTERVAL '15 minutes', minute, TIMESTAMPTZ '2000-01-03 00:00:00+00')";

    public static string Select(bool continuous) => Select(continuous ? TimescaleBucket : PlainBucket, "");

    /// <summary>The buckets of the channel $2 of the device $1, from <paramref name="from"/> on and before <paramref name="to"/>.</summary>
    /// <param name="continuous">False: without the view, whose bucket no index knows.</param>
    public static string Source(bool continuous, DateTimeOffset from, DateTimeOffset to)
    {
        const string load = " WHERE device_id = $1 AND channel = $2 AND ";
        return continuous
            ? $"(SELECT * FROM {View}{load}bucket >= {Aggregates.Literal(from)} AND bucket < {Aggregates.Literal(to)}) AS buckets"
            // By both times: chunks are cut by the one, and the other has the index.
            : $"""
                ({Select(PlainBucket, $"{load}minute >= {Aggregates.Literal(from)} AND minute < {Aggregates.Literal(to)} "
                    + $"AND timestamp >= {Aggregates.Literal(from)} AND timestamp < {Aggregates.Literal(to)}")}) AS buckets
                """;
    }

    private static string Select(string bucket, string where) =>
        $"""
        SELECT device_id, channel, {bucket} AS bucket, count(*) AS readings,
            sum(power) AS power_w_sum, min(power) AS power_w_min, max(power) AS power_w_max
        FROM power_logs{where}
        GROUP BY device_id, channel, bucket
        """;
}
