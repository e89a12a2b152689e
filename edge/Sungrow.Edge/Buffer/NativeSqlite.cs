using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Sungrow.Edge.Buffer;

/// <summary>Which SQLite runs: the system's own where there is one, as that gets security updates; else the bundled 3.35.</summary>
internal static class NativeSqlite
{
    private const string System = "libsqlite3.so.0";

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
            Batteries_V2.Init();
            _loaded = true;
        }
    }

    // Zero leaves the search to the runtime, which finds the bundled library.
    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path) =>
        library == "e_sqlite3" && NativeLibrary.TryLoad(System, out var handle) ? handle : 0;
}
