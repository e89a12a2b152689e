using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SQLitePCL;

namespace Sungrow.Edge.Buffer;

/// <summary>The buffer between polling and uplink, one SQLite file.
/// Invariants: what <see cref="Append"/> returned for survives a pulled plug; a row is handed out by <see cref="Peek(string, int)"/> until
/// <see cref="Settle"/> was called for it; a lost settlement only repeats a send; per device, committed = acknowledged + waiting +
/// dead-lettered + evicted after every call. Synchronous, as SQLite is: each call is a few hundred microseconds. Safe for several threads,
/// one process at a time writes. Every call may throw <see cref="BufferUnavailableException"/>: nothing of it holds then, and a later call
/// finds the way back by itself.</summary>
internal sealed class SampleBuffer : IDisposable
{
    // How often a waiting uplink looks whether a command has left an order.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Briefly = TimeSpan.FromMilliseconds(100);

    private static readonly Dictionary<long, Verdict> NoVerdicts = [];

    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly string _bootId;
    private readonly BufferOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly FileStream _lockFile;
    private readonly SemaphoreSlim _more = new(0, 1);
    private Guid _id;
    private OpenBuffer? _open;
    private long? _seenVersion;
    private volatile bool _isReplacing;
    private bool _disposed;

    private SampleBuffer(
        string path, string bootId, BufferOptions options, TimeProvider time, ILogger logger, FileStream lockFile)
    {
        _path = path;
        _bootId = bootId;
        _options = options;
        _time = time;
        _logger = logger;
        _lockFile = lockFile;
        _id = Reopen().Id;
    }

    /// <summary>Made with the file; with <c>seq</c> it names a row for ever. Another one after the file was salvaged.</summary>
    public Guid BufferId
    {
        get
        {
            lock (_gate)
            {
                return _id;
            }
        }
    }

    /// <summary>A damaged file is read over into a new one: every other call waits for that, for minutes where a million rows wait.</summary>
    public bool IsReplacing => _isReplacing;

    /// <summary>Times of new rows end in so many microseconds (mod 1000): each backward step of the clock is a new epoch.</summary>
    public int ClockEpoch => Use(open => (int)open.Connection.Number("SELECT clock_epoch FROM buffer")!.Value);

    /// <summary>The time of the newest row ever appended that has one.</summary>
    public DateTimeOffset? NewestTs => Use(open => open.Ledger.NewestTs);

    /// <summary>Dead-lettering has stopped; null: it has not.</summary>
    public Brake? Brake => Use(open => open.Connection.Rows(
        "SELECT brake, brake_since FROM buffer WHERE brake IS NOT NULL",
        reader => new Brake(reader.GetString(0), Microseconds.ToTime(reader.GetInt64(1)))) is [var brake] ? brake : null);

    /// <param name="path">The file; made where there is none.</param>
    /// <param name="bootId">Identifies the machine's current boot.</param>
    /// <exception cref="BufferUnavailableException">It cannot be opened, is not ours, or another daemon has it.</exception>
    public static SampleBuffer Open(
        string path, string bootId, BufferOptions? options = null, TimeProvider? time = null, ILogger? logger = null)
    {
        var lockFile = BufferFile.TryLock(path)
            ?? throw new BufferUnavailableException($"The buffer {path} is in use by another sungrow-edge: one daemon per buffer.");
        return Open(path, bootId, options, time, logger, lockFile);
    }

    /// <summary>The account of a buffer that a daemon may be writing.</summary>
    /// <exception cref="BufferUnavailableException">There is none, or it cannot be opened.</exception>
    public static BufferState ReadState(string path) => BufferFile.Read(path, connection => BufferReading.State(connection, new(connection)));

    /// <summary>Gaps that last.</summary>
    public static IReadOnlyList<Gap> ReadOpenGaps(string path) => BufferFile.Read(path, Gaps.StillOpen);

    /// <summary>All dead letters, in the order of their numbers; read as they are enumerated.</summary>
    public static IEnumerable<DeadLetterRow> ReadDeadLetters(string path) => BufferReading.DeadLetters(path);

    /// <summary>The rows of a time, whatever became of them, in the order of their numbers; read as they are enumerated.</summary>
    public static IEnumerable<ExportRow> ReadSamples(string path, DateTimeOffset from, DateTimeOffset to) => BufferReading.Samples(path, from, to);

    /// <summary>Carries an order out, or leaves it for the daemon that has the file.</summary>
    /// <param name="bootId">As for <c>Open</c>.</param>
    public static OrderOutcome Give(string path, string bootId, Order order)
    {
        var found = BufferFile.Read(path, connection => Orders.Find(connection, order));
        if (BufferFile.TryLock(path) is not { } lockFile)
        {
            BufferFile.WriteBeside(path, connection => Orders.Leave(connection, order, found));
            return new Left();
        }

        using var buffer = Open(path, bootId, null, null, null, lockFile);
        return new Done(buffer.Use(open =>
        {
            long rows = 0;
            open.Commit(() => rows = Orders.CarryOut(open, order, found));
            return rows;
        }));
    }

    /// <summary>Commits one sample and, in the same transaction, cursors that have moved since: one fsync.</summary>
    /// <returns>The row's number.</returns>
    public long Append(NewSample sample) => Use(open => Announce(open.Append(sample)));

    /// <summary>Gives every row of this boot that was appended without a time its own: whole milliseconds of boot time plus uptime, and the
    /// epoch's microseconds.</summary>
    /// <returns>How many.</returns>
    public long AssignTimes(DateTimeOffset bootedAt, int epochMicroseconds) =>
        Use(open => Announce(Times.Assign(open, bootedAt, epochMicroseconds)));

    /// <summary>Gives waiting rows of this boot that lie ahead of <paramref name="after"/> the time that boot and uptime prove.</summary>
    /// <returns>How many.</returns>
    public long Retime(DateTimeOffset bootedAt, int epochMicroseconds, DateTimeOffset after) =>
        Use(open => Announce(Times.Retime(open, bootedAt, epochMicroseconds, after)));

    /// <summary>Gives up held rows of an earlier boot that the server refused as of the future, and that lie ahead of
    /// <paramref name="after"/>: at most 1,000.</summary>
    /// <returns>How many.</returns>
    public int GiveUpOnWrongClock(DateTimeOffset after) => Use(open => Times.GiveUpOnWrongClock(open, after));

    public int NextClockEpoch() => Use(open =>
    {
        open.Commit(() => open.Connection.Execute("UPDATE buffer SET clock_epoch = clock_epoch + 1"));
        return (int)open.Connection.Number("SELECT clock_epoch FROM buffer")!.Value;
    });

    public Gap OpenGap(DateTimeOffset from, string reason, long missed) => Use(open =>
    {
        Gap? gap = null;
        open.Commit(() => gap = Gaps.Open(open.Connection, from, reason, missed));
        return gap!;
    });

    /// <param name="to">Null while it lasts.</param>
    public void UpdateGap(long id, DateTimeOffset? to, long missed) =>
        Change(open => Gaps.Update(open.Connection, id, to, missed));

    public IReadOnlyList<Gap> OpenGaps() => Use(open => Gaps.StillOpen(open.Connection));

    /// <summary>Devices of which rows can be sent.</summary>
    public IReadOnlyList<string> DevicesWaiting() => Use(open => open.Ledger.Accounts
        .Where(account => account.Queued > account.Untimed)
        .Select(account => account.Counters.DeviceId)
        .ToList());

    /// <summary>The oldest waiting rows of one device, null when none can be sent. Does not move the cursor.</summary>
    public BufferedBatch? Peek(string deviceId, int max) => Use(open => open.Peek(deviceId, max));

    /// <summary>The oldest waiting rows of any one device.</summary>
    public BufferedBatch? Peek(int max) => DevicesWaiting().Select(device => Peek(device, max)).FirstOrDefault(batch => batch is not null);

    /// <summary>The newest rows of one device after <paramref name="afterSeq"/> that wait, in the order of their numbers.</summary>
    public BufferedBatch? PeekNewest(string deviceId, long afterSeq, int max) => Use(open => open.PeekNewest(deviceId, afterSeq, max));

    /// <summary>The held row that has been due for longest, as a batch of one.</summary>
    public BufferedBatch? PeekHeld(DateTimeOffset now) => Use(open => SetAside.PeekHeld(open, now));

    /// <summary>The server has answered for every row of <paramref name="batch"/>, which is a batch peeked or its first rows: moves the
    /// cursor past it. A single row's move is written with the next append, so that the steady state is one fsync per sample.</summary>
    /// <param name="exceptions">By number: what became of rows that were not stored.</param>
    /// <exception cref="BufferUnavailableException">The move is not on disk. Without exceptions it holds in memory, and is written with
    /// the next append; with some, nothing has moved.</exception>
    public void Settle(BufferedBatch batch, IReadOnlyDictionary<long, Verdict>? exceptions = null) => Use(open =>
    {
        Settlement.Settle(open, batch, exceptions ?? NoVerdicts);
        return 0;
    });

    /// <summary>Every row of <paramref name="batch"/> is stored.</summary>
    public void Acknowledge(BufferedBatch batch) => Settle(batch);

    /// <summary>Kept rows are to be sent once more.</summary>
    public void AddResend(long fromSeq, long toSeq) => Change(open => Announce(() => Resends.Insert(open, fromSeq, toSeq)));

    public BufferedBatch? PeekResend(int max) => Use(open => Resends.Peek(open, max));

    /// <param name="batch">A batch of <see cref="PeekResend"/>, or its first rows.</param>
    public void ResendDone(BufferedBatch batch) => Use(open =>
    {
        if (batch.BufferId == open.Id)
        {
            Resends.MovePast(open, batch.LastSeq);
        }

        return 0;
    });

    public void SetBrake(Brake? brake) => Change(open => open.Connection.Execute(
        "UPDATE buffer SET brake = $code, brake_since = $since",
        ("$code", brake?.Code), ("$since", brake is null ? 0 : Microseconds.From(brake.Since))));

    /// <summary>Carries out what commands have left.</summary>
    /// <returns>The orders carried out.</returns>
    public IReadOnlyList<Order> TakeOrders() => Use(open =>
    {
        var version = open.Connection.Number("PRAGMA data_version");
        if (version == _seenVersion)
        {
            return [];
        }

        var taken = Orders.Take(open);
        _seenVersion = version;
        return taken;
    });

    /// <summary>Waits until there may be more to send, or an order to take, since the last call. For one waiter.</summary>
    public async Task WaitForMoreAsync(CancellationToken cancellationToken)
    {
        while (!await _more.WaitAsync(Look, cancellationToken) && !HasOrders())
        {
            // Nothing yet.
        }
    }

    /// <summary>Ranges that the server does not know yet, oldest first.</summary>
    public IReadOnlyList<MissingRange> UnreportedMissing(int max) => Use(open => MissingRanges.Unreported(open.Connection, open.Ledger, max));

    /// <summary>Gaps that the server does not know as they are now, oldest first; open ones among them.</summary>
    public IReadOnlyList<Gap> UnreportedGaps(int max) => Use(open => Gaps.Unreported(open.Connection, max));

    /// <summary>The server has them. What has changed since it was read is reported again.</summary>
    public void Reported(IReadOnlyList<MissingRange> missing, IReadOnlyList<Gap> gaps, bool replacementToo)
    {
        if (missing.Count > 0 || gaps.Any(gap => gap.To is not null) || replacementToo)
        {
            Change(open =>
            {
                var now = Microseconds.From(open.Now);
                foreach (var range in missing)
                {
                    MissingRanges.Reported(open.Connection, range, now);
                }

                foreach (var gap in gaps)
                {
                    Gaps.Reported(open.Connection, gap, now);
                }

                if (replacementToo)
                {
                    open.Connection.Execute("UPDATE buffer SET replacement_reported = $now", ("$now", now));
                }
            });
        }
    }

    /// <summary>The server has forgotten what it was told since then: it is reported again.</summary>
    public void RepeatReports(DateTimeOffset since) => Change(open =>
    {
        MissingRanges.Repeat(open.Connection, Microseconds.From(since));
        Gaps.Repeat(open.Connection, Microseconds.From(since));
        open.Connection.Execute(
            "UPDATE buffer SET replacement_reported = 0 WHERE replacement_reported >= $since", ("$since", Microseconds.From(since)));
    });

    /// <summary>How many rows wait, as far as that is known in memory; null while the buffer is held by another call, or cannot be
    /// used.</summary>
    public long? TryReadWaiting()
    {
        if (!_gate.TryEnter(Briefly))
        {
            return null;
        }

        try
        {
            return _open?.Ledger.Accounts.Sum(account => account.Counters.Waiting);
        }
        finally
        {
            _gate.Exit();
        }
    }

    public BufferState ReadState() => Use(open => BufferReading.State(open.Connection, open.Ledger));

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            try
            {
                if (_open is { Ledger.IsAhead: true } open)
                {
                    open.Commit(() => { });
                }
            }
            catch (SqliteException)
            {
                // The disk is full or gone: the cursor stays behind, those rows are sent again, and the server's key makes that harmless.
            }

            _open?.Dispose();
            _lockFile.Dispose();
            _more.Dispose();
        }
    }

    private static SampleBuffer Open(
        string path, string bootId, BufferOptions? options, TimeProvider? time, ILogger? logger, FileStream lockFile)
    {
        try
        {
            return new(path, bootId, options ?? new(), time ?? TimeProvider.System, logger ?? NullLogger.Instance, lockFile);
        }
        catch
        {
            lockFile.Dispose();
            throw;
        }
    }

    private void Change(Action<OpenBuffer> work) => Use(open =>
    {
        open.Commit(() => work(open));
        return 0;
    });

    private T Use<T>(Func<OpenBuffer, T> work)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            try
            {
                if (_open is { HasMoved: true } orphan)
                {
                    Replace(orphan);
                }

                return work(_open ?? Reopen());
            }
            catch (SqliteException damage) when (IsDamage(damage))
            {
                Replace(null);
                return Again(work);
            }
            catch (SqliteException broken)
            {
                throw GiveUp(broken);
            }
        }
    }

    private T Again<T>(Func<OpenBuffer, T> work)
    {
        try
        {
            return work(_open ?? Reopen());
        }
        catch (SqliteException broken)
        {
            throw GiveUp(broken);
        }
    }

    private BufferUnavailableException GiveUp(SqliteException broken)
    {
        if (broken.SqliteErrorCode is not (raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_FULL))
        {
            // What this connection knows may be wrong: the next call begins with what is on disk.
            Close();
        }

        return BufferFile.Unavailable(_path, "cannot be used", broken);
    }

    private OpenBuffer Reopen()
    {
        Salvage.Resume(_path);
        if (BufferFile.Remembered(_lockFile) is not null && new FileInfo(_path) is not { Exists: true, Length: > 0 })
        {
            // There was one: deleted, or cut to nothing.
            Replace(null);
        }

        try
        {
            Open();
        }
        catch (BufferUnavailableException unavailable) when (
            unavailable.InnerException is SqliteException damage && (IsDamage(damage) || BufferFile.LacksATable(damage))
            && (BufferFile.Remembered(_lockFile) is not null || BufferFile.IsMarked(_path)))
        {
            Replace(null);
            Open();
        }

        return _open!;
    }

    private void Open()
    {
        _open = BufferFile.OpenForWriting(_path, connection => new OpenBuffer(connection, _path, _bootId, _options, _time));
        _id = _open.Id;
        _seenVersion = null;
        BufferFile.Remember(_lockFile, _id);
    }

    private void Close()
    {
        _open?.Dispose();
        _open = null;
    }

    /// <summary>A new file takes the place of one that is damaged or gone, with what can be read of that.</summary>
    /// <param name="orphan">Still open, and no longer at its path; null: whatever lies at the path.</param>
    private void Replace(OpenBuffer? orphan)
    {
        var oldId = orphan?.Id ?? BufferFile.Remembered(_lockFile) ?? Guid.Empty;
        _isReplacing = true;
        try
        {
            if (orphan is null)
            {
                Close();
            }

            var replacement = Rebuild(orphan, oldId);

            // Before the new file is there: closing removes the log that lies at the path.
            Close();
            var aside = Salvage.PutInPlace(_path, _time.GetUtcNow());
            var what = aside is null ? "it was gone" : $"what was there is {aside}";
            Log.BufferReplaced(_logger, _path, what, replacement.Salvaged, replacement.Lost);
            Salvage.KeepNewest(_path);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new BufferUnavailableException($"The buffer {_path} is damaged and cannot be replaced: {failed.Message}", failed);
        }
        finally
        {
            _isReplacing = false;
        }
    }

    private Replacement Rebuild(OpenBuffer? orphan, Guid oldId)
    {
        try
        {
            return orphan is null ? Salvage.Rebuild(_path, oldId) : Salvage.Rebuild(orphan.Connection, _path, oldId);
        }
        catch (BufferUnavailableException unavailable) when (unavailable.InnerException is SqliteException { SqliteErrorCode: raw.SQLITE_FULL })
        {
            // No room for a second copy: what it holds stays in the file that is put aside.
            return Salvage.StartOver(_path, oldId);
        }
    }

    private static bool IsDamage(SqliteException broken) => broken.SqliteErrorCode is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB;

    private T Announce<T>(T result)
    {
        if (_more.CurrentCount == 0)
        {
            _more.Release();
        }

        return result;
    }

    private void Announce(Action work)
    {
        work();
        Announce(0);
    }

    private bool HasOrders()
    {
        try
        {
            return Use(open => open.Connection.Number("PRAGMA data_version") != _seenVersion);
        }
        catch (BufferUnavailableException)
        {
            return false; // Whoever appends or peeks says so.
        }
    }
}
