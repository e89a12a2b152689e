using Microsoft.Data.Sqlite;
using Sungrow.Edge.Buffer;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

public sealed class FullDiskTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Fact]
    public void A_full_disk_costs_the_sample_and_nothing_else()
    {
        using var disk = SmallDisk.Mount(_folder);
        using var buffer = SampleBuffer.Open(disk.File("buffer.db"), "boot");
        buffer.AppendMany(1, 20);
        buffer.Acknowledge(buffer.Peek(8)!);
        disk.Fill();

        var committed = AppendUntilRefused(buffer, 21);
        for (var i = 0; i < 3; i++)
        {
            Assert.Throws<SqliteException>(() => buffer.Append(Rows.Number(committed + 1)));
        }

        Assert.Equal((committed, 8, committed - 8), Account(buffer));
        Assert.Equal(Enumerable.Range(9, (int)committed - 8).Select(n => (long)n), buffer.Peek(5000)!.Samples.Select(row => row.Seq));

        disk.MakeSpace();
        Assert.Equal(committed + 1, buffer.Append(Rows.Number(committed + 1)));
        Assert.Equal((committed + 1, 8, committed - 7), Account(buffer));
    }

    [Fact]
    public void A_full_disk_loses_no_acknowledgement_while_the_daemon_runs_and_only_repeats_sends_after_it()
    {
        using var disk = SmallDisk.Mount(_folder);
        long committed;
        using (var buffer = SampleBuffer.Open(disk.File("buffer.db"), "boot"))
        {
            buffer.AppendMany(1, 20);
            disk.Fill();
            committed = AppendUntilRefused(buffer, 21);

            // Whether the move still fits into the log's last page is the file system's affair.
            Assert.True(Record.Exception(() => buffer.Acknowledge(buffer.Peek(8)!)) is null or SqliteException);

            Assert.Equal((committed, 8, committed - 8), Account(buffer));
            Assert.Equal(9, buffer.Peek(1)!.Samples[0].Seq);
        }

        disk.MakeSpace();
        using var again = SampleBuffer.Open(disk.File("buffer.db"), "boot");
        Assert.Contains(again.Peek(1)!.Samples[0].Seq, new long[] { 1, 9 });
        Assert.Equal(committed, again.ReadState().Committed);
    }

    [Fact]
    public void A_disk_that_is_full_at_the_start_is_named()
    {
        using var disk = SmallDisk.Mount(_folder);
        SampleBuffer.Open(disk.File("buffer.db"), "boot").Dispose();
        disk.Fill();

        Assert.Contains("full", Refusal(disk.File("buffer.db")));
    }

    [Fact]
    public void A_disk_that_became_read_only_is_not_taken_for_another_daemon()
    {
        using var disk = SmallDisk.Mount(_folder);
        SampleBuffer.Open(disk.File("buffer.db"), "boot").Dispose();
        disk.MakeReadOnly();

        Assert.DoesNotContain("another sungrow-edge", Refusal(disk.File("buffer.db")));
    }

    public void Dispose() => _folder.Dispose();

    private static long AppendUntilRefused(SampleBuffer buffer, long next)
    {
        for (; next < 10_000; next++)
        {
            try
            {
                buffer.Append(Rows.Number(next));
            }
            catch (SqliteException)
            {
                return next - 1;
            }
        }

        throw new InvalidOperationException("The disk was never full.");
    }

    private static (long Committed, long Acknowledged, long Waiting) Account(SampleBuffer buffer)
    {
        var state = buffer.ReadState();
        return (state.Committed, state.Acknowledged, state.Waiting);
    }

    private static string Refusal(string path) =>
        Assert.Throws<BufferUnavailableException>(() => SampleBuffer.Open(path, "boot-2")).Message;
}
