using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>Times in which nothing was sampled, as polling sees them, to report.</summary>
internal static class Gaps
{
    // Of those that were reported; far beyond what a server may ask to hear again.
    private const int Kept = 10_000;

    private const string Columns = "id, from_ts, to_ts, reason, missed";

    public static Gap Open(SqliteConnection connection, DateTimeOffset from, string reason, long missed)
    {
        var id = (long)connection.Scalar(
            "INSERT INTO gaps (from_ts, reason, missed) VALUES ($from, $reason, $missed) RETURNING id",
            ("$from", Microseconds.From(from)), ("$reason", reason), ("$missed", missed))!;
        connection.Execute("DELETE FROM gaps WHERE id <= $old AND reported <> 0", ("$old", id - Kept));
        return new(id, from, null, reason, missed);
    }

    public static void Update(SqliteConnection connection, long id, DateTimeOffset? to, long missed) => connection.Execute(
        "UPDATE gaps SET to_ts = $to, missed = $missed, reported = 0 WHERE id = $id",
        ("$id", id), ("$to", to is { } end ? Microseconds.From(end) : null), ("$missed", missed));

    public static List<Gap> StillOpen(SqliteConnection connection) =>
        connection.Rows($"SELECT {Columns} FROM gaps WHERE to_ts IS NULL ORDER BY id", Map);

    public static List<Gap> Unreported(SqliteConnection connection, int max) =>
        connection.Rows($"SELECT {Columns} FROM gaps WHERE reported = 0 ORDER BY id LIMIT $max", Map, ("$max", max));

    /// <summary>The server knows it, unless it is still open or has changed since.</summary>
    public static void Reported(SqliteConnection connection, Gap gap, long now) => connection.Execute(
        "UPDATE gaps SET reported = $now WHERE id = $id AND to_ts IS NOT NULL AND to_ts = $to AND missed = $missed",
        ("$id", gap.Id), ("$to", gap.To is { } end ? Microseconds.From(end) : null), ("$missed", gap.Missed), ("$now", now));

    /// <summary>What was reported since then, whatever time it is of, is reported again.</summary>
    public static void Repeat(SqliteConnection connection, long since) =>
        connection.Execute("UPDATE gaps SET reported = 0 WHERE reported >= $since AND reported <> 0", ("$since", since));

    private static Gap Map(SqliteDataReader reader) => new(
        reader.GetInt64(0),
        Microseconds.ToTime(reader.GetInt64(1)),
        Microseconds.ToTime(reader.LongOrNull(2)),
        reader.GetString(3),
        reader.GetInt64(4));
}
