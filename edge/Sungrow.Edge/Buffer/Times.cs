using Sungrow.Protocol;

namespace Sungrow.Edge.Buffer;

/// <summary>Rows that were appended before the clock was trusted: they have a boot and a time since it.</summary>
internal static class Times
{
    /// <summary>The code of dead letters whose time is known to be wrong, and can be put right by nothing.</summary>
    public const string WasWrong = "CLOCK_WAS_WRONG";

    private const string NeverTrusted = "CLOCK_NEVER_TRUSTED";

    // In one transaction.
    private const int AtOnce = 1_000;

    /// <summary>Every untimed row of this boot gets its time.</summary>
    /// <returns>How many.</returns>
    public static long Assign(OpenBuffer buffer, DateTimeOffset bootedAt, int epochMicroseconds)
    {
        var untimed = buffer.Ledger.Accounts.Where(account => account.Untimed > 0).ToList();
        if (untimed.Count == 0)
        {
            return 0;
        }

        long assigned = 0;
        buffer.Commit(() =>
        {
            assigned = buffer.Connection.Execute(
                """
                UPDATE samples SET ts = ($booted_at + monotonic * 1000) / 1000 * 1000 + $epoch
                WHERE seq >= $from AND ts = 0 AND boot = $boot
                """,
                ("$booted_at", Microseconds.From(bootedAt)),
                ("$epoch", epochMicroseconds % 1000),
                ("$from", untimed.Min(account => account.UntimedFrom)),
                ("$boot", buffer.Boot));
            foreach (var account in untimed)
            {
                var newest = buffer.Connection.Number("SELECT ts FROM samples WHERE seq = $seq", ("$seq", account.LastSeq));
                buffer.Ledger.Set(account with { Untimed = 0, UntimedFrom = 0, NewestTs = newest ?? account.NewestTs });
            }
        });
        return assigned;
    }

    /// <summary>Waiting and held rows of this boot that lie ahead of <paramref name="after"/> were stamped by a clock that was wrong: boot and
    /// uptime say when they were polled.</summary>
    /// <returns>How many.</returns>
    public static long Retime(OpenBuffer buffer, DateTimeOffset bootedAt, int epochMicroseconds, DateTimeOffset after)
    {
        long retimed = 0;
        var first = FirstOfBoot(buffer);
        buffer.Commit(() =>
        {
            foreach (var account in buffer.Ledger.Accounts.Where(account => account.Counters.Waiting > 0).ToList())
            {
                retimed += Retime("samples", "seq > $cursor AND seq >= $first", account);
                retimed += Retime("held", "seq <= $cursor", account);
                var newest = buffer.Connection.Number("SELECT ts FROM samples WHERE seq = $seq", ("$seq", account.LastSeq));
                buffer.Ledger.Set(account with { NewestTs = newest ?? account.NewestTs });
            }
        });
        return retimed;

        int Retime(string table, string waits, Account account) => buffer.Connection.Execute(
            $"""
            UPDATE {table} SET ts = ($booted_at + monotonic * 1000) / 1000 * 1000 + $epoch{(table == "held" ? ", retry_at = 0" : "")}
            WHERE {waits} AND device = $device AND boot = $boot AND ts > $after
            """,
            ("$booted_at", Microseconds.From(bootedAt)),
            ("$epoch", epochMicroseconds % 1000),
            ("$cursor", account.Counters.Cursor),
            ("$first", first),
            ("$device", account.Id),
            ("$boot", buffer.Boot),
            ("$after", Microseconds.From(after)));
    }

    /// <summary>Rows of an earlier boot that never knew the time become dead letters: what they would be given is a guess.</summary>
    public static void GiveUpOnEarlierBoots(OpenBuffer buffer)
    {
        foreach (var account in buffer.Ledger.Accounts.Where(account => account.Untimed > 0).ToList())
        {
            buffer.Commit(() =>
            {
                var never = buffer.Connection.Rows(
                    "SELECT seq FROM samples WHERE seq >= $from AND device = $device AND ts = 0 AND boot <> $boot ORDER BY seq",
                    reader => reader.GetInt64(0),
                    ("$from", account.UntimedFrom), ("$device", account.Id), ("$boot", buffer.Boot));
                foreach (var seq in never)
                {
                    SetAside.DeadLetter(buffer, "samples", seq, new(NeverTrusted, "The clock was not trusted before the machine went down."));
                }

                var first = buffer.Connection.Number(
                    "SELECT min(seq) FROM samples WHERE seq >= $from AND device = $device AND ts = 0",
                    ("$from", account.UntimedFrom), ("$device", account.Id));
                buffer.Ledger.Set(account with
                {
                    Counters = account.Counters with { DeadLettered = account.Counters.DeadLettered + never.Count },
                    Untimed = account.Untimed - never.Count,
                    UntimedFrom = first ?? 0,
                });
            });
        }
    }

    /// <summary>Rows of an earlier boot that lie ahead of <paramref name="after"/>, and that the server has refused for it, become dead letters:
    /// the uptimes of a boot that is over say nothing any more.</summary>
    /// <returns>How many.</returns>
    public static int GiveUpOnWrongClock(OpenBuffer buffer, DateTimeOffset after)
    {
        if (buffer.Ledger.Accounts.All(account => account.Counters.Held == 0))
        {
            return 0;
        }

        var wrong = buffer.Connection.Rows(
            "SELECT seq, device FROM held WHERE boot <> $boot AND ts > $after AND code = $code ORDER BY seq LIMIT $most",
            reader => (Seq: reader.GetInt64(0), Device: reader.GetInt64(1)),
            ("$boot", buffer.Boot), ("$after", Microseconds.From(after)), ("$code", ErrorCodes.TimestampInFuture), ("$most", AtOnce));
        if (wrong.Count > 0)
        {
            buffer.Commit(() =>
            {
                foreach (var (seq, device) in wrong)
                {
                    SetAside.DeadLetter(buffer, "held", seq, new(WasWrong, "Stamped ahead by a clock that was put right after the machine went down."));
                    var account = buffer.Ledger.Of(device);
                    var counters = account.Counters;
                    buffer.Ledger.Set(account, counters with { Held = counters.Held - 1, DeadLettered = counters.DeadLettered + 1 });
                }
            });
        }

        return wrong.Count;
    }

    /// <summary>No row before this one is of the present boot: numbers of rows and of boots only grow, so a few looks find it.</summary>
    private static long FirstOfBoot(OpenBuffer buffer)
    {
        var (before, first) = (0L, buffer.Ledger.LastSeq + 1);
        while (before + 1 < first)
        {
            var middle = before + ((first - before) / 2);
            var boot = buffer.Connection.Number("SELECT boot FROM samples WHERE seq >= $middle ORDER BY seq LIMIT 1", ("$middle", middle));
            (before, first) = boot is null || boot >= buffer.Boot ? (before, middle) : (middle, first);
        }

        return first;
    }
}
