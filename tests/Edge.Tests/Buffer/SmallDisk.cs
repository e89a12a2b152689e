using System.Diagnostics;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>A small disk that a test may fill. A test that asks for one is skipped where this user may not mount.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _path;

    private SmallDisk(string path) => _path = path;

    public static SmallDisk Mount(TempFolder folder, int megabytes = 1)
    {
        var path = Directory.CreateDirectory(folder.File("disk")).FullName;
        Assert.SkipUnless(Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", path), "needs the right to mount a small file system");
        return new(path);
    }

    public string File(string name) => Path.Combine(_path, name);

    public void Fill()
    {
        using var filler = System.IO.File.Create(File("filler"), bufferSize: 0);
        try
        {
            while (true)
            {
                filler.Write(new byte[512]);
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    public void MakeSpace() => System.IO.File.Delete(File("filler"));

    public void MakeReadOnly() => Assert.True(Run("mount", "-o", "remount,ro", _path));

    /// <returns>False where the kernel refuses it under open files.</returns>
    public bool TryMakeReadOnly() => Run("mount", "-o", "remount,ro", _path);

    public void MakeWritable() => Assert.True(Run("mount", "-o", "remount,rw", _path));

    /// <summary>Another, read-only disk is where it was.</summary>
    public bool TryHide() => Run("mount", "-t", "tmpfs", "-o", "size=64k,ro", "tmpfs", _path);

    public void Show() => Assert.True(Run("umount", _path));

    public void Dispose() => Run("umount", "--lazy", _path);

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // No such program here.
        }
    }
}
