using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>What this server has counted of one buffer up to the cursors of the last report that balanced.</summary>
internal sealed record BufferAccount
{
    public static readonly BufferAccount Unknown = new();

    public long Reports { get; init; }
    public DateTimeOffset? ReportedAt { get; init; }
    public DateTimeOffset? SentAt { get; init; }
    public long Committed { get; init; }
    public IReadOnlyDictionary<string, long> Cursors { get; init; } = new Dictionary<string, long>();
    public DateTimeOffset? RowsSince { get; init; }
    public DateTimeOffset? CheckedAt { get; init; }
    public Found Found { get; init; }
    public long Unexplained { get; init; }
    public long Difference { get; init; }
    public string? Verdict { get; init; }
    public DateTimeOffset? SearchedAt { get; init; }
    public int Asked { get; init; }
    public string[] Runs { get; init; } = [];
    public string? Anomaly { get; init; }
    public DateTimeOffset? AnomalyAt { get; init; }
}

/// <summary>Rows of a buffer as they lie here, each number once.</summary>
/// <param name="Doubled">Stored more than once under one number; not part of <see cref="Rows"/>.</param>
internal readonly record struct Found(long Stored, long Conflicting, long Elsewhere, long Doubled)
{
    public long Rows => Stored + Conflicting + Elsewhere;

    public static Found operator +(Found one, Found other) => new(
        one.Stored + other.Stored, one.Conflicting + other.Conflicting, one.Elsewhere + other.Elsewhere, one.Doubled + other.Doubled);
}

/// <summary>The arithmetic of a buffer on both ends: <c>acknowledged = stored + conflicting + elsewhere</c>, and <c>committed =
/// acknowledged + waiting + dead_lettered + evicted</c>. Pure.</summary>
internal static class Balance
{
    public const string Balanced = "balanced";

    /// <summary>The edge has been told of more rows than are here.</summary>
    public const string Missing = "missing";

    /// <summary>More is here than the edge counts.</summary>
    public const string Surplus = "surplus";

    /// <summary>The edge's own numbers do not add up.</summary>
    public const string Miscounted = "miscounted";

    /// <summary>Not compared: a copied file, or more device ids than one buffer has.</summary>
    public const string Unchecked = "unchecked";

    public const int MostDevices = 8;

    /// <summary>How often missing rows are asked for before they are given up.</summary>
    public const int MostAsks = 24;

    private static readonly TimeSpan BetweenSearches = TimeSpan.FromHours(1);
    private static readonly TimeSpan CopiesStayFor = TimeSpan.FromDays(1);
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(3);

    // Rows are in the order of their numbers and nearly in that of their times.
    private static readonly TimeSpan Disorder = TimeSpan.FromHours(1);

    public static long DifferenceOf(BufferAccount account, EdgeReport report, Found more) =>
        report.Counters.Acknowledged - account.Unexplained - (account.Found + more).Rows;

    public static bool AddsUp(EdgeReport report) =>
        report.Counters.Committed
        == report.Counters.Acknowledged + report.Waiting.Rows + report.Counters.DeadLettered + report.Counters.Evicted;

    public static bool IsComparable(BufferAccount account, EdgeReport report, DateTimeOffset now) =>
        report.Cursors.Count <= MostDevices
        && !(account.Anomaly == BufferSighting.Cloned && now - account.AnomalyAt < CopiesStayFor);

    /// <summary>A search looks at all rows of the device: not with each report, nor with each buffer.</summary>
    public static bool MaySearch(DateTimeOffset? searchedAt, DateTimeOffset now) =>
        searchedAt is not { } last || now - last >= BetweenSearches;

    /// <summary>After the last ask too there was an hour for the rows to come.</summary>
    public static bool IsGivenUp(BufferAccount account) => account.Asked > MostAsks;

    /// <summary>More than the edge counts is news only when it stays: a held row may have arrived after the report was written.</summary>
    public static string VerdictOf(BufferAccount account, EdgeReport report, long difference) =>
        !AddsUp(report) ? Miscounted
        : difference > 0 ? Missing
        : difference < 0 && difference == account.Difference ? Surplus
        : Balanced;

    /// <summary>Rows between the last check's cursors and this report's are not newer; null: unknown. Of two devices, what waits may be
    /// the other one's; a held row lies behind the cursor.</summary>
    public static DateTimeOffset? RowsUntil(EdgeReport report) =>
        report is { Cursors.Count: 1, Waiting: { Rows: > 0, Held: 0, Oldest: { } oldest } } ? oldest + Disorder : null;

    /// <summary>Rows past this report's cursors are not older; null: unknown.</summary>
    public static DateTimeOffset? RowsSince(EdgeReport report) =>
        report.ClockTrusted
            ? (report.Waiting.Oldest < report.SentAt ? report.Waiting.Oldest.Value : report.SentAt) - Disorder
            : null;

    /// <summary>Since when acknowledged entries may be lost here. After a silence, this server's data may be those of a backup; an edge
    /// that could not reach it has nothing to repeat.</summary>
    public static DateTimeOffset? RepeatSince(BufferAccount account, EdgeReport report, DateTimeOffset now) =>
        account.ReportedAt is { } last
            ? now - last > Silence ? last - Silence : null
            : report.Counters.Acknowledged > 0 ? ProtocolLimits.OldestTimestamp : null;
}
