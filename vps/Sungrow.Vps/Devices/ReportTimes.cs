using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>What of a report's times can be kept: an edge whose clock was never set, or wrongly, still has a report to make. Pure.</summary>
internal static class ReportTimes
{
    // Past it no clock of ours has ever been, and PostgreSQL and .NET still agree.
    private static readonly DateTimeOffset Latest = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static EdgeReport Sound(EdgeReport report, DateTimeOffset now) => report with
    {
        StartedAt = Near(report.StartedAt),
        SentAt = Near(report.SentAt),
        Inverter = report.Inverter with { LastPoll = OrNull(report.Inverter.LastPoll) },
        Waiting = report.Waiting with { Oldest = OrNull(report.Waiting.Oldest), Newest = OrNull(report.Waiting.Newest) },
        Missing = [.. report.Missing.Select(range => range with { From = OrNull(range.From), To = OrNull(range.To) })],
        Gaps = Sound(report.Gaps, now),
    };

    // Gaps that begin in this server's past, cut at its present. One that ends before it begins, as after a clock that was set back, has
    // no length.
    private static List<GapReport> Sound(IReadOnlyList<GapReport> gaps, DateTimeOffset now)
    {
        var latest = now + ProtocolLimits.MaxAhead;
        return
        [
            .. gaps.Where(gap => gap.From >= ProtocolLimits.OldestTimestamp && gap.From <= latest)
                .Select(gap => gap with { To = gap.To > latest ? latest : gap.To < gap.From ? gap.From : gap.To }),
        ];
    }

    private static DateTimeOffset Near(DateTimeOffset time) =>
        time < ProtocolLimits.OldestTimestamp ? ProtocolLimits.OldestTimestamp : time > Latest ? Latest : time;

    private static DateTimeOffset? OrNull(DateTimeOffset? time) => time is { } some && Near(some) == some ? some : null;
}
