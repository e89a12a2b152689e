namespace Sungrow.Vps.Storage;

/// <summary>What an hour of a customer's device amounts to, as <see cref="Aggregates"/> has it of samples.</summary>
internal static class FleetAggregate
{
    public const string View = "fleet.hourly_per_device";

    private const string TimescaleBucket = "time_bucket(INTERVAL '1 hour', ts)";
    private const string PlainBucket = "date_bin(INTERVAL '1 hour', ts, TIMESTAMPTZ '2000-01-03 00:00:00+00')";

    /// <summary>What comes in and is older than this, the regular refresh may not look at any more.</summary>
    public static DateTimeOffset Late(DateTimeOffset now) => now - Aggregates.Fleet.RegularWindow + TimeSpan.FromDays(1);

    public static string Select(bool continuous) =>
        $"""
        SELECT customer_id, device_id, {(continuous ? TimescaleBucket : PlainBucket)} AS bucket,
        {Aggregates.Columns}
        FROM {FleetMeasurements.Table}
        GROUP BY customer_id, device_id, bucket
        """;
}
