using Sungrow.Protocol;

namespace Sungrow.Edge.Buffer;

/// <summary>Removes rows, in the transaction of an append: no fsync of its own, and its pages are taken again by the rows that follow.</summary>
internal sealed class Trim(OpenBuffer buffer, string path, BufferOptions options, DiskReserve reserve)
{
    // Old sent rows go in chunks, so that most appends touch no page but their own.
    private const int Every = 64;
    private const int Chunk = 512;

    private readonly long _pageBytes = buffer.Connection.Number("PRAGMA page_size")!.Value;
    private readonly DriveInfo _disk = new(Path.GetDirectoryName(Path.GetFullPath(path))!);

    // Per device: no sent row of it lies at or before this number.
    private readonly Dictionary<long, long> _trimmedTo = [];
    private int _appends;

    /// <summary>Called within each append's transaction, before the row.</summary>
    public void BeforeAppend()
    {
        if (Eviction.Rows(Fill(), options) is > 0 and var rows)
        {
            MakeRoom(rows);
        }

        if (_appends++ % Every == 0)
        {
            TrimSent(Chunk, Microseconds.From(Earliest()));
            reserve.Take();
        }
    }

    /// <summary>A sent row may lie before those that were trimmed.</summary>
    public void Reconsider(long device, long seq) => _trimmedTo[device] = Math.Min(TrimmedTo(device), seq - 1);

    /// <summary>The transaction was undone, and with it what was removed.</summary>
    public void Forget() => _trimmedTo.Clear();

    public Fill Fill()
    {
        var free = buffer.Connection.Number("PRAGMA freelist_count")!.Value * _pageBytes;
        var all = buffer.Connection.Number("PRAGMA page_count")!.Value * _pageBytes;
        return new(all - free, free, options.MinFreeBytes > 0 && free == 0 ? _disk.AvailableFreeSpace : long.MaxValue);
    }

    /// <returns>Rows removed.</returns>
    public int MakeRoom(int rows)
    {
        var removed = TrimSent(rows, long.MaxValue);
        removed += removed < rows ? TrimDeadLetters(rows - removed) : 0;
        return removed < rows ? removed + EvictUnsent(rows - removed) : removed;
    }

    /// <summary>Sent rows older than <paramref name="before"/>, the oldest first; never the newest row of all.</summary>
    public int TrimSent(int max, long before)
    {
        var removed = 0;
        foreach (var account in buffer.Ledger.Accounts)
        {
            var rows = buffer.Connection.Rows(
                "SELECT seq, ts FROM samples WHERE seq > $from AND seq <= $cursor AND device = $device ORDER BY seq LIMIT $max",
                reader => (Seq: reader.GetInt64(0), Ts: reader.GetInt64(1)),
                ("$from", TrimmedTo(account.Id)), ("$cursor", account.Counters.Cursor), ("$device", account.Id), ("$max", max - removed));
            var old = rows.TakeWhile(row => row.Ts < before).ToList();
            if (old.Count > 0)
            {
                removed += Delete("samples", account.Id, old[0].Seq, old[^1].Seq);
                _trimmedTo[account.Id] = old[^1].Seq;
            }
            else if (rows.Count > 0)
            {
                _trimmedTo[account.Id] = rows[0].Seq - 1;
            }
        }

        return removed;
    }

    private DateTimeOffset Earliest()
    {
        var now = buffer.Now;
        return options.KeepSent < now - DateTimeOffset.UnixEpoch ? now - options.KeepSent : DateTimeOffset.UnixEpoch;
    }

    private int TrimDeadLetters(int max) => buffer.Connection.Execute(
        "DELETE FROM dead_letters WHERE seq IN (SELECT seq FROM dead_letters ORDER BY seq LIMIT $max)", ("$max", max));

    /// <summary>The oldest waiting rows of all devices, held ones among them, become a missing range each.</summary>
    private int EvictUnsent(int max)
    {
        var oldest = buffer.Ledger.Accounts
            .Where(account => account.Counters.Waiting > 0)
            .SelectMany(account => Waiting(account, max))
            .OrderBy(row => row.Seq)
            .Take(max)
            .ToList();
        foreach (var rows in oldest.GroupBy(row => row.Device))
        {
            Evict(buffer.Ledger.Of(rows.Key), [.. rows]);
        }

        return oldest.Count;
    }

    private IEnumerable<(long Seq, long Ts, bool Held, long Device)> Waiting(Account account, int max)
    {
        var queued = buffer.Connection.Rows(
            "SELECT seq, ts FROM samples WHERE seq > $cursor AND device = $device ORDER BY seq LIMIT $max",
            reader => (reader.GetInt64(0), reader.GetInt64(1), false, account.Id),
            ("$cursor", account.Counters.Cursor), ("$device", account.Id), ("$max", max));
        return account.Counters.Held == 0 ? queued : queued.Concat(buffer.Connection.Rows(
            "SELECT seq, ts FROM held WHERE device = $device ORDER BY seq LIMIT $max",
            reader => (reader.GetInt64(0), reader.GetInt64(1), true, account.Id),
            ("$device", account.Id), ("$max", max)));
    }

    private void Evict(Account account, List<(long Seq, long Ts, bool Held, long Device)> rows)
    {
        var queued = rows.Where(row => !row.Held).ToList();
        foreach (var (seq, ts, _, _) in rows.Where(row => row.Held))
        {
            buffer.Connection.Execute("DELETE FROM held WHERE seq = $seq", ("$seq", seq));
            MissingRanges.Add(buffer.Connection, account.Id, seq - 1, new(seq, seq, 1, ts, ts, MissingReasons.Evicted));
        }

        var counters = account.Counters with
        {
            Evicted = account.Counters.Evicted + rows.Count,
            Held = account.Counters.Held - (rows.Count - queued.Count),
        };
        if (queued.Count == 0)
        {
            buffer.Ledger.Set(account, counters);
            return;
        }

        var (first, last) = (queued[0].Seq, queued[^1].Seq);
        Delete("samples", account.Id, first, last);
        var timed = queued.Where(row => row.Ts != 0).Select(row => row.Ts).ToList();
        MissingRanges.Add(
            buffer.Connection,
            account.Id,
            account.Counters.Cursor,
            new(first, last, queued.Count, timed.Count > 0 ? timed.Min() : null, timed.Count > 0 ? timed.Max() : null, MissingReasons.Evicted));
        var untimed = account.Untimed - (queued.Count - timed.Count);
        buffer.Ledger.Set(account with
        {
            Counters = counters with { Cursor = last },
            Untimed = untimed,
            UntimedFrom = untimed == 0 ? 0 : buffer.Connection.Number(
                "SELECT seq FROM samples WHERE seq > $last AND device = $device AND ts = 0 ORDER BY seq LIMIT 1",
                ("$last", last), ("$device", account.Id)) ?? 0,
        });
    }

    private int Delete(string table, long device, long first, long last) => buffer.Connection.Execute(
        $"DELETE FROM {table} WHERE seq BETWEEN $first AND $last AND device = $device",
        ("$first", first), ("$last", last), ("$device", device));

    private long TrimmedTo(long device) => _trimmedTo.GetValueOrDefault(device);
}
