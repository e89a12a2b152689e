using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>What the child of the kill loop does: everything that changes the account, at random, saying each step once it is committed.
/// Row n always gets the number n.</summary>
internal static class Churn
{
    public const string Command = "churn";

    /// <summary>So small that rows are evicted all the time.</summary>
    public static readonly BufferOptions Small = new() { MaxBytes = 160 * 1024, MinFreeBytes = 0, KeepSent = TimeSpan.FromDays(3650) };

    public static int Run(string path, int seed)
    {
        Random random = new(seed);
        using var buffer = SampleBuffer.Open(path, Guid.NewGuid().ToString(), Small);
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        var next = buffer.ReadState().Committed + 1;
        while (true)
        {
            switch (random.Next(10))
            {
                case < 7:
                    for (var i = random.Next(1, 30); i > 0; i--)
                    {
                        Say($"append {buffer.Append(Rows.Number(next++))}");
                    }

                    break;
                case 7 when buffer.Peek(Rows.Device, random.Next(2, 40)) is { Samples.Count: > 1 } batch:
                    buffer.Settle(batch);
                    Say($"sent {batch.LastSeq}");
                    break;
                case 8 when buffer.Peek(Rows.Device, random.Next(2, 10)) is { } batch:
                    buffer.Settle(batch, batch.Samples.ToDictionary(row => row.Seq, row => (Verdict)(row.Seq % 3 == 0
                        ? new Hold("HOLD", DateTimeOffset.UnixEpoch)
                        : new DeadLetter("DEAD", "for the test"))));
                    Say($"sent {batch.LastSeq}");
                    break;
                case 9 when buffer.PeekHeld(DateTimeOffset.UnixEpoch) is { } held:
                    buffer.Settle(held);
                    Say($"released {held.LastSeq}");
                    break;
            }
        }

        // The dot tells a whole line from one that the kill cut off.
        void Say(string step) => output.WriteLine(step + " .");
    }
}
