using System.Globalization;

namespace Sungrow.Benchmarks;

/// <summary>Processor time, as /proc counts it.</summary>
internal static class ProcessCost
{
    // USER_HZ, which Linux has fixed for programs.
    private const double TicksPerSecond = 100;

    /// <summary>Of all processors of the machine, whoever had them.</summary>
    public static (double Busy, double Idle) Machine()
    {
        // cpu user nice system idle iowait irq softirq steal
        var ticks = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
            .Select(field => long.Parse(field, CultureInfo.InvariantCulture)).ToList();
        var idle = ticks[3] + ticks[4];
        return ((ticks.Sum() - idle) / TicksPerSecond, idle / TicksPerSecond);
    }

    /// <summary>Of a process with all of its children, also those that ended.</summary>
    public static double CpuSeconds(int pid)
    {
        var ticks = 0L;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out _)
                && Stat(folder) is { } stat && (stat.Pid == pid || stat.Parent == pid))
            {
                ticks += stat.Ticks;
            }
        }

        return ticks / TicksPerSecond;
    }

    private static (int Pid, int Parent, long Ticks)? Stat(string folder)
    {
        try
        {
            // pid (name) state ppid .. utime stime cutime cstime: the name may hold spaces and brackets, so the last bracket counts.
            var text = File.ReadAllText(folder + "/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (
                int.Parse(text[..text.IndexOf(' ')], CultureInfo.InvariantCulture),
                int.Parse(fields[1], CultureInfo.InvariantCulture),
                fields[11..15].Sum(field => long.Parse(field, CultureInfo.InvariantCulture)));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null; // Ended between the listing and the read.
        }
    }
}
