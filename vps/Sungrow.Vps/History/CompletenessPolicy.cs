using Sungrow.Protocol;

namespace Sungrow.Vps.History;

/// <summary>Where each expected row is. What is stored or in quarantine is counted here; of the others the edge's report says where they
/// went, and it explains no more than is missing: an edge that reports a gap and later finds its rows after all is not counted twice. What
/// nobody explains is said to be unexplained. Pure.</summary>
internal static class CompletenessPolicy
{
    /// <summary>Before any report.</summary>
    public const double DefaultPollIntervalS = 10;

    /// <param name="boundaries">Of the periods, in order.</param>
    /// <param name="stored">Rows of each period.</param>
    /// <param name="conflicting">Rows of each period in quarantine.</param>
    public static List<CompletenessPeriod> Judge(
        IReadOnlyList<DateTimeOffset> boundaries, IReadOnlyList<long> stored, IReadOnlyList<long> conflicting, CompletenessFacts facts)
    {
        List<CompletenessPeriod> periods = [];
        var waits = facts.Waiting.Rows;
        var lost = new Sweep<LostRows>(facts.Lost, range => range.From, range => range.To);
        var missing = new Sweep<(ReportedGap Gap, long Slots)>(
            facts.Gaps.Select(gap => (gap, Slots(facts, gap.From, gap.To))), entry => entry.Gap.From, entry => entry.Gap.To);
        for (var i = 0; i < boundaries.Count - 1; i++)
        {
            var (from, to) = (boundaries[i], boundaries[i + 1]);
            // A row in conflict is one more than the schedule has: the moment that it was to fill is another's.
            var rest = Math.Max(0, Slots(facts, from, to) - stored[i]);
            List<(CompletenessGap Gap, bool Polls)> gaps =
            [
                .. lost.Advance(from, to).Select(range => (Part(range, from, to), false)),
                .. missing.Advance(from, to).Select(entry => (Part(facts, entry.Gap, entry.Slots, from, to), true)),
            ];
            gaps.RemoveAll(gap => gap.Gap is { Missed: 0 } touches && touches.From == touches.To); // It ended where this begins.
            var deadLettered = Explain(ref rest, gaps.Where(gap => !gap.Polls && gap.Gap.Reason == MissingReasons.DeadLettered));
            var evicted = Explain(ref rest, gaps.Where(gap => !gap.Polls && gap.Gap.Reason == MissingReasons.Evicted));
            // Polls, rows of a corrupt file, and whatever word a newer edge has.
            var missed = Explain(
                ref rest,
                gaps.Where(gap => gap.Polls || gap.Gap.Reason is not (MissingReasons.DeadLettered or MissingReasons.Evicted)));
            var waiting = facts.Waiting is { Oldest: { } oldest, Newest: { } newest } && oldest < to && newest >= from
                ? Math.Min(rest, waits)
                : 0;
            rest -= waiting;
            waits -= waiting;
            periods.Add(new(
                from, to, stored[i] + conflicting[i] + deadLettered + evicted + missed + waiting + rest, stored[i], waiting, conflicting[i],
                deadLettered, evicted, missed, rest, [.. gaps.Select(gap => gap.Gap).OrderBy(gap => gap.From)]));
        }

        return periods;
    }

    /// <summary>How many rows the schedule has in a time: polls are at the multiples of the interval, counted from 1970.</summary>
    internal static long Slots(CompletenessFacts facts, DateTimeOffset from, DateTimeOffset to)
    {
        if (facts.Since is not { } since)
        {
            return 0;
        }

        long slots = 0;
        var (start, end) = (Later(from, since), Earlier(to, facts.Until));
        PollInterval current = new(DateTimeOffset.MinValue, DefaultPollIntervalS, 1);
        foreach (var next in facts.Intervals)
        {
            slots += Count(current, start, Earlier(end, next.From));
            start = Later(start, next.From);
            current = next;
        }

        return slots + Count(current, start, end);
    }

    private static long Count(PollInterval interval, DateTimeOffset from, DateTimeOffset to) =>
        to <= from ? 0 : Rows(interval, to) - Rows(interval, from);

    private static long Rows(PollInterval interval, DateTimeOffset before)
    {
        var ticks = Math.Max(1, (long)(interval.PollIntervalS * TimeSpan.TicksPerSecond));
        var polls = ((before - DateTimeOffset.UnixEpoch).Ticks + ticks - 1) / ticks;
        return polls / Math.Max(1, interval.SamplesPerRow);
    }

    private static long Explain(ref long rest, IEnumerable<(CompletenessGap Gap, bool Polls)> gaps)
    {
        var explained = Math.Min(rest, gaps.Sum(gap => gap.Gap.Missed));
        rest -= explained;
        return explained;
    }

    private static CompletenessGap Part(LostRows lost, DateTimeOffset from, DateTimeOffset to) =>
        // Its last row lies on its end.
        new(Later(lost.From, from), Earlier(lost.To, to), lost.Reason, Share(lost.Rows, lost.From, lost.To.AddTicks(1), from, to));

    /// <param name="slots">Of all the gap. What it missed can be less: an edge may have joined two, and what lies between them was not
    /// missed.</param>
    private static CompletenessGap Part(CompletenessFacts facts, ReportedGap gap, long slots, DateTimeOffset from, DateTimeOffset to)
    {
        var (start, end) = (Later(gap.From, from), Earlier(gap.To, to));
        var missed = slots == 0 ? 0 : Math.Round((double)Math.Min(slots, gap.Missed) * Slots(facts, start, end) / slots);
        return new(start, end, gap.Reason, (long)missed);
    }

    // By time, and so that the parts add up.
    private static long Share(long rows, DateTimeOffset begun, DateTimeOffset ended, DateTimeOffset from, DateTimeOffset to)
    {
        return Until(to) - Until(from);

        long Until(DateTimeOffset time) =>
            time <= begun ? 0 : time >= ended ? rows : (long)Math.Round(rows * ((time - begun) / (ended - begun)));
    }

    /// <summary>Of many stretches of time those that have a moment in one period after the other.</summary>
    private sealed class Sweep<T>(IEnumerable<T> entries, Func<T, DateTimeOffset> from, Func<T, DateTimeOffset> to)
    {
        private readonly Queue<T> _ahead = new(entries.OrderBy(from));
        private readonly List<T> _here = [];

        public List<T> Advance(DateTimeOffset start, DateTimeOffset end)
        {
            _here.RemoveAll(entry => to(entry) < start);
            while (_ahead.TryPeek(out var next) && from(next) < end)
            {
                _ahead.Dequeue();
                if (to(next) >= start)
                {
                    _here.Add(next);
                }
            }

            return _here;
        }
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;
}
