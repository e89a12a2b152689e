using Sungrow.Edge.Buffer;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>A damaged file is put aside and polling goes on: what waited is taken over, or counted as lost.</summary>
public sealed class DamageTests : IDisposable
{
    private const int PageBytes = 2048;
    private const int Appended = 1500;
    private const int Sent = 500;

    private readonly TempFolder _folder = new(inMemory: true);

    private string Path => _folder.File("buffer.db");

    [Fact]
    public void A_bad_page_costs_its_own_rows_and_they_are_counted()
    {
        var old = Fill();
        var pages = (int)(new FileInfo(Path).Length / PageBytes);
        Scribble(Path, pages - 10, 1);

        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
        var rows = Drain(buffer);

        var state = buffer.ReadState();
        var lost = state.Replaces!.Lost;
        Assert.InRange(lost, 1, 60);
        Assert.Equal(old, state.Replaces.BufferId);
        Assert.Equal(Appended - Sent - lost, rows.Count);
        IsTrue(rows);
        var range = Assert.Single(buffer.UnreportedMissing(10), range => range.Reason == MissingReasons.Corrupt);
        Assert.Equal((lost, Rows.Device), (range.Rows, range.DeviceId));
        Assert.Equal(range.ToSeq + 1, buffer.Append(Rows.Number(Appended + 1)));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(PageBytes)]
    public void A_bad_header_costs_no_row(int bytes)
    {
        var old = Fill();
        using (var file = File.OpenWrite(Path))
        {
            file.Write(new byte[bytes]);
        }

        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);

        Assert.Equal(new Replacement(old, Appended - Sent, 0), buffer.ReadState().Replaces);
        var rows = Drain(buffer);
        Assert.Equal(Enumerable.Range(Sent + 1, Appended - Sent).Select(n => Rows.Row(n, n) with { Seq = n - Sent }), rows);
        Assert.Single(Aside());
    }

    [Theory]
    [InlineData(0.9)]
    [InlineData(0.5)]
    [InlineData(0.1)]
    [InlineData(0.01)]
    public void Of_a_file_that_was_cut_off_the_rest_is_taken_over(double kept)
    {
        var old = Fill();
        using (var file = File.OpenWrite(Path))
        {
            file.SetLength((long)(file.Length * kept));
        }

        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
        var first = buffer.Append(Rows.Number(Appended + 1));
        var rows = Drain(buffer);

        IsTrue(rows);
        Assert.Equal((old, buffer.BufferId == old), (buffer.ReadState().Replaces!.BufferId, false));
        Assert.Equal(first, rows[^1].Seq);
        Assert.All(buffer.UnreportedMissing(100), lost => Assert.InRange(lost.ToSeq, 1, first - 1));
        Balances(buffer.ReadState());
    }

    [Fact]
    public void Damage_met_while_running_stops_neither_polling_nor_uplink()
    {
        var old = Fill();
        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
        var inFlight = buffer.Peek(Rows.Device, 5)!;
        Scribble(Path, 30, (int)(new FileInfo(Path).Length / PageBytes) - 30);

        var rows = Drain(buffer);
        var seq = buffer.Append(Rows.Number(Appended + 1));
        var after = buffer.ReadState();
        buffer.Acknowledge(inFlight);

        IsTrue(rows);
        Assert.Equal(old, after.Replaces!.BufferId);
        Assert.Equal(after, buffer.ReadState() with { Devices = after.Devices });
        Assert.Equal(seq, buffer.Peek(1)!.LastSeq);
        Balances(buffer.ReadState());
    }

    [Fact]
    public void A_file_cut_to_nothing_or_deleted_while_the_edge_was_off_is_followed_by_one_that_says_so()
    {
        var old = Fill();
        File.WriteAllBytes(Path, []);
        using (var buffer = SampleBuffer.Open(Path, "boot"))
        {
            Assert.Equal(old, buffer.ReadState().Replaces!.BufferId);
            old = buffer.BufferId;
        }

        File.Delete(Path);
        using var again = SampleBuffer.Open(Path, "boot");

        Assert.Equal(new Replacement(old, 0, 0), again.ReadState().Replaces);
        Assert.Equal(1, again.Append(Rows.Number(1)));
    }

    [Fact]
    public void A_file_deleted_under_the_daemon_loses_no_row()
    {
        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
        buffer.AppendMany(1, 20);
        buffer.Acknowledge(buffer.Peek(5)!);
        var old = buffer.BufferId;
        foreach (var file in Directory.GetFiles(_folder.Path, "buffer.db*").Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            File.Delete(file);
        }

        buffer.Append(Rows.Number(21));

        Assert.Equal(new Replacement(old, 15, 0), buffer.ReadState().Replaces);
        Assert.Equal(Enumerable.Range(6, 16).Select(n => Rows.Row(n - 5, n)), Drain(buffer));
        Assert.True(File.Exists(Path));
    }

    [Fact]
    public void An_older_copy_put_back_under_the_daemon_is_put_aside()
    {
        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
        buffer.AppendMany(1, 20);
        File.Copy(Path, _folder.File("copy"));
        File.Copy(Path + "-wal", _folder.File("copy-wal"));
        buffer.AppendMany(21, 30);
        File.Move(_folder.File("copy"), Path, overwrite: true);
        File.Move(_folder.File("copy-wal"), Path + "-wal", overwrite: true);

        buffer.Append(Rows.Number(31));

        Assert.Equal(Enumerable.Range(1, 31).Select(n => Rows.Row(n, n)), Drain(buffer));
        Assert.Single(Aside());
    }

    [Fact]
    public void Of_a_log_that_was_cut_the_committed_beginning_holds()
    {
        string copy;
        using (var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll))
        {
            buffer.AppendMany(1, 100);
            copy = Copy("cut.db");
        }

        for (var length = new FileInfo(copy + "-wal").Length; length > 0; length -= 9_999)
        {
            using (var log = File.OpenWrite(copy + "-wal"))
            {
                log.SetLength(length);
            }

            File.Copy(copy, _folder.File("now.db"), overwrite: true);
            File.Copy(copy + "-wal", _folder.File("now.db-wal"), overwrite: true);
            using var buffer = SampleBuffer.Open(_folder.File("now.db"), "boot", Rows.KeepAll);
            var rows = buffer.Peek(Rows.Device, 500)?.Samples ?? [];
            Assert.Equal(Enumerable.Range(1, rows.Count).Select(n => Rows.Row(n, n)), rows);
            Balances(buffer.ReadState());
            buffer.Append(Rows.Number(rows.Count + 1));
        }
    }

    [Fact]
    public void Dead_letters_held_rows_gaps_brake_and_epoch_are_taken_over()
    {
        var noon = new DateTimeOffset(2026, 9, 8, 12, 0, 0, TimeSpan.Zero);
        using (var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll))
        {
            buffer.AppendMany(1, 2000);
            buffer.Settle(buffer.Peek(Rows.Device, 3)!, new Dictionary<long, Verdict>
            {
                [1] = new DeadLetter("OUT_OF_RANGE", "0 .. 100"),
                [2] = new Hold("TIMESTAMP_IN_FUTURE", noon),
            });
            buffer.OpenGap(noon, GapReasons.Night, 3);
            buffer.NextClockEpoch();
            buffer.SetBrake(new("OUT_OF_RANGE", noon));
        }

        Scribble(Path, 60, 1);
        using var again = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
        Drain(again);

        var state = again.ReadState();
        Assert.NotNull(state.Replaces);
        Assert.Equal((1, 1, new Brake("OUT_OF_RANGE", noon), 1), (state.DeadLettered, state.Held, state.Brake, again.ClockEpoch));
        Assert.Equal(Rows.Number(1).Ts, Assert.Single(SampleBuffer.ReadDeadLetters(Path)).Sample.Ts);
        Assert.Equal(Rows.Number(2).Ts, Assert.Single(again.PeekHeld(noon)!.Samples).Ts);
        Assert.Equal(GapReasons.Night, Assert.Single(again.OpenGaps()).Reason);
        Balances(state);
    }

    [Fact]
    public void A_buffer_without_its_tables_is_replaced()
    {
        SampleBuffer.Open(Path, "boot").Dispose();
        using (var connection = BufferFile.OpenForWriting(Path, opened => opened))
        {
            connection.Execute("DROP TABLE devices");
        }

        Assert.Throws<BufferUnavailableException>(() => SampleBuffer.ReadState(Path));
        using var buffer = SampleBuffer.Open(Path, "boot");

        Assert.NotNull(buffer.ReadState().Replaces);
    }

    [Fact]
    public void Whatever_bytes_are_bad_the_next_sample_is_stored()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            Random random = new(seed);
            var path = _folder.File($"{seed}.db");
            using (var filled = SampleBuffer.Open(path, "boot", Rows.KeepAll))
            {
                filled.AppendMany(1, 200);
                filled.Acknowledge(filled.Peek(Rows.Device, 50)!);
            }

            using (var file = File.OpenWrite(path))
            {
                for (var i = random.Next(1, 30); i > 0; i--)
                {
                    file.Position = random.NextInt64(file.Length - 64);
                    var bytes = new byte[random.Next(1, 64)];
                    random.NextBytes(bytes);
                    file.Write(bytes);
                }
            }

            // What bad bytes make of a header may be a newer format or another program's: that is refused, and not touched.
            var refusal = Record.Exception(() =>
            {
                using var buffer = SampleBuffer.Open(path, "boot", Rows.KeepAll);
                Drain(buffer);
                buffer.Append(Rows.Number(201));
                Balances(buffer.ReadState());
            });
            Assert.True(refusal is null or BufferUnavailableException, $"{seed}: {refusal}");
        }
    }

    [Fact]
    public void A_kill_in_the_middle_of_replacing_is_made_good_at_the_next_start()
    {
        Fill();
        using (var source = BufferFile.OpenForWriting(Path, opened => opened))
        {
            Salvage.Rebuild(source, Path, Guid.Empty);
        }

        // Killed before the moves: it is made again. Between them: it is put in place.
        SampleBuffer.Open(Path, "boot", Rows.KeepAll).Dispose();
        Assert.False(File.Exists(Path + ".salvage"));
        using (var source = BufferFile.OpenForWriting(Path, opened => opened))
        {
            Salvage.Rebuild(source, Path, Guid.Empty);
        }

        File.Move(Path, _folder.File("aside"));
        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
        Assert.Equal(Appended - Sent, buffer.ReadState().Replaces!.Salvaged);
    }

    [Fact]
    public void Damaged_files_do_not_pile_up()
    {
        for (var i = 0; i < 6; i++)
        {
            using var buffer = SampleBuffer.Open(Path, "boot");
            buffer.AppendMany(1, 3);
            buffer.Dispose();
            File.WriteAllBytes(Path, new byte[5000]);
        }

        using var last = SampleBuffer.Open(Path, "boot");
        Assert.Equal(3, Aside().Length);
    }

    public void Dispose() => _folder.Dispose();

    private static void Scribble(string path, int page, int pages)
    {
        var bytes = new byte[pages * PageBytes];
        new Random(page).NextBytes(bytes);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Position = (long)page * PageBytes;
        file.Write(bytes);
    }

    private static List<BufferedSample> Drain(SampleBuffer buffer)
    {
        List<BufferedSample> rows = [];
        while (buffer.Peek(Rows.Device, 500) is { } batch)
        {
            rows.AddRange(batch.Samples);
            buffer.Acknowledge(batch);
        }

        return rows;
    }

    /// <summary>Every row is one that was appended, and none comes twice.</summary>
    private static void IsTrue(List<BufferedSample> rows)
    {
        var known = Enumerable.Range(1, Appended + 1).Select(n => Rows.Row(0, n)).ToDictionary(row => row.Ts);
        Assert.All(rows, row => Assert.Equal(known[row.Ts], row with { Seq = 0 }));
        Assert.Equal(rows.Count, rows.DistinctBy(row => row.Ts).Count());
    }

    private static void Balances(BufferState state) =>
        Assert.Equal(state.Committed, state.Acknowledged + state.Waiting + state.DeadLettered + state.Evicted);

    private Guid Fill()
    {
        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
        buffer.AppendMany(1, Appended);
        buffer.Acknowledge(buffer.Peek(Rows.Device, Sent)!);
        return buffer.BufferId;
    }

    private string[] Aside() => [.. Directory.GetFiles(_folder.Path, "*.corrupt-*").Where(file => !file.EndsWith("-wal", StringComparison.Ordinal))];

    private string Copy(string name)
    {
        File.Copy(Path, _folder.File(name));
        File.Copy(Path + "-wal", _folder.File(name + "-wal"));
        return _folder.File(name);
    }
}
