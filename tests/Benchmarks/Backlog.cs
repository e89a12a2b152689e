using Sungrow.Edge.Buffer;

namespace Sungrow.Benchmarks;

/// <summary>A buffer file as an edge leaves it that polled every ten seconds and reached no server.</summary>
internal static class Backlog
{
    private const int IntervalSeconds = 10;

    /// <returns>The time of its newest row.</returns>
    public static DateTimeOffset Write(string path, string deviceId, int rows, DateTimeOffset until)
    {
        // Written where a commit waits for no disk, one row each as polling does, then put in its place.
        var fast = Directory.Exists("/dev/shm") ? $"/dev/shm/sungrow-backlog-{Guid.NewGuid():N}" : path + ".making";
        var last = new DateTimeOffset(until.UtcTicks - (until.UtcTicks % (IntervalSeconds * TimeSpan.TicksPerSecond)), TimeSpan.Zero);
        try
        {
            using (var buffer = SampleBuffer.Open(fast, "an-earlier-boot"))
            {
                for (var row = 0; row < rows; row++)
                {
                    var before = TimeSpan.FromSeconds((double)(rows - 1 - row) * IntervalSeconds);
                    buffer.Append(
                        new NewSample(deviceId, last - before, Metrics(row), 1, IntervalSeconds, TimeSpan.FromSeconds((double)row * IntervalSeconds)));
                }
            }

            File.Copy(fast, path, overwrite: true);
            return last;
        }
        finally
        {
            foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(fast)!, Path.GetFileName(fast) + "*"))
            {
                File.Delete(file);
            }
        }
    }

    // A day of 8,640 rows whose digits change as an inverter's do: whole watts, tenths of all else.
    private static BufferedMetrics Metrics(int row)
    {
        var sun = Math.Max(0, Math.Sin((row % 8_640 / 8_640.0 * 2 * Math.PI) - (Math.PI / 2)));
        var pv = Math.Round((sun * 9_000) + (row * 7919 % 211 * sun));
        var load = 400 + (row * 104_729 % 1_600);
        return new(pv, Math.Round(row % 8_640 * sun / 200, 1), Math.Round((load - pv) / 3), Math.Round(20 + (sun * 75), 1), 24.5, load, Math.Round(pv - load));
    }
}
