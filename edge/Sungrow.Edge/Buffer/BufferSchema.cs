using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>The tables, and how an older file gets them.</summary>
internal static class BufferSchema
{
    public const int Version = 3;

    // Order is by seq, never by time, so that a clock that steps loses nothing. The ledger gives the numbers, and AUTOINCREMENT keeps a
    // watch on them: none is given twice, also not after the newest row was deleted. ts: microseconds since 1970, 0 until the clock is trusted; monotonic: milliseconds since the boot
    // that boots names. No index on ts: it would cost a page more in each commit.
    private const string First = """
        CREATE TABLE buffer (buffer_id TEXT NOT NULL);
        CREATE TABLE devices (
            id INTEGER PRIMARY KEY,
            device_id TEXT NOT NULL UNIQUE,
            cursor INTEGER NOT NULL DEFAULT 0,
            committed INTEGER NOT NULL DEFAULT 0,
            acknowledged INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE boots (id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE);
        CREATE TABLE samples (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            device INTEGER NOT NULL,
            ts INTEGER NOT NULL,
            pv_power_w REAL, pv_daily_kwh REAL, battery_power_w REAL, battery_soc_pct REAL, battery_temp_c REAL,
            load_power_w REAL, export_power_w REAL,
            sample_count INTEGER NOT NULL,
            interval_s REAL NOT NULL,
            boot INTEGER NOT NULL,
            monotonic INTEGER NOT NULL);
        """;

    // Columns are added and no row is rewritten: a buffer of two gigabytes is upgraded in a moment, on a card that has no room for a copy.
    // last_seq and newest_ts: of the newest row ever appended. untimed rows: those whose ts is 0, the first of them is untimed_from.
    // reported: when the server was told, 0 until then.
    // held and dead_letters hold whole rows, so that samples is only what waits behind a cursor and what was sent.
    private const string Second = """
        ALTER TABLE buffer ADD COLUMN replaces TEXT;
        ALTER TABLE buffer ADD COLUMN salvaged INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE buffer ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE buffer ADD COLUMN replacement_reported INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE buffer ADD COLUMN clock_epoch INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE buffer ADD COLUMN brake TEXT;
        ALTER TABLE buffer ADD COLUMN brake_since INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE devices ADD COLUMN dead_lettered INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE devices ADD COLUMN evicted INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE devices ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE devices ADD COLUMN last_seq INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE devices ADD COLUMN newest_ts INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE devices ADD COLUMN untimed INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE devices ADD COLUMN untimed_from INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE held (
            seq INTEGER PRIMARY KEY, device INTEGER NOT NULL, ts INTEGER NOT NULL,
            pv_power_w REAL, pv_daily_kwh REAL, battery_power_w REAL, battery_soc_pct REAL, battery_temp_c REAL,
            load_power_w REAL, export_power_w REAL,
            sample_count INTEGER NOT NULL, interval_s REAL NOT NULL, boot INTEGER NOT NULL, monotonic INTEGER NOT NULL,
            code TEXT NOT NULL, retry_at INTEGER NOT NULL);
        CREATE TABLE dead_letters (
            seq INTEGER PRIMARY KEY, device INTEGER NOT NULL, ts INTEGER NOT NULL,
            pv_power_w REAL, pv_daily_kwh REAL, battery_power_w REAL, battery_soc_pct REAL, battery_temp_c REAL,
            load_power_w REAL, export_power_w REAL,
            sample_count INTEGER NOT NULL, interval_s REAL NOT NULL, boot INTEGER NOT NULL, monotonic INTEGER NOT NULL,
            code TEXT NOT NULL, detail TEXT NOT NULL, moved_at INTEGER NOT NULL);
        CREATE TABLE missing (
            id INTEGER PRIMARY KEY AUTOINCREMENT, device INTEGER NOT NULL, from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL,
            rows INTEGER NOT NULL, from_ts INTEGER, to_ts INTEGER, reason TEXT NOT NULL, reported INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE gaps (
            id INTEGER PRIMARY KEY AUTOINCREMENT, from_ts INTEGER NOT NULL, to_ts INTEGER, reason TEXT NOT NULL, missed INTEGER NOT NULL,
            reported INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX missing_unreported ON missing (id) WHERE reported = 0;
        CREATE INDEX gaps_unreported ON gaps (id) WHERE reported = 0;
        CREATE INDEX gaps_open ON gaps (id) WHERE to_ts IS NULL;
        CREATE INDEX held_due ON held (retry_at, seq);
        CREATE TABLE resends (id INTEGER PRIMARY KEY AUTOINCREMENT, from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL);
        CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, seqs TEXT, from_ts INTEGER, to_ts INTEGER);
        """;

    // The newest row of each device, of a file that did not keep it.
    private const string FillSecond = """
        UPDATE devices SET last_seq = coalesce((SELECT max(seq) FROM samples), 0);
        UPDATE devices SET newest_ts = coalesce((SELECT ts FROM samples ORDER BY seq DESC LIMIT 1), 0) WHERE committed > 0;
        """;

    // Numbers went on from SQLite's own note of them, which may be beyond every row: those of rows that a salvage could not read.
    private const string Third = """
        UPDATE devices SET last_seq = (SELECT seq FROM sqlite_sequence WHERE name = 'samples')
        WHERE last_seq = (SELECT max(last_seq) FROM devices) AND last_seq < (SELECT seq FROM sqlite_sequence WHERE name = 'samples');
        """;

    /// <summary>Brings an empty file, or one of an older format, to this one; in the caller's transaction.</summary>
    public static void Upgrade(SqliteConnection connection, long version)
    {
        if (version == 0)
        {
            connection.Execute(First);
            connection.Execute("INSERT INTO buffer (buffer_id) VALUES ($id)", ("$id", Guid.NewGuid().ToString()));
        }

        if (version < 2)
        {
            connection.Execute(Second);
            connection.Execute(FillSecond);
        }

        if (version < 3)
        {
            connection.Execute(Third);
        }

        connection.Execute($"PRAGMA user_version = {Version}");
    }
}
