using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>One device's line in the ledger.</summary>
/// <param name="Id">Stands for the device in each row.</param>
/// <param name="LastSeq">Its newest row ever appended.</param>
/// <param name="NewestTs">That row's time in microseconds, 0 where none was known yet.</param>
/// <param name="Untimed">Rows that wait for the clock.</param>
/// <param name="UntimedFrom">The first of them, 0 where there is none.</param>
internal sealed record Account(long Id, DeviceCounters Counters, long LastSeq, long NewestTs, long Untimed, long UntimedFrom)
{
    /// <summary>Rows that wait behind the cursor.</summary>
    public long Queued => Counters.Waiting - Counters.Held;

    /// <summary>Peeking ends before this row.</summary>
    public long Before => UntimedFrom == 0 ? long.MaxValue : UntimedFrom;
}

/// <summary>The cursors and counters of all devices, kept in memory and written with the transaction that they belong to.</summary>
internal sealed class Ledger
{
    private const string Columns =
        "id, device_id, cursor, committed, acknowledged, dead_lettered, evicted, held, last_seq, newest_ts, untimed, untimed_from";

    private readonly SqliteConnection _connection;
    private Dictionary<string, Account> _accounts;
    private Dictionary<string, Account> _written;

    public Ledger(SqliteConnection connection)
    {
        _connection = connection;
        _accounts = connection
            .Rows($"SELECT {Columns} FROM devices ORDER BY id", Map)
            .ToDictionary(account => account.Counters.DeviceId, StringComparer.Ordinal);
        _written = new(_accounts, StringComparer.Ordinal);
    }

    public IReadOnlyCollection<Account> Accounts => _accounts.Values;

    /// <summary>The last number that a row was given.</summary>
    public long LastSeq => _accounts.Values.Select(account => account.LastSeq).DefaultIfEmpty().Max();

    /// <summary>The time of the newest row ever appended that has one.</summary>
    public DateTimeOffset? NewestTs =>
        _accounts.Values.Where(account => account.NewestTs != 0).MaxBy(account => account.LastSeq) is { } newest
            ? Microseconds.ToTime(newest.NewestTs)
            : null;

    /// <summary>Something has changed that is not on disk.</summary>
    public bool IsAhead => _accounts.Values.Any(IsUnwritten);

    public Account? Find(string deviceId) => _accounts.GetValueOrDefault(deviceId);

    public Account Of(long id) => _accounts.Values.FirstOrDefault(account => account.Id == id) ?? throw Sql.Damage("a row of an unknown device");

    /// <summary>The device's account; a new one's is on disk with the transaction under way.</summary>
    public Account Open(string deviceId)
    {
        if (_accounts.TryGetValue(deviceId, out var known))
        {
            return known;
        }

        var id = (long)_connection.Scalar("INSERT INTO devices (device_id) VALUES ($id) RETURNING id", ("$id", deviceId))!;
        Account account = new(id, new(deviceId, 0, 0, 0), 0, 0, 0, 0);
        _accounts.Add(deviceId, account);
        return account;
    }

    public void Set(Account account) => _accounts[account.Counters.DeviceId] = account;

    public void Set(Account account, DeviceCounters counters) => Set(account with { Counters = counters });

    /// <summary>What <see cref="Restore"/> goes back to.</summary>
    public object Snapshot() => new Dictionary<string, Account>(_accounts, StringComparer.Ordinal);

    public void Restore(object snapshot) => _accounts = (Dictionary<string, Account>)snapshot;

    /// <summary>Writes what has changed, as part of the caller's transaction.</summary>
    public void Write()
    {
        foreach (var account in _accounts.Values.Where(IsUnwritten))
        {
            _connection.Execute(
                """
                UPDATE devices SET cursor = $cursor, committed = $committed, acknowledged = $acknowledged, dead_lettered = $dead_lettered,
                    evicted = $evicted, held = $held, last_seq = $last_seq, newest_ts = $newest_ts, untimed = $untimed,
                    untimed_from = $untimed_from
                WHERE id = $id
                """,
                ("$id", account.Id),
                ("$cursor", account.Counters.Cursor),
                ("$committed", account.Counters.Committed),
                ("$acknowledged", account.Counters.Acknowledged),
                ("$dead_lettered", account.Counters.DeadLettered),
                ("$evicted", account.Counters.Evicted),
                ("$held", account.Counters.Held),
                ("$last_seq", account.LastSeq),
                ("$newest_ts", account.NewestTs),
                ("$untimed", account.Untimed),
                ("$untimed_from", account.UntimedFrom));
        }
    }

    /// <summary>The transaction is on disk.</summary>
    public void Written() => _written = new(_accounts, StringComparer.Ordinal);

    private bool IsUnwritten(Account account) =>
        !_written.TryGetValue(account.Counters.DeviceId, out var written) || written != account;

    private static Account Map(SqliteDataReader reader) => reader.GetInt64(9) is not 0 and var newest && !SampleRows.IsTime(newest)
        ? throw Sql.Damage("a time without sense")
        : new(
        reader.GetInt64(0),
        new(
            reader.GetString(1),
            reader.GetInt64(2),
            reader.GetInt64(3),
            reader.GetInt64(4),
            reader.GetInt64(5),
            reader.GetInt64(6),
            reader.GetInt64(7)),
        reader.GetInt64(8),
        reader.GetInt64(9),
        reader.GetInt64(10),
        reader.GetInt64(11));
}
