using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Sungrow.Edge.Buffer;

/// <summary>Which SQLite runs: the system's own where there is one, as that gets security updates; else the bundled 3.35.</summary>
internal static partial class NativeSqlite
{
    private const string System = "libsqlite3.so.0";

    private const string Library = "e_sqlite3";
    private const int HasMovedOperation = 20;

    private static readonly Lock Gate = new();
    private static bool _loaded;

    public static void Load()
    {
        lock (Gate)
        {
            if (_loaded)
            {
                return;
            }

            NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
            NativeLibrary.SetDllImportResolver(typeof(NativeSqlite).Assembly, Resolve);
            Batteries_V2.Init();
            _loaded = true;
        }
    }

    /// <summary>The open file is no longer the one that its path names: deleted, moved away, or another was put there. Rows written to it
    /// would be gone with the process.</summary>
    public static bool HasMoved(sqlite3 database) => FileControl(database, null, HasMovedOperation, out var moved) == raw.SQLITE_OK && moved != 0;

    // https://www.sqlite.org/c3ref/file_control.html
    [LibraryImport(Library, EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileControl(sqlite3 database, string? name, int operation, out int value);

    // Zero leaves the search to the runtime, which finds the bundled library.
    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path) =>
        library == Library && NativeLibrary.TryLoad(System, out var handle) ? handle : 0;
}
