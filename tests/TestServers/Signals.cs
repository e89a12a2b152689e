using System.Globalization;
using System.Runtime.InteropServices;

namespace Sungrow.TestServers;

/// <summary>Signals that <see cref="System.Diagnostics.Process"/> cannot send, and a process's children.</summary>
internal static partial class Signals
{
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    /// <summary>False where the process is gone.</summary>
    public static bool Send(int pid, int signal) => kill(pid, signal) == 0;

    /// <summary>False for a zombie too: it holds no port, no file and no memory.</summary>
    public static bool IsAlive(int pid) => Stat(pid) is { State: not ('Z' or 'X') };

    public static bool IsStopped(int pid) => Stat(pid) is { State: 'T' };

    public static IReadOnlyList<int> ChildrenOf(int pid) =>
        [.. Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0 && Stat(id) is { } stat && stat.Parent == pid)];

    private static (char State, int Parent)? Stat(int pid)
    {
        try
        {
            // pid (name) state ppid ..: the name may hold spaces and brackets, so the last bracket counts.
            var text = File.ReadAllText($"/proc/{pid}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null; // Ended between the listing and the read.
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);
}
