using Sungrow.Protocol;

namespace Sungrow.Edge.Buffer;

/// <summary>What the server's answer to a batch does to rows and ledger. Rows that were evicted under the batch in flight, and were stored
/// all the same, are counted as acknowledged in the end.</summary>
internal static class Settlement
{
    public static void Settle(OpenBuffer buffer, BufferedBatch batch, IReadOnlyDictionary<long, Verdict> verdicts)
    {
        if (batch.BufferId != buffer.Id || buffer.Ledger.Find(batch.DeviceId) is not { } account)
        {
            return; // Of a file that was replaced meanwhile; its rows have new numbers and come again.
        }

        var counters = account.Counters;
        var fresh = batch.Samples.Where(row => row.Seq > counters.Cursor).Select(row => row.Seq).ToList();
        if (!AreOldest(buffer, account, fresh))
        {
            // What was settled before it was in memory only, and the file was opened again since: all of it comes again.
            if (batch.Opening == buffer.Opening)
            {
                throw new InvalidOperationException($"The batch of {batch.DeviceId} up to {batch.LastSeq} is not its oldest rows.");
            }

            return;
        }

        if (fresh.Count == batch.Samples.Count && verdicts.Count == 0)
        {
            // A single row's move is written with the next append, so that the steady state is one fsync per sample. One that cannot be
            // written now holds in memory.
            buffer.Ledger.Set(account, counters with { Cursor = fresh[^1], Acknowledged = counters.Acknowledged + fresh.Count });
            if (fresh.Count > 1)
            {
                buffer.Commit(() => { });
            }

            return;
        }

        buffer.Commit(() =>
        {
            foreach (var row in batch.Samples)
            {
                var verdict = verdicts.GetValueOrDefault(row.Seq);
                counters = row.Seq > account.Counters.Cursor
                    ? First(buffer, counters, row.Seq, verdict)
                    : Again(buffer, account.Id, counters, row.Seq, verdict);
            }

            buffer.Ledger.Set(account, counters with { Cursor = Math.Max(counters.Cursor, batch.LastSeq) });
        });
    }

    /// <summary>The answer to a row's first sending.</summary>
    private static DeviceCounters First(OpenBuffer buffer, DeviceCounters counters, long seq, Verdict? verdict)
    {
        switch (verdict)
        {
            case DeadLetter dead:
                SetAside.DeadLetter(buffer, "samples", seq, dead);
                return counters with { DeadLettered = counters.DeadLettered + 1 };
            case Hold hold:
                SetAside.Hold(buffer, seq, hold);
                return counters with { Held = counters.Held + 1 };
            default:
                return counters with { Acknowledged = counters.Acknowledged + 1 };
        }
    }

    /// <summary>The answer for a row that the cursor has passed: a held one, one evicted meanwhile, or a resent one, which changes nothing.</summary>
    private static DeviceCounters Again(OpenBuffer buffer, long device, DeviceCounters counters, long seq, Verdict? verdict)
    {
        if (SetAside.IsHeld(buffer, seq))
        {
            switch (verdict)
            {
                case DeadLetter dead:
                    SetAside.DeadLetter(buffer, "held", seq, dead);
                    return counters with { Held = counters.Held - 1, DeadLettered = counters.DeadLettered + 1 };
                case Hold hold:
                    SetAside.HoldLonger(buffer, seq, hold);
                    return counters;
                default:
                    SetAside.Release(buffer, seq);
                    buffer.WasReleased(device, seq);
                    return counters with { Held = counters.Held - 1, Acknowledged = counters.Acknowledged + 1 };
            }
        }

        return verdict is null && MissingRanges.TakeOut(buffer.Connection, device, seq, MissingReasons.Evicted)
            ? counters with { Evicted = counters.Evicted - 1, Acknowledged = counters.Acknowledged + 1 }
            : counters;
    }

    /// <summary>The cursor passes no row that is not in the batch.</summary>
    private static bool AreOldest(OpenBuffer buffer, Account account, List<long> fresh) => fresh.Count == 0 || buffer.Connection.Number(
        "SELECT count(*) FROM (SELECT 1 FROM samples WHERE seq > $cursor AND seq <= $last AND device = $device LIMIT $enough)",
        ("$cursor", account.Counters.Cursor), ("$last", fresh[^1]), ("$device", account.Id), ("$enough", fresh.Count + 1)) == fresh.Count;
}
