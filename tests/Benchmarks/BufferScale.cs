using System.CommandLine;
using System.Diagnostics;
using Sungrow.Edge.Buffer;

namespace Sungrow.Benchmarks;

/// <summary>Claim: with ten million rows waiting, start, append, peek and status cost at most 1.5 times what they cost with none (a peek:
/// with no more than it returns). Both buffers lie side by side and are measured in turn.</summary>
internal static class BufferScale
{
    private const double Allowed = 1.5;
    private const int Batch = 500;

    public static Command Command()
    {
        Option<int> rows = new("--rows") { Description = "Rows that wait.", DefaultValueFactory = _ => 10_000_000 };
        Option<int> rounds = new("--rounds") { Description = "How often each call is measured.", DefaultValueFactory = _ => 200 };
        Command command = new("buffer-scale", "The edge's buffer with a large backlog and with none.") { rows, rounds };
        command.SetAction(parsed => Run(parsed.GetValue(rows), parsed.GetValue(rounds)));
        return command;
    }

    private static int Run(int rows, int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("sungrow-bench-").FullName;
        try
        {
            string[] paths = [Path.Combine(folder, "empty.db"), Path.Combine(folder, "full.db")];
            BufferRows.Fill(paths[0], Batch);
            BufferRows.Fill(paths[1], rows);
            (string Name, Action<string, SampleBuffer> Call)[] calls =
            [
                ("append", (_, buffer) => buffer.Append(BufferRows.Number(1))),
                ("peek", (_, buffer) => buffer.Peek(BufferRows.Device, Batch)),
                ("status", (path, _) => SampleBuffer.ReadState(path)),
            ];

            Console.WriteLine($"median of {rounds}, ms: {Batch} rows wait, {rows} rows wait, ratio (allowed {Allowed})");
            var holds = Compare("start", Math.Max(20, rounds / 10), paths, path => SampleBuffer.Open(path, "boot", BufferRows.Options).Dispose());
            SampleBuffer[] buffers = [.. paths.Select(path => SampleBuffer.Open(path, "boot", BufferRows.Options))];
            foreach (var (name, call) in calls)
            {
                holds &= Compare(name, rounds, paths, path => call(path, buffers[Array.IndexOf(paths, path)]));
            }

            foreach (var buffer in buffers)
            {
                buffer.Dispose();
            }

            Console.WriteLine(holds ? "The claim holds." : "The claim does NOT hold.");
            return holds ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool Compare(string name, int rounds, string[] paths, Action<string> call)
    {
        var took = paths.ToDictionary(path => path, _ => new List<double>());
        for (var round = -rounds / 10; round < rounds; round++)
        {
            foreach (var path in paths)
            {
                var started = Stopwatch.GetTimestamp();
                call(path);
                if (round >= 0)
                {
                    took[path].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                }
            }
        }

        var (empty, full) = (Spread.Median(took[paths[0]]), Spread.Median(took[paths[1]]));
        Console.WriteLine($"{name,-8} {empty,8:F3} {full,8:F3} {full / empty,6:F2}");
        return full <= Allowed * empty;
    }
}
