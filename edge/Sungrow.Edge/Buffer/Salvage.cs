using System.Buffers.Binary;
using Microsoft.Data.Sqlite;
using Sungrow.Protocol;

namespace Sungrow.Edge.Buffer;

/// <summary>A new file with a new <c>buffer_id</c> and new numbers, and in it what can be read of a damaged one: rows that wait, dead letters,
/// gaps, unreported ranges. What waited and cannot be read gets numbers too, as a missing range. Sent rows stay behind in the damaged
/// file. Made beside it under another name and complete only with its one transaction, so that a kill in between loses nothing.</summary>
internal static class Salvage
{
    private const string Suffix = ".salvage";

    private const int Kept = 3;

    private static readonly string[] Common = [.. SampleRows.Columns.Split(',').Select(column => column.Trim())];

    /// <summary>Reads the file at <paramref name="path"/>, which is no longer open.</summary>
    /// <param name="oldId">The file's, where it cannot say so itself.</param>
    /// <returns>What the new file replaces.</returns>
    public static Replacement Rebuild(string path, Guid oldId)
    {
        if (!File.Exists(path))
        {
            return StartOver(path, oldId);
        }

        try
        {
            return BufferFile.OpenDamaged(path, source => Rebuild(source, path, oldId));
        }
        catch (Exception damage) when (DamagedTable.IsDamage(damage))
        {
            // Its first page says where everything is, and is the same in each file but for what can be left out.
            Repair(path);
        }

        try
        {
            return BufferFile.OpenDamaged(path, source => Rebuild(source, path, oldId));
        }
        catch (Exception damage) when (DamagedTable.IsDamage(damage))
        {
            return StartOver(path, oldId);
        }
    }

    /// <param name="source">Of the file, which may be gone from its folder.</param>
    public static Replacement Rebuild(SqliteConnection source, string path, Guid oldId)
    {
        Delete(path + Suffix);
        DamagedBuffer damaged = new(source);
        oldId = Guid.TryParse(damaged.Buffer<string>("buffer_id"), out var id) ? id : oldId;
        return BufferFile.OpenForWriting(path + Suffix, target =>
        {
            using (target)
            {
                // One transaction of any length without a log of the same length: all its pages are new.
                target.Execute("PRAGMA journal_mode = DELETE");
                target.Execute("BEGIN IMMEDIATE");
                var replacement = Copy(damaged, target, oldId);
                target.Execute("COMMIT");
                return replacement;
            }
        });
    }

    /// <summary>An empty file in the place of one of which nothing is left, or for whose rows there is no room.</summary>
    public static Replacement StartOver(string path, Guid oldId)
    {
        Delete(path + Suffix);
        return BufferFile.OpenForWriting(path + Suffix, target =>
        {
            using (target)
            {
                target.Execute("PRAGMA journal_mode = DELETE");
                Replacement replacement = new(oldId, 0, 0);
                Mark(target, replacement);
                return replacement;
            }
        });
    }

    /// <summary>Puts the new file in its place, and what is there aside.</summary>
    /// <returns>The name of what was put aside; null where there was nothing.</returns>
    public static string? PutInPlace(string path, DateTimeOffset now)
    {
        string? aside = null;
        if (File.Exists(path))
        {
            aside = Enumerable.Range(0, int.MaxValue)
                .Select(n => $"{path}.corrupt-{now.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}{(n == 0 ? "" : $"-{n}")}")
                .First(name => !File.Exists(name));
            File.Move(path, aside);
        }

        if (File.Exists(path + "-wal"))
        {
            // Never beside the new file: its pages would be taken for that one's.
            File.Move(path + "-wal", (aside ?? path + ".corrupt") + "-wal", overwrite: true);
        }

        File.Delete(path + "-shm");
        File.Move(path + Suffix, path);
        return aside;
    }

    /// <summary>Of the files put aside only the newest stay: a card that breaks must not fill itself.</summary>
    public static void KeepNewest(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var old = Directory.GetFiles(folder, Path.GetFileName(path) + ".corrupt-*")
            .Where(file => !file.EndsWith("-wal", StringComparison.Ordinal))
            .OrderDescending(StringComparer.Ordinal)
            .Skip(Kept);
        foreach (var file in old)
        {
            Delete(file);
        }
    }

    /// <summary>A kill came between the two moves of <see cref="PutInPlace"/>.</summary>
    public static void Resume(string path)
    {
        if (File.Exists(path + Suffix))
        {
            if (!File.Exists(path) && !File.Exists(path + Suffix + "-journal"))
            {
                PutInPlace(path, default);
            }
            else
            {
                Delete(path + Suffix);
            }
        }
    }

    /// <summary>Writes a good first page over a bad one: that of a new file, without the list of free pages.</summary>
    private static void Repair(string path)
    {
        const int PageBytes = 2048;
        Delete(path + Suffix);
        BufferFile.OpenForWriting(path + Suffix, template => template).Dispose();
        var page = File.ReadAllBytes(path + Suffix)[..PageBytes];
        using var file = File.OpenWrite(path);
        // https://www.sqlite.org/fileformat.html: pages in the file, the first free page, how many are free.
        BinaryPrimitives.WriteUInt32BigEndian(page.AsSpan(28), (uint)Math.Max(1, file.Length / PageBytes));
        page.AsSpan(32, 8).Clear();
        file.Write(page);
        file.Flush(flushToDisk: true);
    }

    private static Replacement Copy(DamagedBuffer damaged, SqliteConnection target, Guid oldId)
    {
        foreach (var (device, name) in damaged.Names)
        {
            target.Execute("INSERT INTO devices (id, device_id) VALUES ($id, $name)", ("$id", device), ("$name", name));
        }

        CopyAsItIs(damaged, target, "boots", "id, boot_id");
        CopyAsItIs(damaged, target, "gaps", "id, from_ts, to_ts, reason, missed, reported");
        target.Execute(
            "UPDATE buffer SET clock_epoch = $epoch, brake = $brake, brake_since = $since",
            ("$epoch", damaged.BufferNumber("clock_epoch")),
            ("$brake", damaged.Buffer<string>("brake")),
            ("$since", damaged.BufferNumber("brake_since")));

        Tally tally = new(target);
        foreach (var row in damaged.SetAside("dead_letters", "code, detail, moved_at"))
        {
            tally.Add(row, "dead_letters", [.. Common, "code", "detail", "moved_at"]);
        }

        foreach (var row in damaged.SetAside("held", "code, retry_at"))
        {
            tally.Add(row, "held", [.. Common, "code", "retry_at"]);
        }

        foreach (var row in damaged.Waiting())
        {
            tally.Add(row, "samples", Common);
        }

        tally.WriteAccounts();
        var lost = damaged.Accounts.Count == 0
            ? tally.AddMissing(damaged.Names.Keys.FirstOrDefault(), damaged.Skipped)
            : damaged.Accounts.Values.Sum(account => tally.AddMissing(account.Id, account.Counters.Waiting - tally.WaitingOf(account.Id)));
        foreach (var range in damaged.Small("missing", "device, rows, from_ts, to_ts, reason, reported").Where(range => range[5] is 0L && range[1] is > 0L))
        {
            tally.AddMissing((long)range[0], (long)range[1], range[2] as long?, range[3] as long?, (string)range[4]);
        }

        tally.WriteSequence();
        Replacement replacement = new(oldId, tally.Salvaged, lost);
        Mark(target, replacement);
        return replacement;
    }

    private static void CopyAsItIs(DamagedBuffer damaged, SqliteConnection target, string table, string columns)
    {
        var names = columns.Split(", ");
        foreach (var values in damaged.Small(table, columns))
        {
            Insert(target, table, names, values);
        }
    }

    private static void Mark(SqliteConnection target, Replacement replacement) => target.Execute(
        "UPDATE buffer SET replaces = $id, salvaged = $salvaged, lost = $lost",
        ("$id", replacement.BufferId.ToString()), ("$salvaged", replacement.Salvaged), ("$lost", replacement.Lost));

    private static void Insert(SqliteConnection target, string table, string[] names, object[] values) => target.Execute(
        $"INSERT OR IGNORE INTO {table} ({string.Join(", ", names)}) VALUES ({string.Join(", ", names.Select((_, i) => $"$v{i}"))})",
        [.. values.Take(names.Length).Select((value, i) => ($"$v{i}", (object?)value))]);

    private static void Delete(string path)
    {
        foreach (var file in new[] { path, path + "-journal", path + "-wal", path + "-shm" })
        {
            File.Delete(file);
        }
    }

    /// <summary>New numbers, in the order of the old ones within each table: those set aside first, as the cursor has passed them.</summary>
    private sealed class Tally(SqliteConnection target)
    {
        private readonly Dictionary<long, (long Dead, long Held, long Queued, long Cursor, long NewestTs, long Untimed, long UntimedFrom)> _devices = [];
        private readonly Dictionary<string, SqliteCommand> _inserts = [];
        private long _seq;

        public long Salvaged { get; private set; }

        public void Add(SalvagedRow row, string table, string[] columns)
        {
            row.Values[0] = ++_seq;
            Insert(table, columns, row.Values);
            Salvaged++;
            var device = _devices.GetValueOrDefault(row.Device);
            device = table switch
            {
                "dead_letters" => device with { Dead = device.Dead + 1, Cursor = _seq },
                "held" => device with { Held = device.Held + 1, Cursor = _seq },
                _ when row.Ts == 0 => device with
                {
                    Queued = device.Queued + 1,
                    Untimed = device.Untimed + 1,
                    UntimedFrom = device.UntimedFrom == 0 ? _seq : device.UntimedFrom,
                },
                _ => device with { Queued = device.Queued + 1, NewestTs = row.Ts },
            };
            _devices[row.Device] = device;
        }

        public long WaitingOf(long device) => _devices.GetValueOrDefault(device) is var found ? found.Held + found.Queued : 0;

        /// <returns>The rows, none if not more than 0.</returns>
        public long AddMissing(long device, long rows, long? from = null, long? to = null, string reason = MissingReasons.Corrupt)
        {
            if (rows <= 0)
            {
                return 0;
            }

            // Device 0: not even which devices there were can be read, and the range can be told to nobody.
            if (device != 0)
            {
                MissingRanges.Add(target, device, neighbour: -1, new(_seq + 1, _seq + rows, rows, from, to, reason));
            }

            _seq += rows;
            return rows;
        }

        public void WriteAccounts()
        {
            foreach (var (id, device) in _devices)
            {
                target.Execute(
                    """
                    UPDATE devices SET cursor = $cursor, committed = $committed, dead_lettered = $dead, held = $held,
                        newest_ts = $newest, untimed = $untimed, untimed_from = $untimed_from
                    WHERE id = $id
                    """,
                    ("$id", id),
                    ("$cursor", device.Cursor),
                    ("$committed", device.Dead + device.Held + device.Queued),
                    ("$dead", device.Dead),
                    ("$held", device.Held),
                    ("$newest", device.NewestTs),
                    ("$untimed", device.Untimed),
                    ("$untimed_from", device.UntimedFrom));
            }
        }

        /// <summary>Rows go on behind the last number given here, that of a row or of one that is missing.</summary>
        public void WriteSequence() => target.Execute(
            """
            DELETE FROM sqlite_sequence WHERE name = 'samples';
            INSERT INTO sqlite_sequence (name, seq) VALUES ('samples', $seq);
            UPDATE devices SET last_seq = $seq;
            """,
            ("$seq", _seq));

        // Perhaps a million rows, on a small machine: one statement for all of a table.
        private void Insert(string table, string[] columns, object[] values)
        {
            if (!_inserts.TryGetValue(table, out var insert))
            {
                insert = target.CreateCommand();
                insert.CommandText =
                    $"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES ({string.Join(", ", columns.Select((_, i) => $"$v{i}"))})";
                insert.Parameters.AddRange(columns.Select((_, i) => new SqliteParameter($"$v{i}", DBNull.Value)));
                _inserts.Add(table, insert);
            }

            for (var i = 0; i < columns.Length; i++)
            {
                insert.Parameters[i].Value = values[i];
            }

            insert.ExecuteNonQuery();
        }
    }
}
