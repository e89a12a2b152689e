namespace Sungrow.Edge.Buffer;

/// <summary>Ranges of kept rows to send once more, because the server or the operator asked. They change no counter.</summary>
internal static class Resends
{
    // The server asks for ranges; more than these at once would be no ranges.
    private const int Most = 1_000;

    /// <summary>Within a transaction. A range that is asked for already, or one too many, changes nothing: the server will ask again.</summary>
    public static void Insert(OpenBuffer buffer, long fromSeq, long toSeq) => buffer.Connection.Execute(
        """
        INSERT INTO resends (from_seq, to_seq) SELECT $from, $to
        WHERE $from <= $to AND (SELECT count(*) FROM resends) < $most
            AND NOT EXISTS (SELECT 1 FROM resends WHERE from_seq <= $from AND to_seq >= $to)
        """,
        ("$from", fromSeq), ("$to", toSeq), ("$most", Most));

    /// <summary>The next rows of the oldest range: of one device, and behind its cursor. Others still wait, and are sent when their turn
    /// comes.</summary>
    public static BufferedBatch? Peek(OpenBuffer buffer, int max)
    {
        var ranges = buffer.Connection.Rows(
            "SELECT id, from_seq, to_seq FROM resends ORDER BY id",
            reader => (Id: reader.GetInt64(0), From: reader.GetInt64(1), To: reader.GetInt64(2)));
        var passed = buffer.Ledger.Accounts.Select(account => account.Counters.Cursor).DefaultIfEmpty().Max();
        for (var i = 0; i < ranges.Count; i++)
        {
            var rows = buffer.Connection.Rows(
                $"""
                SELECT {SampleRows.Columns} FROM samples
                WHERE seq BETWEEN $from AND $to AND ts <> 0 AND seq <= (SELECT cursor FROM devices WHERE id = device)
                ORDER BY seq LIMIT $max
                """,
                reader => (Device: reader.GetInt64(1), Row: SampleRows.Map(reader)),
                ("$from", ranges[i].From), ("$to", Math.Min(ranges[i].To, passed)), ("$max", max));
            if (rows.Count > 0)
            {
                Forget(buffer, ranges[..i].ConvertAll(range => range.Id));
                var run = rows.TakeWhile(row => row.Device == rows[0].Device).Select(row => row.Row).ToList();
                return new(buffer.Ledger.Of(rows[0].Device).Counters.DeviceId, run) { BufferId = buffer.Id, Opening = buffer.Opening };
            }
        }

        Forget(buffer, ranges.ConvertAll(range => range.Id));
        return null;
    }

    /// <summary>The oldest range goes on behind <paramref name="seq"/>.</summary>
    public static void MovePast(OpenBuffer buffer, long seq)
    {
        if (First(buffer) is var (id, from, to) && from <= seq)
        {
            buffer.Commit(() => buffer.Connection.Execute(
                seq >= to ? "DELETE FROM resends WHERE id = $id" : "UPDATE resends SET from_seq = $seq + 1 WHERE id = $id",
                ("$id", id), ("$seq", seq)));
        }
    }

    /// <summary>Nothing of them is left to send.</summary>
    private static void Forget(OpenBuffer buffer, List<long> ranges)
    {
        if (ranges.Count > 0)
        {
            buffer.Commit(() => ranges.ForEach(id => buffer.Connection.Execute("DELETE FROM resends WHERE id = $id", ("$id", id))));
        }
    }

    private static (long Id, long From, long To)? First(OpenBuffer buffer)
    {
        var first = buffer.Connection.Rows(
            "SELECT id, from_seq, to_seq FROM resends ORDER BY id LIMIT 1",
            reader => (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2)));
        return first is [var range] ? range : null;
    }
}
