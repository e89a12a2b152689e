using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sungrow.Edge.Buffer;

/// <summary>An opened file and what is kept in memory of it. Whoever calls holds the buffer's lock.</summary>
internal sealed class OpenBuffer : IDisposable
{
    // Sent rows that go when the disk is full: half a day of them, a few pages.
    private const int AtOnce = 4096;

    private static int _openings;

    private readonly TimeProvider _time;
    private readonly DiskReserve _reserve;
    private readonly Trim _trim;
    private readonly bool _seesMoves;

    public OpenBuffer(SqliteConnection connection, string path, string bootId, BufferOptions options, TimeProvider time)
    {
        _time = time;
        Connection = connection;
        Id = Guid.Parse((string)connection.Scalar("SELECT buffer_id FROM buffer")!);
        Ledger = new(connection);
        if (connection.Number("SELECT max(seq) FROM samples") > Ledger.LastSeq)
        {
            throw Sql.Damage("a row that the ledger does not know");
        }

        Boot = (long)connection.Scalar(
            """
            INSERT INTO boots (boot_id) VALUES ($boot) ON CONFLICT (boot_id) DO NOTHING;
            SELECT id FROM boots WHERE boot_id = $boot;
            """,
            ("$boot", bootId))!;
        _reserve = new(path);
        _trim = new(this, path, options, _reserve);
        // Some network file systems give a file a new number at any time: there it cannot be told.
        _seesMoves = !NativeSqlite.HasMoved(connection.Handle!);
        Times.GiveUpOnEarlierBoots(this);
    }

    public SqliteConnection Connection { get; }

    /// <summary>Made with the file; with <c>seq</c> it names a row for ever.</summary>
    public Guid Id { get; }

    public int Opening { get; } = Interlocked.Increment(ref _openings);

    /// <summary>Stands for the machine's current boot in each row.</summary>
    public long Boot { get; }

    public Ledger Ledger { get; }

    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Deleted, moved away, or another was put in its place.</summary>
    public bool HasMoved => _seesMoves && NativeSqlite.HasMoved(Connection.Handle!);

    /// <returns>The row's number.</returns>
    public long Append(NewSample sample)
    {
        try
        {
            return AppendOnce(sample);
        }
        catch (SqliteException full) when (full.SqliteErrorCode == raw.SQLITE_FULL)
        {
            _reserve.Release();
            // The log can be written again from its start, where it has its place on the disk, and sent rows make room in the file.
            Connection.Execute("PRAGMA wal_checkpoint(RESTART)");
            Commit(() => _trim.TrimSent(AtOnce, long.MaxValue));
            return AppendOnce(sample);
        }
    }

    /// <summary>The oldest rows behind the device's cursor, up to the first that has no time yet.</summary>
    public BufferedBatch? Peek(string deviceId, int max)
    {
        if (Ledger.Find(deviceId) is not { Queued: > 0 } account)
        {
            return null;
        }

        var rows = SampleRows.Oldest(Connection, account.Id, account.Counters.Cursor, account.Before, max);
        if (rows.Count == 0)
        {
            return null;
        }

        // Rows of other devices may lie between: nobody needs to search there again.
        Ledger.Set(account, account.Counters with { Cursor = rows[0].Seq - 1 });
        return new(deviceId, rows) { BufferId = Id, Opening = Opening };
    }

    /// <summary>The newest timed rows behind the device's cursor.</summary>
    public BufferedBatch? PeekNewest(string deviceId, long afterSeq, int max) =>
        Ledger.Find(deviceId) is { Queued: > 0 } account
            && SampleRows.Newest(Connection, account.Id, Math.Max(afterSeq, account.Counters.Cursor), account.LastSeq, max) is { Count: > 0 } rows
                ? new(deviceId, rows) { BufferId = Id, Opening = Opening }
                : null;

    /// <summary>One transaction: <paramref name="work"/> and every cursor that has moved. Nothing of it holds when this throws.</summary>
    public void Commit(Action work)
    {
        var before = Ledger.Snapshot();
        Connection.Execute("BEGIN IMMEDIATE");
        try
        {
            work();
            Ledger.Write();
            Connection.Execute("COMMIT");
        }
        catch
        {
            Ledger.Restore(before);
            _trim.Forget();

            // A full or failing disk may have ended the transaction already, and a second end would be an error of its own: this is why
            // the statements stand here in place of SqliteTransaction, which is stuck for good after such a COMMIT.
            if (raw.sqlite3_get_autocommit(Connection.Handle) == 0)
            {
                Connection.Execute("ROLLBACK");
            }

            throw;
        }

        Ledger.Written();
    }

    /// <summary>A row came back among the sent ones.</summary>
    public void WasReleased(long device, long seq) => _trim.Reconsider(device, seq);

    public void Dispose() => Connection.Dispose();

    private long AppendOnce(NewSample sample)
    {
        // A time that no clock of ours can have is none.
        sample = sample.Ts is { } stamped && !SampleRows.IsTime(Microseconds.From(stamped)) ? sample with { Ts = null } : sample;
        long seq = 0;
        Commit(() =>
        {
            _trim.BeforeAppend();
            var account = Ledger.Open(sample.DeviceId);
            seq = Ledger.LastSeq + 1;
            SampleRows.Insert(Connection, seq, sample, account.Id, Boot);
            var counters = account.Counters with
            {
                Committed = account.Counters.Committed + 1,
                // Where nothing waits all before it is answered for, and nobody needs to search there.
                Cursor = account.Queued == 0 ? seq - 1 : account.Counters.Cursor,
            };
            Ledger.Set(sample.Ts is { } ts
                ? account with { Counters = counters, LastSeq = seq, NewestTs = Microseconds.From(ts) }
                : account with
                {
                    Counters = counters,
                    LastSeq = seq,
                    Untimed = account.Untimed + 1,
                    UntimedFrom = account.UntimedFrom == 0 ? seq : account.UntimedFrom,
                });
        });
        return seq;
    }
}
