using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>Samples whose every value follows from their number, so that a torn or mixed-up row shows.</summary>
internal static class Rows
{
    public const string Device = "A2340512345";

    /// <summary>These rows are of one day, and the machine's clock is years away.</summary>
    public static readonly BufferOptions KeepAll = new() { KeepSent = TimeSpan.FromDays(3650), MinFreeBytes = 0 };

    private static readonly DateTimeOffset Start = new(2026, 9, 8, 6, 0, 0, TimeSpan.Zero);

    public static NewSample Number(long n, string device = Device) => new(
        device,
        Start.AddSeconds(10 * n).AddMicroseconds(n % 1000),
        Metrics(n),
        SampleCount: 1 + (int)(n % 3),
        IntervalSeconds: 10 * (1 + (n % 3)),
        TimeSpan.FromSeconds(n));

    /// <summary>The row that <see cref="Number"/> becomes, under <paramref name="seq"/>.</summary>
    public static BufferedSample Row(long seq, long n)
    {
        var sample = Number(n);
        return new(seq, sample.Ts!.Value, sample.Metrics, sample.SampleCount, sample.IntervalSeconds);
    }

    public static void AppendMany(this SampleBuffer buffer, long first, long last, string device = Device)
    {
        for (var n = first; n <= last; n++)
        {
            buffer.Append(Number(n, device));
        }
    }

    private static BufferedMetrics Metrics(long n) => new(
        n * 0.1,
        OrNull(n, 2, n / 3.0),
        OrNull(n, 3, -n),
        OrNull(n, 4, n % 101),
        OrNull(n, 5, -40 + (n % 120)),
        OrNull(n, 6, n * 1.1),
        OrNull(n, 7, -0.7 * n));

    private static double? OrNull(long n, long every, double value) => n % every == 0 ? null : value;
}
