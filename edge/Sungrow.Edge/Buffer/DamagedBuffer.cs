using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>A row to take over, as it stands in its table.</summary>
/// <param name="Values">The columns of <see cref="SampleRows.Columns"/>, and those that the table has beside them.</param>
internal readonly record struct SalvagedRow(long Seq, long Device, long Ts, object[] Values);

/// <summary>What a damaged file still says. A table that cannot be read is empty.</summary>
internal sealed class DamagedBuffer
{
    // Beyond any number that a buffer reaches; keys are searched up to here where the file does not say how far they go.
    private const long Unknown = 1L << 40;

    private const long Year2000 = 946_684_800_000_000;

    private readonly SqliteConnection _connection;

    public DamagedBuffer(SqliteConnection connection)
    {
        _connection = connection;
        Names = Attempt(() => connection
            // Of the index, which is a copy of its own.
            .Rows("SELECT id, device_id FROM devices ORDER BY device_id", reader => (Id: reader.GetInt64(0), Name: reader.GetString(1)))
            .ToDictionary(device => device.Id, device => device.Name), []);
        Accounts = Attempt(() => new Ledger(connection).Accounts.ToDictionary(account => account.Id), []);
        foreach (var account in Accounts.Values)
        {
            Names.TryAdd(account.Id, account.Counters.DeviceId);
        }

        // SQLite's own note runs ahead of the rows: an upper bound that does not need the ledger.
        LastSeq = Attempt(() => connection.Number("SELECT seq FROM sqlite_sequence WHERE name = 'samples'"), null) ?? Unknown;
        LastSeq = Math.Clamp(
            Accounts.Count > 0 && LastSeq == Unknown ? Accounts.Values.Max(account => account.LastSeq) : LastSeq, 0, Unknown);
    }

    public Dictionary<long, string> Names { get; }

    /// <summary>Empty where the counters cannot be read: every row waits then, and the server has some of them.</summary>
    public Dictionary<long, Account> Accounts { get; }

    private long LastSeq { get; }

    /// <summary>Numbers that may have been on bad pages, found while reading.</summary>
    public long Skipped { get; private set; }

    private static T Attempt<T>(Func<T> read, T otherwise)
    {
        try
        {
            return read();
        }
        catch (Exception damage) when (DamagedTable.IsDamage(damage))
        {
            return otherwise;
        }
    }

    public T? Buffer<T>(string column)
        where T : class => Attempt(() => _connection.Scalar($"SELECT {column} FROM buffer") as T, null);

    public long BufferNumber(string column) => Attempt(() => _connection.Number($"SELECT {column} FROM buffer"), null) ?? 0;

    /// <summary>Rows of <c>held</c> or <c>dead_letters</c>.</summary>
    /// <param name="extra">Its own columns.</param>
    public IEnumerable<SalvagedRow> SetAside(string table, string extra) =>
        new DamagedTable(_connection, table, $"{SampleRows.Columns}, {extra}", LastSeq).Rows(Map);

    /// <summary>Rows that wait behind their cursors.</summary>
    public IEnumerable<SalvagedRow> Waiting()
    {
        DamagedTable samples = new(_connection, "samples", SampleRows.Columns, LastSeq);
        var from = Accounts.Count > 0 ? Accounts.Values.Min(account => account.Counters.Cursor) : 0;
        foreach (var row in samples.Rows(Map, from))
        {
            if (!Accounts.TryGetValue(row.Device, out var account) || row.Seq > account.Counters.Cursor)
            {
                yield return row;
            }
        }

        Skipped = LastSeq == Unknown ? 0 : samples.Skipped;
    }

    /// <summary>A small table, row by row as far as it can be read.</summary>
    public IEnumerable<object[]> Small(string table, string columns) =>
        new DamagedTable(_connection, table, columns, Unknown).Rows(Values);

    private static object[] Values(SqliteDataReader reader)
    {
        var values = new object[reader.FieldCount];
        reader.GetValues(values);
        return values;
    }

    /// <summary>A page that was half written may still have the form of one: only values that a row can have are taken.</summary>
    private SalvagedRow Map(SqliteDataReader reader)
    {
        var row = SampleRows.Map(reader);
        var (device, ts) = (reader.GetInt64(1), reader.GetInt64(2));
        return row.Seq > 0 && Names.ContainsKey(device) && ts is 0 or > Year2000
            && row.SampleCount is >= 1 and <= 3600 && row.IntervalSeconds is > 0 and <= 3600
            ? new(row.Seq, device, ts, Values(reader))
            : throw new FormatException("No row of ours.");
    }
}
