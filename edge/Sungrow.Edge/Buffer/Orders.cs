using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>What an operator asks of the buffer. Beside a running daemon it is left in the file, and the daemon carries it out.</summary>
internal abstract record Order;

/// <param name="Seqs">Null: all.</param>
internal sealed record RetryDeadLetters(IReadOnlyList<long>? Seqs) : Order;

/// <param name="Seqs">Null: all.</param>
internal sealed record DropDeadLetters(IReadOnlyList<long>? Seqs) : Order;

internal sealed record ReleaseBrake : Order;

/// <summary>Sends the kept rows of a time once more.</summary>
internal sealed record Replay(DateTimeOffset From, DateTimeOffset To) : Order;

internal abstract record OrderOutcome;

/// <param name="Rows">How many it was about.</param>
internal sealed record Done(long Rows) : OrderOutcome;

/// <summary>A daemon runs and carries it out within seconds.</summary>
internal sealed record Left : OrderOutcome;

/// <summary>Rows from a number to a number.</summary>
/// <param name="Rows">How many there are, where that was counted.</param>
internal readonly record struct SeqRange(long From, long To, long Rows);

/// <summary>Orders in the file, and what they do.</summary>
internal static class Orders
{
    private const string Retry = "retry";
    private const string Drop = "drop";
    private const string Release = "release";
    private const string ReplayTime = "replay";

    /// <summary>For a daemon to take.</summary>
    /// <param name="rows">Of a replay: found by the command, so that the daemon need not search while it polls.</param>
    public static void Leave(SqliteConnection connection, Order order, SeqRange? rows)
    {
        (string Kind, IReadOnlyList<long>? Seqs, long? From, long? To) left = order switch
        {
            RetryDeadLetters retry => (Retry, retry.Seqs, null, null),
            DropDeadLetters drop => (Drop, drop.Seqs, null, null),
            ReleaseBrake => (Release, null, null, null),
            Replay replay => (ReplayTime, rows is { } range ? [range.From, range.To] : [], Microseconds.From(replay.From), Microseconds.From(replay.To)),
            _ => throw new ArgumentOutOfRangeException(nameof(order)),
        };
        connection.Execute(
            "INSERT INTO orders (kind, seqs, from_ts, to_ts) VALUES ($kind, $seqs, $from, $to)",
            ("$kind", left.Kind),
            ("$seqs", left.Seqs is null ? null : string.Join(',', left.Seqs)),
            ("$from", left.From),
            ("$to", left.To));
    }

    /// <summary>Carries out what was left, each order in a transaction of its own.</summary>
    public static List<Order> Take(OpenBuffer buffer)
    {
        List<Order> taken = [];
        foreach (var (id, order, rows) in buffer.Connection.Rows(
            "SELECT id, kind, seqs, from_ts, to_ts FROM orders ORDER BY id", reader => (reader.GetInt64(0), Map(reader), RangeOf(reader))))
        {
            buffer.Commit(() =>
            {
                if (order is not null)
                {
                    CarryOut(buffer, order, rows);
                }

                buffer.Connection.Execute("DELETE FROM orders WHERE id = $id", ("$id", id));
            });
            if (order is not null)
            {
                taken.Add(order);
            }
        }

        return taken;
    }

    /// <summary>Within a transaction.</summary>
    /// <param name="rows">Of a replay.</param>
    /// <returns>How many rows it was about.</returns>
    public static long CarryOut(OpenBuffer buffer, Order order, SeqRange? rows)
    {
        switch (order)
        {
            case RetryDeadLetters retry:
                return SetAside.Retry(buffer, retry.Seqs);
            case DropDeadLetters drop:
                return SetAside.Drop(buffer, drop.Seqs);
            case ReleaseBrake:
                return buffer.Connection.Execute("UPDATE buffer SET brake = NULL WHERE brake IS NOT NULL");
            case Replay:
                if (rows is { } range)
                {
                    Resends.Insert(buffer, range.From, range.To);
                }

                return rows?.Rows ?? 0;
            default:
                throw new ArgumentOutOfRangeException(nameof(order));
        }
    }

    /// <summary>The kept rows that a replay is about: reads the whole file.</summary>
    public static SeqRange? Find(SqliteConnection connection, Order order) => order is not Replay replay ? null : connection.Rows(
        "SELECT min(seq), max(seq), count(*) FROM samples WHERE ts >= $from AND ts < $to",
        reader => reader.IsDBNull(0) ? (SeqRange?)null : new SeqRange(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2)),
        ("$from", Microseconds.From(replay.From)), ("$to", Microseconds.From(replay.To)))[0];

    private static SeqRange? RangeOf(SqliteDataReader reader) =>
        reader.GetString(1) == ReplayTime && Numbers(reader) is [var from, var to] ? new(from, to, 0) : null;

    private static List<long>? Numbers(SqliteDataReader reader) => reader.TextOrNull(2) is { } text
        ? [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)]
        : null;

    /// <returns>Null for a kind that a newer program left.</returns>
    private static Order? Map(SqliteDataReader reader)
    {
        var seqs = Numbers(reader);
        return reader.GetString(1) switch
        {
            Retry => new RetryDeadLetters(seqs),
            Drop => new DropDeadLetters(seqs),
            Release => new ReleaseBrake(),
            ReplayTime => new Replay(Microseconds.ToTime(reader.GetInt64(3)), Microseconds.ToTime(reader.GetInt64(4))),
            _ => null,
        };
    }
}
