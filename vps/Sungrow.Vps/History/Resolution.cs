using Sungrow.Vps.Storage;

namespace Sungrow.Vps.History;

/// <summary>How fine a history is. Pure.</summary>
internal static class Resolution
{
    public const string Auto = "auto";
    public const string Raw = "raw";
    public const string Quarter = "15m";
    public const string Hour = "1h";
    public const string Day = "1d";

    public const string Form = "resolution=auto, raw, 15m, 1h or 1d";

    /// <summary>Of a chart: nobody's screen has more columns.</summary>
    public const int MostAutomatic = 2_000;

    /// <summary>Of one JSON answer.</summary>
    public const int MostPoints = 100_000;

    public static bool IsKnown(string resolution) => resolution is Auto or Raw or Quarter or Hour or Day;

    /// <summary>The finest of which so long a time has at most <see cref="MostAutomatic"/> points. Raw only by the device's own interval,
    /// so what it really has is counted when it is read.</summary>
    public static string Choose(DateTimeOffset from, DateTimeOffset to, double pollIntervalS) =>
        (to - from).TotalSeconds <= MostAutomatic * pollIntervalS ? Raw : ChooseAggregated(from, to);

    public static string ChooseAggregated(DateTimeOffset from, DateTimeOffset to) =>
        to - from <= (MostAutomatic - 1) * Aggregates.Bucket ? Quarter
        : to - from <= TimeSpan.FromHours(MostAutomatic - 2) ? Hour // One more at either end, and none is shorter than an hour.
        : Day;

    /// <summary>At least so many points a range may have at this resolution; raw ones nobody knows before.</summary>
    public static bool IsTooLarge(string resolution, DateTimeOffset from, DateTimeOffset to) =>
        resolution switch
        {
            Quarter => (to - from) / Aggregates.Bucket,
            Hour => (to - from).TotalHours,
            Day => (to - from).TotalDays,
            _ => 0,
        } > MostPoints;
}
