namespace Sungrow.Vps.Fleet;

/// <summary>A row of the outbox.</summary>
internal readonly record struct OutboxRow(long Id, string DeviceId, DateTimeOffset From, DateTimeOffset To);

/// <summary>A stretch of a device that is pushed, and the rows of the outbox that ask for it.</summary>
internal sealed record PushRange(string DeviceId, DateTimeOffset From, DateTimeOffset To, IReadOnlyList<long> Ids)
{
    /// <summary>The lowest number: the oldest first.</summary>
    public long Oldest => Ids[0];
}

/// <summary>Which stretches the rows of the outbox are, and which of them are read together. Pure.</summary>
internal static class PushRanges
{
    // Live samples lie this far apart; what is pushed twice by it is a duplicate there.
    private static readonly TimeSpan Step = TimeSpan.FromMinutes(5);

    /// <summary>One statement reads at most this much time, so that the planner looks at few chunks.</summary>
    public static readonly TimeSpan Piece = TimeSpan.FromDays(28);

    // What a stretch is likely to hold, to read no more of them than fill a batch.
    private static readonly TimeSpan UsualInterval = TimeSpan.FromSeconds(5);

    /// <summary>Joins, per device, what touches; in the order of the oldest row of each.</summary>
    public static List<PushRange> Join(IEnumerable<OutboxRow> rows)
    {
        List<PushRange> joined = [];
        foreach (var device in rows.GroupBy(row => row.DeviceId, StringComparer.Ordinal))
        {
            List<long> ids = [];
            foreach (var row in device.OrderBy(row => row.From))
            {
                if (ids.Count > 0 && row.From - joined[^1].To <= Step)
                {
                    joined[^1] = joined[^1] with { To = row.To > joined[^1].To ? row.To : joined[^1].To };
                }
                else
                {
                    joined.Add(new(device.Key, row.From, row.To, ids = []));
                }

                ids.Add(row.Id);
            }
        }

        return [.. joined.Select(range => range with { Ids = [.. range.Ids.Order()] }).OrderBy(range => range.Oldest)];
    }

    /// <summary>How many of the ranges from <paramref name="first"/> on are read by one statement: close in time, and not many more than
    /// fill <paramref name="rows"/>. A long one is read alone, piece by piece.</summary>
    public static int Together(IReadOnlyList<PushRange> ranges, int first, int rows)
    {
        var (from, to) = (ranges[first].From, ranges[first].To);
        double likely = 0;
        var count = 0;
        while (first + count < ranges.Count)
        {
            var range = ranges[first + count];
            from = range.From < from ? range.From : from;
            to = range.To > to ? range.To : to;
            likely += 1 + ((range.To - range.From) / UsualInterval);
            if (count > 0 && (to - from > Piece || likely > rows))
            {
                break;
            }

            count++;
        }

        return count;
    }
}
