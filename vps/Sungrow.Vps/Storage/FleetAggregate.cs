namespace Sungrow.Vps.Storage;

/// <summary>What an hour of a customer's device amounts to, as <see cref="Aggregates"/> has it of samples.</summary>
internal static class FleetAggregate
{
    public const string View = "fleet.hourly_per_device";

    private const string TimescaleBucket = "time_bucket(INTERVAL '1 hour', ts)";
    private const string PlainBucket = "date_bin(INTERVAL '1 hour', ts, TIMESTAMPTZ '2000-01-03 00:00:00+00')";

    /// <summary>What comes in and is older than this, the regular refresh may not look at any more.</summary>
    public static DateTimeOffset Late(DateTimeOffset now) => now - Aggregates.Fleet.RegularWindow + TimeSpan.FromDays(1);

    public static string Select(bool continuous) => Select(continuous ? TimescaleBucket : PlainBucket, "");

    /// <summary>What a query joins the hours of each of its <c>device (customer_id, id)</c> from: those from <paramref name="from"/> on, the
    /// beginning of one. A literal, so that the planner leaves out every older chunk. Device by device, which OFFSET holds it to: the newest
    /// hour is read from the samples, and no index finds those of all devices in a chunk of a week.</summary>
    /// <param name="continuous">False: without the view, whose bucket no index knows; the times of the rows themselves it does.</param>
    public static string Join(bool continuous, DateTimeOffset from)
    {
        const string Same = "customer_id = device.customer_id AND device_id = device.id";
        var since = Aggregates.Literal(from);
        var hours = continuous
            ? $"SELECT * FROM {View} WHERE {Same} AND bucket >= {since} OFFSET 0"
            : Select(PlainBucket, $" WHERE {Same} AND ts >= {since}");
        return $"JOIN LATERAL ({hours}) AS hour ON true";
    }

    private static string Select(string bucket, string where) =>
        $"""
        SELECT customer_id, device_id, {bucket} AS bucket,
        {Aggregates.Columns}
        FROM {FleetMeasurements.Table}{where}
        GROUP BY customer_id, device_id, bucket
        """;
}
