using System.Diagnostics;

namespace Sungrow.TestServers;

/// <summary>A shell that outlives this process, however it ends (SIGKILL included), and then kills what was started and removes its
/// folders. It waits on a pipe that only this process holds open. A parent-death signal would not do: it follows the starting thread and
/// not the process, and a stopped PostgreSQL backend would stay behind.</summary>
public static class LastWill
{
    private const string Script =
        """
        trap '' INT TERM HUP
        pids= folders= disks=
        without() { for each in $1; do [ "$each" = "$2" ] || printf ' %s' "$each"; done; }
        while read -r verb name; do
          case $verb in
            pid) pids="$pids $name" ;;
            no-pid) pids=$(without "$pids" "$name") ;;
            folder) folders="$folders $name" ;;
            no-folder) folders=$(without "$folders" "$name") ;;
            disk) disks="$disks $name" ;;
            no-disk) disks=$(without "$disks" "$name") ;;
          esac
        done
        for pid in $pids; do
          children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
          kill -KILL $pid $children 2>/dev/null
        done
        for disk in $disks; do umount --lazy "$disk"; done
        for folder in $folders; do rm -rf -- "$folder" 2>/dev/null || { sleep 1; rm -rf -- "$folder"; }; done
        """;

    private static readonly Lazy<StreamWriter> Pipe = new(Start);

    internal static void Watch(int pid) => Say($"pid {pid}");

    internal static void Forget(int pid) => Say($"no-pid {pid}");

    /// <summary>A new folder in the temporary folder, removed with this process at the latest.</summary>
    public static string CreateFolder(string prefix)
    {
        var folder = Directory.CreateTempSubdirectory(prefix).FullName;
        Say($"folder {folder}");
        return folder;
    }

    public static void RemoveFolder(string folder)
    {
        Directory.Delete(folder, recursive: true);
        Say($"no-folder {folder}");
    }

    internal static void WatchDisk(string mountPoint) => Say($"disk {mountPoint}");

    internal static void ForgetDisk(string mountPoint) => Say($"no-disk {mountPoint}");

    private static void Say(string line)
    {
        lock (Pipe)
        {
            Pipe.Value.WriteLine(line);
        }
    }

    private static StreamWriter Start()
    {
        // Its own session: a Ctrl-C or a kill of our process group must not take it along.
        ProcessStartInfo start = new("setsid", ["sh", "-c", Script])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
        var shell = Process.Start(start)!;
        shell.StandardInput.AutoFlush = true;
        return shell.StandardInput;
    }
}
