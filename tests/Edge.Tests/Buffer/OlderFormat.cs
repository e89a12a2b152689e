using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>A file as the first format's program wrote it.</summary>
internal static class OlderFormat
{
    public const string Command = "upgrade-and-die";

    private const string Schema = """
        PRAGMA page_size = 2048;
        PRAGMA journal_mode = WAL;
        BEGIN IMMEDIATE;
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
        PRAGMA application_id = 1397178950;
        PRAGMA user_version = 1;
        COMMIT;
        """;

    /// <returns>Its id.</returns>
    public static Guid Write(string path, int rows, int acknowledged)
    {
        var id = Guid.NewGuid();
        using var connection = Open(path);
        connection.Execute(Schema);
        connection.Execute("BEGIN");
        connection.Execute("INSERT INTO buffer VALUES ($id)", ("$id", id.ToString()));
        connection.Execute("INSERT INTO boots (boot_id) VALUES ('boot-0')");
        connection.Execute(
            "INSERT INTO devices (device_id, cursor, committed, acknowledged) VALUES ($device, $acknowledged, $rows, $acknowledged)",
            ("$device", Rows.Device), ("$acknowledged", acknowledged), ("$rows", rows));
        for (var n = 1; n <= rows; n++)
        {
            SampleRows.Insert(connection, n, Rows.Number(n), device: 1, boot: 1);
        }

        // SQLite gave the numbers itself then, and its note of them was that of the newest row.
        connection.Execute("UPDATE sqlite_sequence SET seq = $rows WHERE name = 'samples'; COMMIT", ("$rows", rows));
        return id;
    }

    /// <summary>What a child does: upgrades, and is killed before the transaction ends.</summary>
    public static int UpgradeAndDie(string path)
    {
        using var connection = Open(path);
        connection.Execute("PRAGMA cache_size = 1; BEGIN IMMEDIATE");
        BufferSchema.Upgrade(connection, 1);
        Process.GetCurrentProcess().Kill();
        return 0;
    }

    private static SqliteConnection Open(string path)
    {
        NativeSqlite.Load();
        SqliteConnection connection = new($"Data Source={path};Pooling=False");
        connection.Open();
        return connection;
    }
}
