using Sungrow.Protocol;

namespace Sungrow.Edge.Buffer;

/// <summary>Moves of whole rows between <c>samples</c>, <c>held</c> and <c>dead_letters</c>; the caller keeps the ledger.</summary>
internal static class SetAside
{
    // A server's detail may be long; an operator reads a line.
    private const int LongestDetail = 500;

    // The uplink puts off for hours.
    private static readonly TimeSpan LongestHold = TimeSpan.FromDays(1);

    /// <param name="from">The table where it is.</param>
    public static void DeadLetter(OpenBuffer buffer, string from, long seq, DeadLetter why)
    {
        buffer.Connection.Execute(
            $"""
            INSERT INTO dead_letters ({SampleRows.Columns}, code, detail, moved_at)
            SELECT {SampleRows.Columns}, $code, $detail, $now FROM {from} WHERE seq = $seq;
            DELETE FROM {from} WHERE seq = $seq;
            """,
            ("$seq", seq),
            ("$code", why.Code),
            ("$detail", why.Detail.Length > LongestDetail ? why.Detail[..LongestDetail] : why.Detail),
            ("$now", Microseconds.From(buffer.Now)));
        var (device, ts) = buffer.Connection.Rows(
            "SELECT device, ts FROM dead_letters WHERE seq = $seq", reader => (reader.GetInt64(0), reader.GetInt64(1)), ("$seq", seq))[0];
        long? time = ts == 0 || why.Code == Times.WasWrong ? null : ts;
        MissingRanges.Add(buffer.Connection, device, seq - 1, new(seq, seq, 1, time, time, MissingReasons.DeadLettered));
    }

    public static void Hold(OpenBuffer buffer, long seq, Hold why) => buffer.Connection.Execute(
        $"""
        INSERT INTO held ({SampleRows.Columns}, code, retry_at)
        SELECT {SampleRows.Columns}, $code, $retry_at FROM samples WHERE seq = $seq;
        DELETE FROM samples WHERE seq = $seq;
        """,
        ("$seq", seq), ("$code", why.Code), ("$retry_at", Microseconds.From(why.RetryAt)));

    public static void HoldLonger(OpenBuffer buffer, long seq, Hold why) => buffer.Connection.Execute(
        "UPDATE held SET code = $code, retry_at = $retry_at WHERE seq = $seq",
        ("$seq", seq), ("$code", why.Code), ("$retry_at", Microseconds.From(why.RetryAt)));

    /// <summary>A held row was stored: it is kept among the sent ones, in its old place.</summary>
    public static void Release(OpenBuffer buffer, long seq) => buffer.Connection.Execute(
        $"""
        INSERT INTO samples ({SampleRows.Columns}) SELECT {SampleRows.Columns} FROM held WHERE seq = $seq;
        DELETE FROM held WHERE seq = $seq;
        """,
        ("$seq", seq));

    public static bool IsHeld(OpenBuffer buffer, long seq) =>
        buffer.Connection.Number("SELECT seq FROM held WHERE seq = $seq", ("$seq", seq)) is not null;

    /// <summary>The held row that has been due for longest. One put off for longer than anything is was put off by a wrong clock.</summary>
    public static BufferedBatch? PeekHeld(OpenBuffer buffer, DateTimeOffset now)
    {
        if (buffer.Ledger.Accounts.All(account => account.Counters.Held == 0))
        {
            return null;
        }

        var due = buffer.Connection.Rows(
            $"SELECT {SampleRows.Columns} FROM held WHERE retry_at <= $now OR retry_at > $never ORDER BY retry_at, seq LIMIT 1",
            reader => new BufferedBatch(buffer.Ledger.Of(reader.GetInt64(1)).Counters.DeviceId, [SampleRows.Map(reader)])
            {
                BufferId = buffer.Id,
                Opening = buffer.Opening,
            },
            ("$now", Microseconds.From(now)), ("$never", Microseconds.From(now + LongestHold)));
        return due is [var batch] ? batch : null;
    }

    /// <summary>Dead letters go back to waiting, as held rows due now. Those without a time stay: the server would refuse them again.</summary>
    /// <param name="seqs">Null: all.</param>
    public static long Retry(OpenBuffer buffer, IReadOnlyList<long>? seqs)
    {
        var rows = Find(buffer, seqs).Where(row => row.Ts != 0).ToList();
        foreach (var (seq, device, _) in rows)
        {
            buffer.Connection.Execute(
                $"""
                INSERT INTO held ({SampleRows.Columns}, code, retry_at)
                SELECT {SampleRows.Columns}, code, 0 FROM dead_letters WHERE seq = $seq;
                DELETE FROM dead_letters WHERE seq = $seq;
                """,
                ("$seq", seq));
            MissingRanges.TakeOut(buffer.Connection, device, seq, MissingReasons.DeadLettered);
            var account = buffer.Ledger.Of(device);
            buffer.Ledger.Set(account, account.Counters with
            {
                DeadLettered = account.Counters.DeadLettered - 1,
                Held = account.Counters.Held + 1,
            });
        }

        return rows.Count;
    }

    /// <summary>Forgets what dead letters held; they stay counted.</summary>
    /// <param name="seqs">Null: all.</param>
    public static long Drop(OpenBuffer buffer, IReadOnlyList<long>? seqs)
    {
        var rows = Find(buffer, seqs);
        foreach (var (seq, _, _) in rows)
        {
            buffer.Connection.Execute("DELETE FROM dead_letters WHERE seq = $seq", ("$seq", seq));
        }

        return rows.Count;
    }

    private static List<(long Seq, long Device, long Ts)> Find(OpenBuffer buffer, IReadOnlyList<long>? seqs)
    {
        const string select = "SELECT seq, device, ts FROM dead_letters";
        return seqs is null
            ? buffer.Connection.Rows($"{select} ORDER BY seq", Map)
            : [.. seqs.Distinct().Order().SelectMany(seq => buffer.Connection.Rows($"{select} WHERE seq = $seq", Map, ("$seq", seq)))];

        static (long, long, long) Map(Microsoft.Data.Sqlite.SqliteDataReader reader) =>
            (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
    }
}
