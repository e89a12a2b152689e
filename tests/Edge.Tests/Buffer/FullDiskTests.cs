using Sungrow.Edge.Buffer;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

public sealed class FullDiskTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Fact]
    public void A_full_disk_costs_the_sample_and_nothing_else()
    {
        using var disk = SmallDisk.Mount(_folder);
        using var buffer = SampleBuffer.Open(disk.File("buffer.db"), "boot", Rows.KeepAll);
        buffer.AppendMany(1, 20);
        buffer.Acknowledge(buffer.Peek(8)!);
        disk.Fill();

        var committed = AppendUntilRefused(buffer, 21);
        for (var i = 0; i < 3; i++)
        {
            // Each refusal gives the log another chance to be brought in: one more may find its place.
            committed += Record.Exception(() => buffer.Append(Rows.Number(committed + 1))) is null ? 1 : 0;
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
            Assert.True(Record.Exception(() => buffer.Acknowledge(buffer.Peek(8)!)) is null or BufferUnavailableException);

            Assert.Equal((committed, 8, committed - 8), Account(buffer));
            Assert.Equal(9, buffer.Peek(1)!.Samples[0].Seq);
        }

        disk.MakeSpace();
        using var again = SampleBuffer.Open(disk.File("buffer.db"), "boot");
        Assert.Contains(again.Peek(1)!.Samples[0].Seq, new long[] { 1, 9 });
        Assert.Equal(committed, again.ReadState().Committed);
    }

    [Fact]
    public void On_a_full_disk_sent_rows_make_room()
    {
        using var disk = SmallDisk.Mount(_folder, megabytes: 4);
        using var buffer = SampleBuffer.Open(disk.File("buffer.db"), "boot", Rows.KeepAll);
        buffer.AppendMany(1, 2000);
        buffer.Acknowledge(buffer.Peek(1500)!);
        disk.Fill();

        buffer.AppendMany(2001, 3000);

        Assert.Equal((3000, 1500, 1500), Account(buffer));
        Assert.Equal(Enumerable.Range(1501, 1500).Select(n => Rows.Row(n, n)), buffer.Peek(5000)!.Samples);
        Assert.Equal(0, buffer.ReadState().Evicted);
    }

    [Fact]
    public void A_disk_with_too_little_free_space_stops_the_buffers_growth_and_not_the_polling()
    {
        // The log takes 2 MB of it, the rows the 1 MB that they may always have.
        using var disk = SmallDisk.Mount(_folder, megabytes: 6);
        using var buffer = SampleBuffer.Open(disk.File("buffer.db"), "boot", new() { MinFreeBytes = 3 << 20, KeepSent = TimeSpan.FromDays(3650) });

        // Far more than fits: each of them has about 80 bytes.
        buffer.AppendMany(1, 32_000);

        var state = buffer.ReadState();
        Assert.True(new DriveInfo(disk.File("")).AvailableFreeSpace > 2 << 20);
        Assert.Equal((32_000, 32_000 - state.Evicted), (state.Committed, state.Waiting));
        Assert.True(state.Waiting > 10_000, $"{state.Waiting}");
        var range = Assert.Single(buffer.UnreportedMissing(10));
        Assert.Equal((1, state.Evicted, state.Evicted, MissingReasons.Evicted), (range.FromSeq, range.ToSeq, range.Rows, range.Reason));
        Assert.Equal(state.Evicted + 1, buffer.Peek(1)!.LastSeq);
    }

    [Fact]
    public void A_file_system_that_became_read_only_costs_samples_while_it_is_and_heals()
    {
        using var disk = SmallDisk.Mount(_folder);
        using var buffer = SampleBuffer.Open(disk.File("buffer.db"), "boot", Rows.KeepAll);
        buffer.AppendMany(1, 10);
        buffer.Settle(buffer.Peek(4)!);
        Assert.SkipUnless(disk.TryMakeReadOnly(), "needs a file system that can be made read-only under an open file");

        for (var i = 0; i < 3; i++)
        {
            var refusal = Assert.Throws<BufferUnavailableException>(() => buffer.Append(Rows.Number(11)));
            Assert.DoesNotContain('\n', refusal.Message);
        }

        disk.MakeWritable();
        Assert.Equal(11, buffer.Append(Rows.Number(11)));
        Assert.Equal((11, 4, 7), Account(buffer));
        Assert.Equal(Enumerable.Range(5, 7).Select(n => Rows.Row(n, n)), buffer.Peek(100)!.Samples);
    }

    [Fact]
    public void A_disk_that_is_pulled_costs_samples_while_it_is_away_and_heals()
    {
        using var disk = SmallDisk.Mount(_folder);
        using var buffer = SampleBuffer.Open(disk.File("buffer.db"), "boot", Rows.KeepAll);
        buffer.AppendMany(1, 10);
        Assert.SkipUnless(disk.TryHide(), "needs the right to mount over a folder");

        var refusal = Assert.Throws<BufferUnavailableException>(() => buffer.Append(Rows.Number(11)));
        Assert.DoesNotContain('\n', refusal.Message);

        disk.Show();
        buffer.Append(Rows.Number(11));
        Assert.Equal(Enumerable.Range(1, 11).Select(n => Rows.Row(n, n)), buffer.Peek(100)!.Samples);
        Assert.Null(buffer.ReadState().Replaces);
    }

    [Fact]
    public void What_was_settled_before_the_disk_was_pulled_holds()
    {
        using var disk = SmallDisk.Mount(_folder);
        using var buffer = SampleBuffer.Open(disk.File("buffer.db"), "boot", Rows.KeepAll);
        buffer.AppendMany(1, 5);
        buffer.Settle(buffer.Peek(1)!);
        buffer.Settle(buffer.Peek(1)!);
        var inFlight = buffer.Peek(1)!;
        Assert.SkipUnless(disk.TryHide(), "needs the right to mount over a folder");
        Assert.Throws<BufferUnavailableException>(() => buffer.Append(Rows.Number(6)));
        Assert.Throws<BufferUnavailableException>(() => buffer.Peek(1));
        disk.Show();

        buffer.Settle(inFlight);

        Assert.Equal([4, 5], buffer.Peek(100)!.Samples.Select(row => row.Seq));
        buffer.Settle(buffer.Peek(100)!);
        Assert.Equal((5, 5, 0), Account(buffer));
    }

    [Fact]
    public async Task A_lock_that_another_program_holds_is_waited_for_well_below_a_poll_interval()
    {
        using var buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot", Rows.KeepAll);
        buffer.AppendMany(1, 3);
        using (var other = BufferFile.OpenForWriting(_folder.File("buffer.db"), opened => opened))
        {
            other.Execute("BEGIN IMMEDIATE");

            var refusal = await Assert.ThrowsAsync<BufferUnavailableException>(
                () => Task.Run(() => buffer.Append(Rows.Number(4))).WaitAsync(TestServers.Until.Deadline));

            Assert.Contains("another program holds it", refusal.Message);
            other.Execute("ROLLBACK");
        }

        Assert.Equal(4, buffer.Append(Rows.Number(4)));
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
            catch (BufferUnavailableException)
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
