namespace Sungrow.Vps.Storage;

/// <param name="Id">Of its row in <c>pending_refresh</c>.</param>
internal readonly record struct PendingRange(long Id, DateTimeOffset From, DateTimeOffset To);

/// <summary>Buckets to be refreshed: whole ones, <paramref name="To"/> not included.</summary>
/// <param name="Ids">The rows that asked for it.</param>
internal sealed record RefreshRange(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<long> Ids);

/// <summary>Which stretches of the aggregate are computed anew. Pure.</summary>
internal static class RefreshPolicy
{
    /// <summary>The regular refresh looks this far back: a day more than what counts as late, so that nothing lies between them.</summary>
    public static readonly TimeSpan RegularWindow = WritePolicy.RefreshWindow + TimeSpan.FromDays(1);

    /// <summary>What is newer is not materialized: it is still coming in, and the view adds it from the samples themselves.</summary>
    public static readonly TimeSpan Newest = TimeSpan.FromHours(1);

    /// <summary>Samples are never dropped while a refresh may still read them: the regular one, in a chunk of a week that is dropped as a
    /// whole, and days in which nobody refreshed.</summary>
    public static readonly TimeSpan LeastRawRetention = TimeSpan.FromDays(14);

    /// <summary>A chunk that retention drops within this time is left alone: refreshed after that, its figures would be erased.</summary>
    public static readonly TimeSpan DropMargin = TimeSpan.FromHours(1);

    // One statement refreshes at most this much, so that a stop waits for no more.
    private static readonly TimeSpan Piece = TimeSpan.FromDays(7);

    /// <summary>What is refreshed now, oldest first, each range aligned outwards to whole buckets; those that touch are one. A range of
    /// which nothing is left is there all the same, as its rows have been answered.</summary>
    /// <param name="regular">Also the last days, and everything from the watermark on that is not new.</param>
    /// <param name="watermark">From here on the view adds the samples itself. Nothing past it may be refreshed before all up to there is:
    /// it would move past what was left out.</param>
    /// <param name="oldest">Before this there are no samples to refresh from; null: there are none at all.</param>
    public static IReadOnlyList<RefreshRange> Plan(
        KeptAggregate aggregate, IEnumerable<PendingRange> pending, bool regular, DateTimeOffset watermark, DateTimeOffset? oldest,
        DateTimeOffset now)
    {
        var until = aggregate.Floor(now - Newest);
        var from = aggregate.Floor(now - aggregate.RegularWindow);
        IEnumerable<(DateTimeOffset From, DateTimeOffset To, long? Id)> asked =
            [.. pending.Select(range => (aggregate.Floor(range.From), aggregate.Floor(range.To) + aggregate.Bucket, (long?)range.Id))];
        if (regular)
        {
            asked = asked.Append((watermark < from ? aggregate.Floor(watermark) : from, until, null));
        }
        else if (watermark < until)
        {
            until = aggregate.Floor(watermark);
        }

        var since = oldest is null ? until : aggregate.Ceiling(oldest.Value);
        List<RefreshRange> plan = [];
        foreach (var range in asked.OrderBy(range => range.From))
        {
            var start = range.From < since ? since : range.From;
            var end = range.To > until ? until : range.To;
            long[] ids = range.Id is { } id ? [id] : [];
            if (plan is [.., var last] && start <= last.To)
            {
                plan[^1] = new(last.From, end > last.To ? end : last.To, [.. last.Ids, .. ids]);
            }
            else
            {
                plan.Add(new(start, end, ids));
            }
        }

        return plan;
    }

    public static IEnumerable<(DateTimeOffset From, DateTimeOffset To)> Pieces(RefreshRange range)
    {
        for (var from = range.From; from < range.To; from += Piece)
        {
            yield return (from, from + Piece < range.To ? from + Piece : range.To);
        }
    }
}
