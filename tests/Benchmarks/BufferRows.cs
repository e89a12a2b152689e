using Sungrow.Edge.Buffer;

namespace Sungrow.Benchmarks;

/// <summary>Samples as an inverter serves them, every value set: whole watts, tenths of the rest.</summary>
internal static class BufferRows
{
    public const string Device = "A2340512345";

    // Nothing is too old for the buffer, and no bound is met.
    public static readonly BufferOptions Options = new() { KeepSent = TimeSpan.FromDays(3650), MinFreeBytes = 0 };

    private static readonly DateTimeOffset First = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static NewSample Number(long n) => new(
        Device,
        First.AddSeconds(10 * n),
        new(3000 + (n % 4000), (n % 300) / 10.0, -2000 + (n % 4000), (n % 1000) / 10.0, 20 + ((n % 150) / 10.0), 400 + (n % 2500), -1500 + (n % 3000)),
        SampleCount: 1,
        IntervalSeconds: 10,
        TimeSpan.FromSeconds(10 * n));

    /// <summary>A buffer in which so many rows wait, as appends would have left it.</summary>
    public static void Fill(string path, int rows)
    {
        using (var buffer = SampleBuffer.Open(path, "boot", Options))
        {
            buffer.Append(Number(1));
        }

        using var connection = BufferFile.OpenForWriting(path, opened => opened);
        connection.Execute("BEGIN");
        for (var n = 2; n <= rows; n++)
        {
            SampleRows.Insert(connection, n, Number(n), device: 1, boot: 1);
        }

        connection.Execute("UPDATE devices SET committed = $rows, last_seq = $rows", ("$rows", rows));
        connection.Execute("COMMIT");
        connection.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
}
