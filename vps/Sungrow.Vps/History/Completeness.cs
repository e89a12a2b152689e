namespace Sungrow.Vps.History;

/// <param name="Missed">Rows of it that belong to the period.</param>
internal sealed record CompletenessGap(DateTimeOffset From, DateTimeOffset To, string Reason, long Missed);

/// <summary>In rows: <c>expected = stored + waiting + conflicting + dead_lettered + evicted + missed + unexplained</c>, always.</summary>
/// <param name="To">Not included.</param>
internal sealed record CompletenessPeriod(
    DateTimeOffset From,
    DateTimeOffset To,
    long Expected,
    long Stored,
    long Waiting,
    long Conflicting,
    long DeadLettered,
    long Evicted,
    long Missed,
    long Unexplained,
    IReadOnlyList<CompletenessGap> Gaps);

internal sealed record CompletenessAnswer(string DeviceId, string TimeZone, IReadOnlyList<CompletenessPeriod> Periods);

/// <summary>How often a device was to be read, from a moment on.</summary>
internal readonly record struct PollInterval(DateTimeOffset From, double PollIntervalS, int SamplesPerRow);

/// <summary>Rows that will not come, between two times, as the edge reported them.</summary>
internal readonly record struct LostRows(DateTimeOffset From, DateTimeOffset To, long Rows, string Reason);

/// <summary>Polls that became no sample.</summary>
internal readonly record struct ReportedGap(DateTimeOffset From, DateTimeOffset To, long Missed, string Reason);

/// <summary>Rows on the edge at its last report.</summary>
internal readonly record struct WaitingRows(long Rows, DateTimeOffset? Oldest, DateTimeOffset? Newest);

/// <summary>Both ends' numbers of one device.</summary>
/// <param name="Since">Its first moment; null: nothing was ever expected of it.</param>
/// <param name="Until">Nothing newer needs to have arrived yet.</param>
internal sealed record CompletenessFacts(
    DateTimeOffset? Since,
    DateTimeOffset Until,
    IReadOnlyList<PollInterval> Intervals,
    IReadOnlyList<LostRows> Lost,
    IReadOnlyList<ReportedGap> Gaps,
    WaitingRows Waiting);
