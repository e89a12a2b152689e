using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sungrow.Edge.Buffer;

/// <summary>The buffer between polling and uplink, one SQLite file.
/// Invariants: what <see cref="Append"/> returned for survives a pulled plug; a row is handed out by <see cref="Peek"/> until
/// <see cref="Acknowledge"/> was called for it; a lost acknowledgement only repeats a send. Synchronous, as SQLite is: each call is a few
/// hundred microseconds. Safe for several threads, one process at a time writes.</summary>
internal sealed class SampleBuffer : IDisposable
{
    // EWOULDBLOCK of Linux: what locking a locked file answers.
    private const int WouldBlock = 11;

    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly FileStream _lockFile;
    private readonly Dictionary<string, Device> _devices = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _more = new(0, 1);
    private readonly long _boot;

    private SampleBuffer(SqliteConnection connection, FileStream lockFile, string bootId)
    {
        _connection = connection;
        _lockFile = lockFile;
        BufferId = ReadBufferId(connection);
        _boot = IdOf("boots", "boot_id", bootId);
        foreach (var device in ReadDevices(connection))
        {
            _devices.Add(device.Counters.DeviceId, device);
        }
    }

    /// <summary>Made with the file; with <c>seq</c> it names a row for ever.</summary>
    public Guid BufferId { get; }

    /// <param name="path">The file; made where there is none.</param>
    /// <param name="bootId">Identifies the machine's current boot.</param>
    /// <exception cref="BufferUnavailableException">It cannot be opened, is not ours, or another daemon has it.</exception>
    public static SampleBuffer Open(string path, string bootId)
    {
        var lockFile = Lock(path);
        try
        {
            return BufferFile.OpenForWriting(path, connection => new SampleBuffer(connection, lockFile, bootId));
        }
        catch
        {
            lockFile.Dispose();
            throw;
        }
    }

    /// <summary>The account of a buffer that a daemon may be writing.</summary>
    /// <exception cref="BufferUnavailableException">There is none, or it cannot be opened.</exception>
    public static BufferState ReadState(string path) =>
        BufferFile.Read(path, connection => StateOf(connection, ReadBufferId(connection), ReadDevices(connection)));

    /// <summary>Commits one sample and, in the same transaction, cursors that have moved since: one fsync.</summary>
    /// <returns>The row's number.</returns>
    /// <exception cref="SqliteException">Nothing was stored.</exception>
    public long Append(NewSample sample)
    {
        lock (_gate)
        {
            var device = DeviceOf(sample.DeviceId);
            var before = device.Counters;
            device.Counters = before with { Committed = before.Committed + 1 };
            device.Dirty = true;
            long seq = 0;
            try
            {
                Commit(() => seq = Insert(sample, device));
            }
            catch
            {
                device.Counters = before;
                throw;
            }

            if (_more.CurrentCount == 0)
            {
                _more.Release();
            }

            return seq;
        }
    }

    /// <summary>The oldest waiting rows of one device, null when nothing waits. Does not move the cursor.</summary>
    public BufferedBatch? Peek(int maxSamples)
    {
        lock (_gate)
        {
            foreach (var device in _devices.Values)
            {
                if (device.Counters.Waiting > 0 && Select(device, maxSamples) is { Count: > 0 } rows)
                {
                    return new BufferedBatch(device.Counters.DeviceId, rows);
                }
            }

            return null;
        }
    }

    /// <summary>The server has answered for every row of <paramref name="batch"/>: moves the cursor past it. A single row's move is written
    /// with the next append, so that the steady state is one fsync per sample; a longer batch's at once.</summary>
    /// <exception cref="SqliteException">The move holds, but is not on disk yet: that is tried again with the next append.</exception>
    public void Acknowledge(BufferedBatch batch)
    {
        lock (_gate)
        {
            var device = _devices[batch.DeviceId];
            device.Counters = device.Counters with
            {
                Cursor = batch.LastSeq,
                Acknowledged = device.Counters.Acknowledged + batch.Samples.Count,
            };
            device.Dirty = true;
            if (batch.Samples.Count > 1)
            {
                Commit();
            }
        }
    }

    /// <summary>Waits until a row was appended since the last call.</summary>
    public Task WaitForMoreAsync(CancellationToken cancellationToken) => _more.WaitAsync(cancellationToken);

    public BufferState ReadState()
    {
        lock (_gate)
        {
            return StateOf(_connection, BufferId, [.. _devices.Values]);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            try
            {
                Commit();
            }
            catch (SqliteException)
            {
                // The disk is full or gone: the cursor stays behind, those rows are sent again, and the server's key makes that harmless.
            }

            _connection.Dispose();
            _lockFile.Dispose();
            _more.Dispose();
        }
    }

    private static FileStream Lock(string path)
    {
        try
        {
            return new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException denied)
        {
            throw new BufferUnavailableException($"The buffer {path} cannot be opened: this user may not write there.", denied);
        }
        catch (DirectoryNotFoundException missing)
        {
            throw new BufferUnavailableException($"The buffer {path} cannot be opened: its folder does not exist.", missing);
        }
        catch (IOException held) when (held.HResult == WouldBlock)
        {
            throw new BufferUnavailableException($"The buffer {path} is in use by another sungrow-edge: one daemon per buffer.", held);
        }
        catch (IOException broken)
        {
            throw new BufferUnavailableException($"The buffer {path} cannot be opened: {broken.Message}", broken);
        }
    }

    private long Insert(NewSample sample, Device device)
    {
        using var insert = _connection.CreateCommand();
        insert.CommandText = """
            INSERT INTO samples (device, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w,
                export_power_w, sample_count, interval_s, boot, monotonic)
            VALUES ($device, $ts, $pv_power_w, $pv_daily_kwh, $battery_power_w, $battery_soc_pct, $battery_temp_c, $load_power_w,
                $export_power_w, $sample_count, $interval_s, $boot, $monotonic);
            SELECT last_insert_rowid();
            """;
        var values = insert.Parameters;
        values.AddWithValue("$device", device.Id);
        values.AddWithValue("$ts", (sample.Ts.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond);
        values.AddWithValue("$pv_power_w", OrNull(sample.Metrics.PvPowerWatts));
        values.AddWithValue("$pv_daily_kwh", OrNull(sample.Metrics.PvDailyKwh));
        values.AddWithValue("$battery_power_w", OrNull(sample.Metrics.BatteryPowerWatts));
        values.AddWithValue("$battery_soc_pct", OrNull(sample.Metrics.BatterySocPercent));
        values.AddWithValue("$battery_temp_c", OrNull(sample.Metrics.BatteryTemperatureCelsius));
        values.AddWithValue("$load_power_w", OrNull(sample.Metrics.LoadPowerWatts));
        values.AddWithValue("$export_power_w", OrNull(sample.Metrics.ExportPowerWatts));
        values.AddWithValue("$sample_count", sample.SampleCount);
        values.AddWithValue("$interval_s", sample.IntervalSeconds);
        values.AddWithValue("$boot", _boot);
        values.AddWithValue("$monotonic", (long)sample.Uptime.TotalMilliseconds);
        return (long)insert.ExecuteScalar()!;

        static object OrNull(double? value) => value is { } present ? present : DBNull.Value;
    }

    private List<BufferedSample> Select(Device device, int maxSamples)
    {
        using var select = _connection.CreateCommand();
        select.CommandText = """
            SELECT seq, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w,
                sample_count, interval_s
            FROM samples WHERE seq > $cursor AND device = $device ORDER BY seq LIMIT $max
            """;
        select.Parameters.AddWithValue("$cursor", device.Counters.Cursor);
        select.Parameters.AddWithValue("$device", device.Id);
        select.Parameters.AddWithValue("$max", maxSamples);

        List<BufferedSample> rows = [];
        using var reader = select.ExecuteReader();
        while (reader.Read())
        {
            rows.Add(new(
                reader.GetInt64(0),
                TimeOf(reader.GetInt64(1)),
                new(Metric(2), Metric(3), Metric(4), Metric(5), Metric(6), Metric(7), Metric(8)),
                reader.GetInt32(9),
                reader.GetDouble(10)));
        }

        return rows;

        double? Metric(int column) => reader.IsDBNull(column) ? null : reader.GetDouble(column);
    }

    /// <summary>One transaction: <paramref name="work"/> and every cursor that has moved.</summary>
    private void Commit(Action? work = null)
    {
        var moved = _devices.Values.Where(device => device.Dirty).ToList();
        if (moved.Count == 0)
        {
            return;
        }

        Execute("BEGIN IMMEDIATE");
        try
        {
            work?.Invoke();
            moved.ForEach(WriteCursor);
            Execute("COMMIT");
        }
        catch
        {
            // A full or failing disk may have ended the transaction already, and a second end would be an error of its own: this is why
            // the statements stand here in place of SqliteTransaction, which is stuck for good after such a COMMIT.
            if (raw.sqlite3_get_autocommit(_connection.Handle) == 0)
            {
                Execute("ROLLBACK");
            }

            throw;
        }

        moved.ForEach(device => device.Dirty = false);
    }

    private void WriteCursor(Device device)
    {
        using var update = _connection.CreateCommand();
        update.CommandText = "UPDATE devices SET cursor = $cursor, committed = $committed, acknowledged = $acknowledged WHERE id = $id";
        update.Parameters.AddWithValue("$cursor", device.Counters.Cursor);
        update.Parameters.AddWithValue("$committed", device.Counters.Committed);
        update.Parameters.AddWithValue("$acknowledged", device.Counters.Acknowledged);
        update.Parameters.AddWithValue("$id", device.Id);
        update.ExecuteNonQuery();
    }

    private void Execute(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private Device DeviceOf(string deviceId)
    {
        if (!_devices.TryGetValue(deviceId, out var device))
        {
            device = new(IdOf("devices", "device_id", deviceId), new(deviceId, 0, 0, 0));
            _devices.Add(deviceId, device);
        }

        return device;
    }

    /// <summary>The small integer that stands for <paramref name="text"/> in each row.</summary>
    private long IdOf(string table, string column, string text)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = $"""
            INSERT INTO {table} ({column}) VALUES ($text) ON CONFLICT ({column}) DO NOTHING;
            SELECT id FROM {table} WHERE {column} = $text;
            """;
        command.Parameters.AddWithValue("$text", text);
        return (long)command.ExecuteScalar()!;
    }

    private static Guid ReadBufferId(SqliteConnection connection)
    {
        using var select = connection.CreateCommand();
        select.CommandText = "SELECT buffer_id FROM buffer";
        return Guid.Parse((string)select.ExecuteScalar()!);
    }

    private static List<Device> ReadDevices(SqliteConnection connection)
    {
        using var select = connection.CreateCommand();
        select.CommandText = "SELECT id, device_id, cursor, committed, acknowledged FROM devices ORDER BY id";
        using var reader = select.ExecuteReader();
        List<Device> devices = [];
        while (reader.Read())
        {
            devices.Add(new(reader.GetInt64(0), new(reader.GetString(1), reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4))));
        }

        return devices;
    }

    private static BufferState StateOf(SqliteConnection connection, Guid bufferId, List<Device> devices)
    {
        var waiting = devices.Where(device => device.Counters.Waiting > 0).ToList();
        var oldest = waiting.Select(device => End(device, "ASC")).Min();
        var newest = waiting.Select(device => End(device, "DESC")).Max();
        return new(bufferId, [.. devices.Select(device => device.Counters)], oldest, newest);

        DateTimeOffset? End(Device device, string order)
        {
            using var select = connection.CreateCommand();
            select.CommandText = $"SELECT ts FROM samples WHERE seq > $cursor AND device = $device ORDER BY seq {order} LIMIT 1";
            select.Parameters.AddWithValue("$cursor", device.Counters.Cursor);
            select.Parameters.AddWithValue("$device", device.Id);
            return select.ExecuteScalar() is long ts ? TimeOf(ts) : null;
        }
    }

    private static DateTimeOffset TimeOf(long microseconds) =>
        DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);

    private sealed class Device(long id, DeviceCounters counters)
    {
        public long Id { get; } = id;

        public DeviceCounters Counters { get; set; } = counters;

        /// <summary>Moved since it was last written.</summary>
        public bool Dirty { get; set; }
    }
}
