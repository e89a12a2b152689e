namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>Compares three books that know nothing of each other: what the inverter says it served, what the edge's file holds, what the
/// VPS's database holds.</summary>
internal static class Reconciliation
{
    public static Balance Of(BufferBook buffer, ServerBook server, ServedBook served)
    {
        List<long> lost = [];
        List<long> doubled = [];
        List<string> wrong = [];
        Dictionary<Place, long> count = [];
        var stored = server.Stored.ToLookup(sample => sample.Seq);
        var conflicting = server.Conflicting.ToLookup(seq => seq);
        var elsewhere = server.Elsewhere.ToLookup(seq => seq);

        for (var seq = 1L; seq <= buffer.Newest; seq++)
        {
            var onServer = stored[seq].Count() + conflicting[seq].Count() + elsewhere[seq].Count();
            var place = PlaceOf(buffer, seq, wrong);
            if (place == Place.Acknowledged)
            {
                place = stored[seq].Any() ? Place.Stored : conflicting[seq].Any() ? Place.Conflicting : Place.Elsewhere;
                if (onServer == 0)
                {
                    lost.Add(seq);
                    continue;
                }
            }
            else if (place == Place.Evicted && onServer == 1)
            {
                place = Place.EvictedButStored; // Its answer was lost, then its row was: the edge could not know.
            }
            else if (place == Place.DeadLettered && onServer > 0)
            {
                doubled.Add(seq);
            }

            if (onServer > 1)
            {
                doubled.Add(seq);
            }

            count[place] = count.GetValueOrDefault(place) + 1;
        }

        CheckNumbers(buffer, server, wrong);
        CheckValues(buffer, stored, wrong);
        wrong.AddRange(served.NotServed(RowsInOrder(buffer, stored)));
        return new()
        {
            Committed = buffer.Newest,
            Stored = count.GetValueOrDefault(Place.Stored) + count.GetValueOrDefault(Place.EvictedButStored),
            Conflicting = count.GetValueOrDefault(Place.Conflicting),
            Elsewhere = count.GetValueOrDefault(Place.Elsewhere),
            Waiting = count.GetValueOrDefault(Place.Waiting),
            DeadLettered = count.GetValueOrDefault(Place.DeadLettered),
            Evicted = count.GetValueOrDefault(Place.Evicted),
            EvictedButStored = count.GetValueOrDefault(Place.EvictedButStored),
            Served = served.WholePolls,
            Lost = lost,
            Doubled = doubled,
            Wrong = wrong,
        };
    }

    private enum Place { Acknowledged, Waiting, DeadLettered, Evicted, Stored, Conflicting, Elsewhere, EvictedButStored }

    /// <summary>Where the edge says that a row is: in exactly one place.</summary>
    private static Place PlaceOf(BufferBook buffer, long seq, List<string> wrong)
    {
        List<Place> places = [];
        if (buffer.DeadLetters.Contains(seq))
        {
            places.Add(Place.DeadLettered);
        }

        if (buffer.Evicted.Contains(seq))
        {
            places.Add(Place.Evicted);
        }

        if (buffer.Held.Contains(seq) || (seq > buffer.Cursor && places.Count == 0))
        {
            places.Add(Place.Waiting);
            if (!buffer.Rows.ContainsKey(seq))
            {
                wrong.Add($"row {seq} waits, but is not in the buffer.");
            }
        }

        if (places.Count > 1)
        {
            wrong.Add($"the edge has row {seq} in several places: {string.Join(", ", places)}.");
        }

        return places.Count == 0 ? Place.Acknowledged : places[0];
    }

    private static void CheckNumbers(BufferBook buffer, ServerBook server, List<string> wrong)
    {
        wrong.AddRange(server.Stored.Select(sample => sample.Seq).Concat(server.Conflicting).Concat(server.Elsewhere)
            .Where(seq => seq > buffer.Newest)
            .Select(seq => $"the VPS has row {seq}, which the buffer has never committed: its newest is {buffer.Newest}."));
        if (server.Strangers > 0)
        {
            wrong.Add($"{server.Strangers} stored rows are of no buffer of this edge.");
        }

        // The counters that both ends show to people, against the rows themselves.
        var counted = buffer.Counters with
        {
            Committed = buffer.Newest,
            DeadLettered = buffer.DeadLetters.Count,
            Evicted = buffer.Evicted.Count,
        };
        if (buffer.Counters != counted)
        {
            wrong.Add($"the edge's counters are {buffer.Counters}, its rows say {counted}.");
        }

        if (server.Reported != buffer.Counters)
        {
            wrong.Add($"the last report says {server.Reported}, the edge's counters are {buffer.Counters}.");
        }
    }

    private static void CheckValues(BufferBook buffer, ILookup<long, StoredSample> stored, List<string> wrong) =>
        wrong.AddRange(stored.SelectMany(rows => rows)
            .Where(sample => buffer.Rows.TryGetValue(sample.Seq, out var row) && (row.Metrics, row.Ts) != (sample.Metrics, sample.Ts))
            .Select(sample => $"row {sample.Seq} is stored as {sample.Ts:O} {sample.Metrics}, the buffer has"
                + $" {buffer.Rows[sample.Seq].Ts:O} {buffer.Rows[sample.Seq].Metrics}."));

    private static IEnumerable<(long Seq, Metrics Metrics)> RowsInOrder(BufferBook buffer, ILookup<long, StoredSample> stored)
    {
        for (var seq = 1L; seq <= buffer.Newest; seq++)
        {
            if ((buffer.Rows.GetValueOrDefault(seq)?.Metrics ?? stored[seq].FirstOrDefault()?.Metrics) is { } metrics)
            {
                yield return (seq, metrics);
            }
        }
    }
}
