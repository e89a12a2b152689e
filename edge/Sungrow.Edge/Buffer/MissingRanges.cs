using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>A range as it is written: times in microseconds.</summary>
internal readonly record struct MissingRows(long FromSeq, long ToSeq, long Rows, long? FromTs, long? ToTs, string Reason);

/// <summary>Rows that will not reach the server, as ranges to report. The server upserts by the first number, so a range keeps it.</summary>
internal static class MissingRanges
{
    // Of those that were reported; far beyond what a server may ask to hear again.
    private const int Kept = 10_000;

    private const string Columns = "id, device, from_seq, to_seq, rows, from_ts, to_ts, reason";

    /// <summary>Adds rows; they lengthen the device's last range of the same reason where that ends at <paramref name="neighbour"/>.</summary>
    public static void Add(SqliteConnection connection, long device, long neighbour, MissingRows rows)
    {
        var joined = rows.Rows == 1 && ComesBack(connection, device, rows) ? 1 : connection.Execute(
            """
            UPDATE missing SET to_seq = $to_seq, rows = rows + $rows, from_ts = coalesce(min(from_ts, $from_ts), from_ts, $from_ts),
                to_ts = coalesce(max(to_ts, $to_ts), to_ts, $to_ts), reported = 0
            WHERE id = (SELECT id FROM missing WHERE device = $device AND reason = $reason ORDER BY id DESC LIMIT 1) AND to_seq = $neighbour
            """,
            [.. Values(device, rows), ("$neighbour", neighbour)]);
        if (joined > 0)
        {
            return;
        }

        MakeWay(connection, rows.FromSeq);
        var id = (long)connection.Scalar(
            """
            INSERT INTO missing (device, from_seq, to_seq, rows, from_ts, to_ts, reason)
            VALUES ($device, $from_seq, $to_seq, $rows, $from_ts, $to_ts, $reason) RETURNING id
            """,
            Values(device, rows))!;
        connection.Execute("DELETE FROM missing WHERE id <= $old AND reported <> 0", ("$old", id - Kept));
    }

    /// <summary>One row is not missing after all: it went back to waiting, or had reached the server. An emptied range is reported so.</summary>
    /// <returns>Whether it was missing for that reason.</returns>
    public static bool TakeOut(SqliteConnection connection, long device, long seq, string reason) => connection.Execute(
        """
        UPDATE missing SET rows = rows - 1, reported = 0
        WHERE id = (SELECT id FROM missing WHERE device = $device AND reason = $reason AND $seq BETWEEN from_seq AND to_seq AND rows > 0)
        """,
        ("$device", device), ("$reason", reason), ("$seq", seq)) > 0;

    public static List<MissingRange> Unreported(SqliteConnection connection, Ledger ledger, int max) => connection.Rows(
        $"SELECT {Columns} FROM missing WHERE reported = 0 ORDER BY id LIMIT $max",
        reader => new MissingRange(
            reader.GetInt64(2),
            reader.GetInt64(3),
            reader.GetInt64(4),
            Microseconds.ToTime(reader.LongOrNull(5)),
            Microseconds.ToTime(reader.LongOrNull(6)),
            reader.GetString(7),
            ledger.Accounts.FirstOrDefault(account => account.Id == reader.GetInt64(1))?.Counters.DeviceId ?? ""),
        ("$max", max));

    /// <summary>The server knows it, unless it has changed since.</summary>
    public static void Reported(SqliteConnection connection, MissingRange range, long now) => connection.Execute(
        """
        DELETE FROM missing WHERE reported = 0 AND from_seq = $from_seq AND rows = $rows AND rows = 0;
        UPDATE missing SET reported = $now WHERE reported = 0 AND from_seq = $from_seq AND to_seq = $to_seq AND rows = $rows;
        """,
        ("$from_seq", range.FromSeq), ("$to_seq", range.ToSeq), ("$rows", range.Rows), ("$now", now));

    /// <summary>What was reported since then, whatever time it is of, is reported again.</summary>
    public static void Repeat(SqliteConnection connection, long since) =>
        connection.Execute("UPDATE missing SET reported = 0 WHERE reported >= $since AND reported <> 0", ("$since", since));

    /// <summary>A row that had been taken out of its range is missing again, for the same reason.</summary>
    private static bool ComesBack(SqliteConnection connection, long device, MissingRows row) => connection.Execute(
        """
        UPDATE missing SET rows = rows + 1, reported = 0
        WHERE id = (SELECT id FROM missing WHERE device = $device AND reason = $reason AND $seq BETWEEN from_seq AND to_seq
            AND rows < to_seq - from_seq + 1)
        """,
        ("$device", device), ("$reason", row.Reason), ("$seq", row.FromSeq)) > 0;

    /// <summary>The server knows a range by its first number: one whose first row was taken out, and is missing for another reason now,
    /// begins further on from here.</summary>
    private static void MakeWay(SqliteConnection connection, long fromSeq)
    {
        if (connection.Number("SELECT id FROM missing WHERE from_seq = $from", ("$from", fromSeq)) is not { } id)
        {
            return;
        }

        var next = fromSeq + 1;
        while (connection.Number("SELECT id FROM missing WHERE from_seq = $next", ("$next", next)) is not null)
        {
            next++;
        }

        connection.Execute(
            """
            DELETE FROM missing WHERE id = $id AND (to_seq < $next OR rows = 0);
            UPDATE missing SET from_seq = $next, reported = 0 WHERE id = $id;
            """,
            ("$id", id), ("$next", next));
    }

    private static (string, object?)[] Values(long device, MissingRows rows) =>
    [
        ("$device", device),
        ("$from_seq", rows.FromSeq),
        ("$to_seq", rows.ToSeq),
        ("$rows", rows.Rows),
        ("$from_ts", rows.FromTs),
        ("$to_ts", rows.ToTs),
        ("$reason", rows.Reason),
    ];
}
