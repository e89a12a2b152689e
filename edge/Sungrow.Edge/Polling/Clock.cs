using System.Runtime.InteropServices;

namespace Sungrow.Edge.Polling;

/// <summary>What the machine says of its own clock, and which boot this is.</summary>
internal static partial class Clock
{
    private const int TimeError = 5;

    // struct timex of Linux is 208 bytes on 64-bit machines; all zeros only asks.
    private const int TimexBytes = 256;

    /// <summary>The kernel's random name of this boot; of a system without one, "unknown".</summary>
    public static string BootId { get; } = ReadBootId();

    /// <summary>Time since the boot, whatever the clock does: Linux counts its timestamps from there.</summary>
    public static TimeSpan Uptime(TimeProvider time) => time.GetElapsedTime(startingTimestamp: 0);

    /// <summary>Whether the kernel or systemd says that the clock was set from the network.</summary>
    public static bool IsSynchronised()
    {
        if (File.Exists("/run/systemd/timesync/synchronized"))
        {
            return true;
        }

        try
        {
            return AdjTimeX(new byte[TimexBytes]) is >= 0 and not TimeError;
        }
        catch (Exception missing) when (missing is DllNotFoundException or EntryPointNotFoundException)
        {
            return false; // Not Linux: nobody vouches for the clock.
        }
    }

    [LibraryImport("libc", EntryPoint = "adjtimex")]
    private static partial int AdjTimeX(byte[] timex);

    private static string ReadBootId()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (IOException)
        {
            return "unknown";
        }
    }
}
