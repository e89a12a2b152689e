using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>The file behind the buffer: its PRAGMAs, its schema and who may open it.</summary>
internal static class BufferFile
{
    /// <summary>Marks the file as ours ("SGBF"), so that another program's database is never touched.</summary>
    private const int ApplicationId = 0x53474246;

    private const int SchemaVersion = 1;

    /// <summary>All zero in a file that nobody has used yet.</summary>
    private static readonly string[] Marks = ["application_id", "user_version", "schema_version"];

    // Order is by seq, never by time, so that a clock that steps loses nothing. AUTOINCREMENT: a number is never given twice, also not
    // after the newest row was deleted. ts: microseconds since 1970; monotonic: milliseconds since the boot that boots names. No index on
    // ts: it would cost a page more in each commit.
    private const string Schema = """
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

    /// <summary>Opens or creates the file for the daemon.</summary>
    /// <param name="use">Takes the connection over.</param>
    /// <exception cref="BufferUnavailableException">It cannot be opened, or is not ours.</exception>
    public static T OpenForWriting<T>(string path, Func<SqliteConnection, T> use) =>
        Open(path, SqliteOpenMode.ReadWriteCreate, connection =>
        {
            Prepare(connection, path);
            return use(connection);
        });

    /// <summary>Reads an existing file beside a daemon that may be writing. What <paramref name="use"/> sees is of one moment.</summary>
    /// <exception cref="BufferUnavailableException">There is none, it cannot be opened, or is not ours.</exception>
    public static T Read<T>(string path, Func<SqliteConnection, T> use) =>
        File.Exists(path)
            ? Open(path, SqliteOpenMode.ReadOnly, connection =>
            {
                CheckOurs(connection, path);
                Execute(connection, "BEGIN");
                using (connection)
                {
                    return use(connection);
                }
            })
            : throw new BufferUnavailableException($"There is no buffer at {path} yet: it is made by the first 'sungrow-edge run'.");

    private static T Open<T>(string path, SqliteOpenMode mode, Func<SqliteConnection, T> use)
    {
        NativeSqlite.Load();
        // The full path: ":memory:" and "file:.." would be something else than files.
        var source = new SqliteConnectionStringBuilder { DataSource = Path.GetFullPath(path), Mode = mode, Pooling = false };
        var connection = new SqliteConnection(source.ToString());
        try
        {
            connection.Open();
            return use(connection);
        }
        catch (SqliteException broken)
        {
            connection.Dispose();
            throw new BufferUnavailableException($"The buffer {path} cannot be opened: {Sentence(broken)}", broken);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static void Prepare(SqliteConnection connection, string path)
    {
        // 2 kB pages: a commit writes three of them, and an SD card wears by bytes. To be said before the first table.
        Execute(connection, "PRAGMA page_size = 2048");
        var isNew = Marks.All(mark => Number(connection, $"PRAGMA {mark}") == 0);
        if (!isNew)
        {
            CheckOurs(connection, path);
        }

        Execute(connection, "PRAGMA journal_mode = WAL");
        // FULL: what append returned for is on the card, also after the plug is pulled. NORMAL may roll back the last commits.
        Execute(connection, "PRAGMA synchronous = FULL");

        if (isNew)
        {
            Execute(connection, "BEGIN IMMEDIATE");
            Execute(connection, Schema);
            using var insert = connection.CreateCommand();
            insert.CommandText = "INSERT INTO buffer (buffer_id) VALUES ($id)";
            insert.Parameters.AddWithValue("$id", Guid.NewGuid().ToString());
            insert.ExecuteNonQuery();
            Execute(connection, $"PRAGMA application_id = {ApplicationId}");
            Execute(connection, $"PRAGMA user_version = {SchemaVersion}");
            Execute(connection, "COMMIT");
        }
    }

    private static void CheckOurs(SqliteConnection connection, string path)
    {
        if (Number(connection, "PRAGMA application_id") != ApplicationId)
        {
            throw new BufferUnavailableException(
                $"{path} is a database, but not a buffer of sungrow-edge: name another file in Buffer__Path.");
        }

        if (Number(connection, "PRAGMA user_version") is var version && version > SchemaVersion)
        {
            throw new BufferUnavailableException(
                $"The buffer {path} was written by a newer sungrow-edge (format {version}, this one knows {SchemaVersion}): "
                + "install the newer program. The file is untouched.");
        }
    }

    // https://www.sqlite.org/rescode.html
    private static string Sentence(SqliteException broken) => broken.SqliteErrorCode switch
    {
        5 or 6 => "another program holds it.",
        8 => "it is read-only for this user.",
        10 => "the disk answers with an error, is it full?",
        11 => "it is damaged.",
        13 => "the disk is full.",
        14 => "the folder does not exist or this user may not write there.",
        26 => "it is not a database.",
        _ => $"SQLite error {broken.SqliteErrorCode}.",
    };

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static long Number(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(command.ExecuteScalar());
    }
}
