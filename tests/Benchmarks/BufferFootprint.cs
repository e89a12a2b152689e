using System.CommandLine;
using System.ComponentModel;
using System.Globalization;
using Sungrow.Edge.Buffer;
using Sungrow.TestServers;

namespace Sungrow.Benchmarks;

/// <summary>Claim: in the steady state, append and acknowledge one by one, a stored sample costs one fsync and at most 9 kB written, and a
/// waiting row takes at most 110 bytes on disk. fsyncs are those that strace sees of a child, the difference of two runs; bytes written
/// are <c>write_bytes</c> of <c>/proc/self/io</c>, checkpoints among them.</summary>
internal static class BufferFootprint
{
    private const double AllowedWritten = 9_000;
    private const double AllowedOnDisk = 110;

    public static Command Command()
    {
        Option<int> samples = new("--samples") { Description = "Samples of which the writing is counted.", DefaultValueFactory = _ => 5_000 };
        Option<int> rows = new("--rows") { Description = "Rows of which the space is measured.", DefaultValueFactory = _ => 1_000_000 };
        Command command = new("buffer-footprint", "What a sample costs the edge's disk.") { samples, rows };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(samples), parsed.GetValue(rows), cancellationToken));
        return command;
    }

    /// <summary>What strace watches.</summary>
    public static Command Writer()
    {
        Argument<string> path = new("path");
        Argument<int> samples = new("samples");
        Command command = new("buffer-writer", "Appends and acknowledges samples one by one.") { path, samples };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            using var buffer = SampleBuffer.Open(parsed.GetRequiredValue(path), "boot", BufferRows.Options);
            Write(buffer, parsed.GetValue(samples));
        });
        return command;
    }

    private static async Task<int> RunAsync(int samples, int rows, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("sungrow-bench-").FullName;
        try
        {
            var few = await FsyncsAsync(Path.Combine(folder, "few.db"), 100, cancellationToken);
            var many = await FsyncsAsync(Path.Combine(folder, "many.db"), 1_100, cancellationToken);
            double? fsyncs = (many - few) / 1000.0;
            Console.WriteLine(fsyncs is null ? "fsyncs per sample: not counted, strace is missing" : $"fsyncs per sample: {fsyncs:F3}; allowed 1 and those of checkpoints, 1.02");

            var written = Written(Path.Combine(folder, "written.db"), samples);
            Console.WriteLine($"bytes written per sample: {written:F0}; allowed {AllowedWritten}{(written == 0 ? " (this file system does not count)" : "")}");

            var filled = Path.Combine(folder, "filled.db");
            BufferRows.Fill(filled, rows);
            var onDisk = new FileInfo(filled).Length / (double)rows;
            Console.WriteLine($"bytes on disk per row, of {rows}: {onDisk:F1}; allowed {AllowedOnDisk}");

            var holds = fsyncs is null or <= 1.02 && written <= AllowedWritten && onDisk <= AllowedOnDisk;
            Console.WriteLine(holds ? "The claim holds." : "The claim does NOT hold.");
            return holds ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Write(SampleBuffer buffer, int samples)
    {
        for (var n = 1; n <= samples; n++)
        {
            buffer.Append(BufferRows.Number(n));
            buffer.Acknowledge(buffer.Peek(BufferRows.Device, 500)!);
        }
    }

    private static double Written(string path, int samples)
    {
        using var buffer = SampleBuffer.Open(path, "boot", BufferRows.Options);
        Write(buffer, 1_000);
        var before = WriteBytes();
        Write(buffer, samples);
        return (WriteBytes() - before) / (double)samples;
    }

    private static long WriteBytes() => File.ReadLines("/proc/self/io")
        .Where(line => line.StartsWith("write_bytes: ", StringComparison.Ordinal))
        .Select(line => long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture))
        .Single();

    private static async Task<long?> FsyncsAsync(string path, int samples, CancellationToken cancellationToken)
    {
        var counts = path + ".strace";
        string[] watched = ["dotnet", typeof(BufferFootprint).Assembly.Location, "buffer-writer", path, $"{samples}"];
        try
        {
            await using var strace = ProgramProcess.Start("strace", ["-f", "-c", "-e", "trace=fsync,fdatasync", "-o", counts, .. watched]);
            if (await strace.ExitCodeAsync(cancellationToken: cancellationToken) != 0)
            {
                return null;
            }
        }
        catch (Win32Exception)
        {
            return null; // No strace here.
        }

        // % time, seconds, microseconds per call, calls, errors if any, "total".
        var total = (await File.ReadAllLinesAsync(counts, cancellationToken)).Last(line => line.EndsWith(" total", StringComparison.Ordinal));
        return long.Parse(total.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], CultureInfo.InvariantCulture);
    }
}
