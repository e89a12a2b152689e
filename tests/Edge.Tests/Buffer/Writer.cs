using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>What the child process does: appends rows as fast as it can, acknowledges some, and says each number once it is committed.
/// Row n always gets the number n, so that the test knows what every row must hold.</summary>
internal static class Writer
{
    public const string Command = "write";

    public static string Program => typeof(Writer).Assembly.Location;

    /// <param name="batch">The longest batch acknowledged. 1: the daemon's steady state.</param>
    public static int Run(string path, long appends, int batch)
    {
        using var buffer = SampleBuffer.Open(path, Guid.NewGuid().ToString(), Rows.KeepAll);
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        var next = buffer.ReadState().Committed + 1;
        for (var i = 0; i < appends; i++, next++)
        {
            output.WriteLine(buffer.Append(Rows.Number(next)));

            // One by one, in batches, and now and then falling behind.
            if (next % 5 != 0 && buffer.Peek((int)(1 + (next % batch))) is { } oldest)
            {
                buffer.Acknowledge(oldest);
            }
        }

        return 0;
    }
}
