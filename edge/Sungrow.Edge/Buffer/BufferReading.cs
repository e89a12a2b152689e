using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>What the buffer says of itself, for the daemon and for commands beside it.</summary>
internal static class BufferReading
{
    // A long read transaction would keep the log from being reset: an export reads in steps.
    private const int Step = 1_000;

    public static BufferState State(SqliteConnection connection, Ledger ledger)
    {
        var (id, replaces, brake) = connection.Rows(
            "SELECT buffer_id, replaces, salvaged, lost, replacement_reported, brake, brake_since FROM buffer",
            reader => (
                Guid.Parse(reader.GetString(0)),
                reader.IsDBNull(1) || reader.GetInt64(4) != 0
                    ? null
                    : new Replacement(Guid.Parse(reader.GetString(1)), reader.GetInt64(2), reader.GetInt64(3)),
                reader.IsDBNull(5) ? null : new Brake(reader.GetString(5), Microseconds.ToTime(reader.GetInt64(6)))))[0];
        var pageBytes = connection.Number("PRAGMA page_size")!.Value;
        var pages = connection.Number("PRAGMA page_count")!.Value;
        var log = new FileInfo(connection.DataSource + "-wal");
        return new(
            id,
            replaces,
            [.. ledger.Accounts.Select(account => account.Counters)],
            ledger.Accounts.Select(account => End(connection, account, "ASC")).Min(),
            ledger.Accounts.Select(account => End(connection, account, "DESC")).Max(),
            ledger.NewestTs,
            ledger.Accounts.Sum(account => account.Untimed),
            (pages * pageBytes) + (log.Exists ? log.Length : 0),
            (pages - connection.Number("PRAGMA freelist_count")!.Value) * pageBytes,
            brake);
    }

    public static IEnumerable<DeadLetterRow> DeadLetters(string path) => InSteps(path, (connection, ledger, last) => connection.Rows(
        $"SELECT {SampleRows.Columns}, code, detail, moved_at FROM dead_letters WHERE seq > $last ORDER BY seq LIMIT $step",
        reader => new DeadLetterRow(
            SampleRows.Map(reader),
            ledger.Of(reader.GetInt64(1)).Counters.DeviceId,
            reader.GetString(14),
            reader.GetString(15),
            Microseconds.ToTime(reader.GetInt64(16))),
        ("$last", last), ("$step", Step)), row => row.Sample.Seq);

    /// <summary>Every row that the file has of a time, in the order of their numbers.</summary>
    public static IEnumerable<ExportRow> Samples(string path, DateTimeOffset from, DateTimeOffset to) => InSteps(
        path,
        (connection, ledger, last) => connection.Rows(
            $"""
            SELECT {SampleRows.Columns}, NULL AS place FROM samples WHERE seq > $last AND ts >= $from AND ts < $to AND ts <> 0
            UNION ALL
            SELECT {SampleRows.Columns}, 'held' FROM held WHERE seq > $last AND ts >= $from AND ts < $to
            UNION ALL
            SELECT {SampleRows.Columns}, 'dead_letter' FROM dead_letters WHERE seq > $last AND ts >= $from AND ts < $to AND ts <> 0
            ORDER BY seq LIMIT $step
            """,
            reader =>
            {
                var counters = ledger.Of(reader.GetInt64(1)).Counters;
                var row = SampleRows.Map(reader);
                return new ExportRow(counters.DeviceId, row, reader.TextOrNull(14) ?? (row.Seq <= counters.Cursor ? "sent" : "waiting"));
            },
            ("$last", last), ("$from", Microseconds.From(from)), ("$to", Microseconds.From(to)), ("$step", Step)),
        row => row.Sample.Seq);

    /// <summary>Rows that have no time: of the present boot, which may still get one, or given up with theirs.</summary>
    public static long Untimed(SqliteConnection connection, Ledger ledger) =>
        ledger.Accounts.Sum(account => account.Untimed) + connection.Number("SELECT count(*) FROM dead_letters WHERE ts = 0")!.Value;

    private static IEnumerable<T> InSteps<T>(string path, Func<SqliteConnection, Ledger, long, List<T>> read, Func<T, long> seqOf)
    {
        long last = 0;
        List<T> rows;
        do
        {
            rows = BufferFile.Read(path, connection => read(connection, new(connection), last));
            foreach (var row in rows)
            {
                yield return row;
                last = seqOf(row);
            }
        }
        while (rows.Count == Step);
    }

    /// <summary>The time of the oldest (ASC) or newest (DESC) row that waits and has one.</summary>
    private static DateTimeOffset? End(SqliteConnection connection, Account account, string order)
    {
        long?[] ends =
        [
            account.Queued <= account.Untimed ? null : connection.Number(
                $"""
                SELECT ts FROM samples WHERE seq > $cursor AND seq <= $last AND device = $device AND ts <> 0 ORDER BY seq {order} LIMIT 1
                """,
                ("$cursor", account.Counters.Cursor), ("$last", account.LastSeq), ("$device", account.Id)),
            account.Counters.Held == 0 ? null : connection.Number(
                $"SELECT ts FROM held WHERE device = $device ORDER BY seq {order} LIMIT 1", ("$device", account.Id)),
        ];
        return Microseconds.ToTime(order == "ASC" ? ends.Min() : ends.Max());
    }
}
