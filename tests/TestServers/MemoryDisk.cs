using System.ComponentModel;
using System.Diagnostics;

namespace Sungrow.TestServers;

/// <summary>A small disk that may be filled: a tmpfs of its own, gone with this process at the latest.</summary>
public sealed class MemoryDisk : IDisposable
{
    private MemoryDisk(string path) => Path = path;

    public string Path { get; }

    private string Filler => System.IO.Path.Combine(Path, "filler");

    /// <summary>Null where this user or this machine may not mount.</summary>
    public static MemoryDisk? Mount(int megabytes)
    {
        var path = LastWill.CreateFolder("sungrow-disk-");
        if (Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", path))
        {
            LastWill.WatchDisk(path);
            return new(path);
        }

        LastWill.RemoveFolder(path);
        return null;
    }

    /// <summary>Writes until the disk refuses a single byte more.</summary>
    public void Fill()
    {
        using var filler = File.Open(Filler, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, BufferSize = 0 });
        var length = 64 * 1024;
        while (length > 0)
        {
            try
            {
                filler.Write(new byte[length]);
            }
            catch (IOException)
            {
                length /= 2; // No room for so much.
            }
        }
    }

    public void MakeSpace() => File.Delete(Filler);

    public void Dispose()
    {
        Run("umount", "--lazy", Path);
        LastWill.ForgetDisk(Path);
        LastWill.RemoveFolder(Path);
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            ProcessStartInfo start = new(program, arguments) { UseShellExecute = false, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false; // No such program here.
        }
    }
}
