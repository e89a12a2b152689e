using System.Buffers.Binary;
using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sungrow.Edge.Buffer;

/// <summary>The file behind the buffer: its PRAGMAs and who may open it.</summary>
internal static class BufferFile
{
    /// <summary>Marks the file as ours ("SGBF"), so that another program's database is never touched.</summary>
    private const int ApplicationId = 0x53474246;

    // Seconds to wait for a lock that another program holds: well below a poll interval.
    private const int Patience = 1;

    // EWOULDBLOCK of Linux: what locking a locked file answers.
    private const int WouldBlock = 11;

    /// <summary>All zero in a file that nobody has used yet.</summary>
    private static readonly string[] Marks = ["application_id", "user_version", "schema_version"];

    /// <summary>One daemon per file.</summary>
    /// <returns>Null while another process has it.</returns>
    /// <exception cref="BufferUnavailableException">It cannot be locked.</exception>
    public static FileStream? TryLock(string path)
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
            return null;
        }
        catch (IOException broken)
        {
            throw new BufferUnavailableException($"The buffer {path} cannot be opened: {broken.Message}", broken);
        }
    }

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
        Existing(path, SqliteOpenMode.ReadOnly, connection =>
        {
            connection.Execute("BEGIN");
            return use(connection);
        });

    /// <summary>A short write beside a running daemon.</summary>
    /// <exception cref="BufferUnavailableException">There is none, it cannot be opened, or is not ours.</exception>
    public static void WriteBeside(string path, Action<SqliteConnection> use) =>
        Existing(path, SqliteOpenMode.ReadWrite, connection =>
        {
            use(connection);
            return 0;
        });

    /// <summary>Reads a file as far as it can be read. It is not written, not even its log into it.</summary>
    /// <exception cref="SqliteException">Not even its schema can be read.</exception>
    public static T OpenDamaged<T>(string path, Func<SqliteConnection, T> use)
    {
        NativeSqlite.Load();
        using var connection = new SqliteConnection(Source(path, SqliteOpenMode.ReadOnly));
        connection.Open();
        return connection.Scalar("SELECT name FROM sqlite_master WHERE name = 'samples'") is not null
            ? use(connection)
            : throw new SqliteException("no such table: samples", raw.SQLITE_CORRUPT);
    }

    public static bool LacksATable(SqliteException broken) =>
        broken.SqliteErrorCode == raw.SQLITE_ERROR && broken.Message.Contains("no such table", StringComparison.Ordinal);

    /// <summary>The file says that it is ours, though SQLite may not be able to open it.</summary>
    public static bool IsMarked(string path)
    {
        // https://www.sqlite.org/fileformat.html: where the application id is.
        const int offset = 68;
        var mark = new byte[sizeof(int)];
        using var file = File.OpenRead(path);
        file.Position = offset;
        return file.ReadAtLeast(mark, mark.Length, throwOnEndOfStream: false) == mark.Length
            && BinaryPrimitives.ReadInt32BigEndian(mark) == ApplicationId;
    }

    /// <summary>Which buffer this path had last: known also when the file is gone or says nothing any more.</summary>
    public static Guid? Remembered(FileStream lockFile)
    {
        lockFile.Position = 0;
        using StreamReader reader = new(lockFile, leaveOpen: true);
        return Guid.TryParse(reader.ReadToEnd(), out var id) ? id : null;
    }

    public static void Remember(FileStream lockFile, Guid id)
    {
        if (Remembered(lockFile) != id)
        {
            lockFile.SetLength(0);
            lockFile.Write(Encoding.ASCII.GetBytes($"{id}"));
            lockFile.Flush(flushToDisk: true);
        }
    }

    /// <summary>The failure as one line, with what to do. https://www.sqlite.org/rescode.html</summary>
    public static BufferUnavailableException Unavailable(string path, string what, SqliteException broken) => new(
        $"The buffer {path} {what}: " + broken.SqliteErrorCode switch
        {
            5 or 6 => "another program holds it. Close that program.",
            8 => "it is read-only for this user. Check the owner of file and folder, and how the file system is mounted.",
            10 => "the disk answers with an error, is it full or failing?",
            11 => "it is damaged. What can be read of it is taken over by the next 'sungrow-edge run'.",
            13 => "the disk is full. Make room.",
            14 => "the folder does not exist or this user may not write there.",
            26 => "it is not a database.",
            _ => $"SQLite error {broken.SqliteErrorCode}.",
        },
        broken);

    private static T Existing<T>(string path, SqliteOpenMode mode, Func<SqliteConnection, T> use) =>
        File.Exists(path)
            ? Open(path, mode, connection =>
            {
                using (connection)
                {
                    if (CheckOurs(connection, path) < BufferSchema.Version)
                    {
                        throw new BufferUnavailableException(
                            $"The buffer {path} was written by an older sungrow-edge: the next 'sungrow-edge run' brings it up to date.");
                    }

                    return use(connection);
                }
            })
            : throw new BufferUnavailableException($"There is no buffer at {path} yet: it is made by the first 'sungrow-edge run'.");

    private static T Open<T>(string path, SqliteOpenMode mode, Func<SqliteConnection, T> use)
    {
        NativeSqlite.Load();
        var connection = new SqliteConnection(Source(path, mode));
        try
        {
            connection.Open();
            return use(connection);
        }
        catch (SqliteException broken)
        {
            connection.Dispose();
            throw Unavailable(path, "cannot be opened", broken);
        }
        catch (Exception senseless) when (senseless is FormatException or InvalidCastException or OverflowException
            or InvalidOperationException or ArgumentException or NullReferenceException)
        {
            // Bytes that SQLite takes for a value, and that are none.
            connection.Dispose();
            throw Unavailable(path, "cannot be opened", Sql.Damage("a value without sense"));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // The full path: ":memory:" and "file:.." would be something else than files.
    private static string Source(string path, SqliteOpenMode mode) => new SqliteConnectionStringBuilder
    {
        DataSource = Path.GetFullPath(path),
        Mode = mode,
        Pooling = false,
        DefaultTimeout = Patience,
    }.ToString();

    private static void Prepare(SqliteConnection connection, string path)
    {
        // 2 kB pages: a commit writes two of them, and an SD card wears by bytes. To be said before the first table.
        connection.Execute("PRAGMA page_size = 2048");
        var isNew = Marks.All(mark => connection.Number($"PRAGMA {mark}") == 0);
        var version = isNew ? 0 : CheckOurs(connection, path);

        connection.Execute("PRAGMA journal_mode = WAL");
        // FULL: what append returned for is on the card, also after the plug is pulled. NORMAL may roll back the last commits.
        connection.Execute("PRAGMA synchronous = FULL");
        // The log is written over from its start after each 1000 pages; one that grew in a long transaction shrinks again.
        connection.Execute("PRAGMA journal_size_limit = 4194304");

        if (version < BufferSchema.Version)
        {
            connection.Execute("BEGIN IMMEDIATE");
            BufferSchema.Upgrade(connection, version);
            connection.Execute($"PRAGMA application_id = {ApplicationId}");
            connection.Execute("COMMIT");
        }
    }

    /// <returns>Its format.</returns>
    private static long CheckOurs(SqliteConnection connection, string path)
    {
        if (connection.Number("PRAGMA application_id") != ApplicationId)
        {
            throw new BufferUnavailableException(
                $"{path} is a database, but not a buffer of sungrow-edge: name another file in Buffer__Path.");
        }

        var version = connection.Number("PRAGMA user_version")!.Value;
        return version <= BufferSchema.Version
            ? version
            : throw new BufferUnavailableException(
                $"The buffer {path} was written by a newer sungrow-edge (format {version}, this one knows {BufferSchema.Version}): "
                + "install the newer program. The file is untouched.");
    }
}
