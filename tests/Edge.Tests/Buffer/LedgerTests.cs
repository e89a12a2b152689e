using Sungrow.Edge.Buffer;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>Where each row goes, and that every one of them stays in the account.</summary>
public sealed class LedgerTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 9, 8, 12, 0, 0, TimeSpan.Zero);

    private readonly TempFolder _folder = new();
    private readonly SampleBuffer _buffer;

    public LedgerTests() => _buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot", Rows.KeepAll);

    [Fact]
    public void A_dead_letter_leaves_the_queue_and_is_a_missing_range_with_its_reason()
    {
        _buffer.AppendMany(1, 10);

        _buffer.Settle(_buffer.Peek(Rows.Device, 6)!, Verdicts(new DeadLetter("OUT_OF_RANGE", "0 .. 100"), 2, 3, 5));

        Assert.Equal(new DeviceCounters(Rows.Device, Cursor: 6, Committed: 10, Acknowledged: 3, DeadLettered: 3), Counters());
        Assert.Equal([7, 8, 9, 10], Waiting());
        var letters = SampleBuffer.ReadDeadLetters(_folder.File("buffer.db")).ToList();
        Assert.Equal([2, 3, 5], letters.Select(letter => letter.Sample.Seq));
        Assert.Equal(Rows.Row(5, 5), letters[2].Sample);
        Assert.Equal((Rows.Device, "OUT_OF_RANGE", "0 .. 100"), (letters[2].DeviceId, letters[2].Code, letters[2].Detail));
        Assert.Equal(
            [(2L, 3L, 2L, MissingReasons.DeadLettered, Rows.Number(2).Ts, Rows.Number(3).Ts), (5, 5, 1, MissingReasons.DeadLettered, Rows.Number(5).Ts, Rows.Number(5).Ts)],
            _buffer.UnreportedMissing(100).Select(range => (range.FromSeq, range.ToSeq, range.Rows, range.Reason, range.From, range.To)));
    }

    [Fact]
    public void A_held_row_waits_is_handed_out_alone_when_due_and_can_end_in_each_way()
    {
        _buffer.AppendMany(1, 4);
        _buffer.Settle(_buffer.Peek(Rows.Device, 3)!, Verdicts(new Hold("TIMESTAMP_IN_FUTURE", Noon), 1, 2, 3));

        Assert.Equal(new DeviceCounters(Rows.Device, Cursor: 3, Committed: 4, Acknowledged: 0, Held: 3), Counters());
        Assert.Equal(4, Counters().Waiting);
        Assert.Null(_buffer.PeekHeld(Noon.AddTicks(-10)));

        _buffer.Settle(_buffer.PeekHeld(Noon)!);
        _buffer.Settle(_buffer.PeekHeld(Noon)!, Verdicts(new DeadLetter("TOO_OLD", ""), 2));
        _buffer.Settle(_buffer.PeekHeld(Noon)!, Verdicts(new Hold("TIMESTAMP_IN_FUTURE", Noon.AddHours(1)), 3));

        Assert.Null(_buffer.PeekHeld(Noon));
        Assert.Equal(Rows.Row(3, 3), Assert.Single(_buffer.PeekHeld(Noon.AddHours(1))!.Samples));
        Assert.Equal(new DeviceCounters(Rows.Device, Cursor: 3, Committed: 4, Acknowledged: 1, DeadLettered: 1, Held: 1), Counters());
        Assert.Equal([4], Waiting());
    }

    [Fact]
    public void A_retried_dead_letter_waits_again_and_leaves_its_range_and_a_dropped_one_stays_counted()
    {
        _buffer.AppendMany(1, 3);
        _buffer.Settle(_buffer.Peek(Rows.Device, 3)!, Verdicts(new DeadLetter("OUT_OF_RANGE", ""), 1, 2, 3));
        _buffer.Reported(_buffer.UnreportedMissing(10), [], replacementToo: false);
        Assert.Empty(_buffer.UnreportedMissing(10));

        Assert.IsType<Left>(SampleBuffer.Give(_folder.File("buffer.db"), "boot", new RetryDeadLetters([1, 2])));
        Assert.IsType<Left>(SampleBuffer.Give(_folder.File("buffer.db"), "boot", new DropDeadLetters(null)));
        Assert.Equal(2, _buffer.TakeOrders().Count);
        Assert.Empty(_buffer.TakeOrders());

        Assert.Equal(new DeviceCounters(Rows.Device, Cursor: 3, Committed: 3, Acknowledged: 0, DeadLettered: 1, Held: 2), Counters());
        Assert.Empty(SampleBuffer.ReadDeadLetters(_folder.File("buffer.db")));
        Assert.Equal(1, Assert.Single(_buffer.UnreportedMissing(10)).Rows);
        Assert.Equal(1, _buffer.PeekHeld(DateTimeOffset.UnixEpoch)!.LastSeq);
    }

    [Fact]
    public void A_retried_row_that_is_refused_again_or_goes_for_another_reason_leaves_every_range_its_own_first_number()
    {
        _buffer.AppendMany(1, 20);
        _buffer.Settle(_buffer.Peek(Rows.Device, 20)!, Verdicts(new DeadLetter("OUT_OF_RANGE", ""), [.. Enumerable.Range(1, 20).Select(n => (long)n)]));

        Retry(1);
        _buffer.Settle(_buffer.PeekHeld(Noon)!, Verdicts(new DeadLetter("OUT_OF_RANGE", ""), 1));
        var again = Assert.Single(_buffer.UnreportedMissing(10));
        Assert.Equal((1, 20, 20), (again.FromSeq, again.ToSeq, again.Rows));

        _buffer.Reported([again], [], replacementToo: false);
        Retry(1, 2);
        using (var connection = BufferFile.OpenForWriting(_folder.File("buffer.db"), opened => opened))
        {
            // As eviction would add it.
            MissingRanges.Add(connection, device: 1, neighbour: 0, new(1, 1, 1, null, null, MissingReasons.Evicted));
        }

        Assert.Equal(
            [(1L, 1L, 1L, MissingReasons.Evicted), (2, 20, 18, MissingReasons.DeadLettered)],
            _buffer.UnreportedMissing(10).Select(range => (range.FromSeq, range.ToSeq, range.Rows, range.Reason)).Order());

        void Retry(params long[] seqs)
        {
            SampleBuffer.Give(_folder.File("buffer.db"), "boot", new RetryDeadLetters(seqs));
            Assert.Single(_buffer.TakeOrders());
        }
    }

    [Fact]
    public void A_row_held_by_a_clock_that_was_a_year_ahead_is_not_held_for_a_year()
    {
        _buffer.AppendMany(1, 1);
        _buffer.Settle(_buffer.Peek(Rows.Device, 1)!, Verdicts(new Hold("TIMESTAMP_IN_FUTURE", Noon.AddYears(1)), 1));

        Assert.Equal(1, _buffer.PeekHeld(Noon)!.LastSeq);
    }

    [Fact]
    public void A_time_that_no_clock_has_is_none()
    {
        _buffer.Append(Rows.Number(1) with { Ts = new(2300, 1, 1, 0, 0, 0, TimeSpan.Zero) });
        _buffer.Append(Rows.Number(2) with { Ts = new(1969, 1, 1, 0, 0, 0, TimeSpan.Zero) });

        Assert.Equal(2, _buffer.ReadState().Untimed);
        Assert.Null(_buffer.Peek(Rows.Device, 10));
    }

    [Fact]
    public void A_replay_sends_what_was_sent_of_that_time_and_passes_over_what_waits()
    {
        _buffer.AppendMany(1, 600);
        _buffer.Settle(_buffer.Peek(Rows.Device, 10)!);

        SampleBuffer.Give(_folder.File("buffer.db"), "boot", new Replay(Rows.Number(5).Ts!.Value, Rows.Number(500).Ts!.Value));
        Assert.IsType<Replay>(Assert.Single(_buffer.TakeOrders()));

        var batch = _buffer.PeekResend(100)!;
        Assert.Equal([5, 6, 7, 8, 9, 10], batch.Samples.Select(row => row.Seq));
        _buffer.ResendDone(batch);
        Assert.Null(_buffer.PeekResend(100));
    }

    [Fact]
    public void Without_a_daemon_an_order_is_carried_out_at_once()
    {
        _buffer.AppendMany(1, 3);
        _buffer.Settle(_buffer.Peek(Rows.Device, 3)!, Verdicts(new DeadLetter("OUT_OF_RANGE", ""), 1, 2));
        _buffer.SetBrake(new("OUT_OF_RANGE", Noon));
        _buffer.Dispose();

        Assert.Equal(new Done(1), SampleBuffer.Give(_folder.File("buffer.db"), "boot", new RetryDeadLetters([2, 7])));
        Assert.Equal(new Done(1), SampleBuffer.Give(_folder.File("buffer.db"), "boot", new ReleaseBrake()));

        var state = SampleBuffer.ReadState(_folder.File("buffer.db"));
        Assert.Equal((3, 1, 1, 1, 1), (state.Committed, state.Acknowledged, state.DeadLettered, state.Held, state.Waiting));
        Assert.Null(state.Brake);
    }

    [Fact]
    public void Rows_without_a_time_wait_until_they_have_one()
    {
        _buffer.AppendMany(1, 2);
        _buffer.Append(Rows.Number(3) with { Ts = null });
        _buffer.Append(Rows.Number(4) with { Ts = null });

        Assert.Equal([1, 2], Waiting());
        Assert.Equal(2, _buffer.ReadState().Untimed);
        Assert.Null(_buffer.PeekNewest(Rows.Device, 2, 10));

        Assert.Equal(2, _buffer.AssignTimes(Noon, 1007));

        var rows = _buffer.Peek(Rows.Device, 10)!.Samples;
        Assert.Equal(Noon.AddSeconds(4).AddMicroseconds(7), rows[3].Ts);
        Assert.Equal([1, 2, 3, 4], rows.Select(row => row.Seq));
        Assert.Equal((0, rows[3].Ts), (_buffer.ReadState().Untimed, _buffer.NewestTs));
    }

    [Fact]
    public void Rows_of_a_boot_that_never_knew_the_time_become_dead_letters_and_are_not_retried()
    {
        _buffer.AppendMany(1, 2);
        _buffer.Append(Rows.Number(3) with { Ts = null });
        _buffer.Dispose();

        using (var same = SampleBuffer.Open(_folder.File("buffer.db"), "boot"))
        {
            Assert.Equal(1, same.ReadState().Untimed);
        }

        using var next = SampleBuffer.Open(_folder.File("buffer.db"), "boot-2");
        next.Append(Rows.Number(4) with { Ts = null });

        Assert.Equal((4, 3, 1, 1), (next.ReadState().Committed, next.ReadState().Waiting, next.ReadState().DeadLettered, next.ReadState().Untimed));
        Assert.Equal("CLOCK_NEVER_TRUSTED", Assert.Single(SampleBuffer.ReadDeadLetters(_folder.File("buffer.db"))).Code);
        Assert.Null(Assert.Single(next.UnreportedMissing(10)).From);
        SampleBuffer.Give(_folder.File("buffer.db"), "boot-2", new RetryDeadLetters(null));
        next.TakeOrders();
        Assert.Equal(1, next.ReadState().DeadLettered);
    }

    [Fact]
    public void The_newest_rows_are_handed_out_in_order_beside_the_backlog()
    {
        _buffer.AppendMany(1, 20);

        Assert.Equal([18, 19, 20], _buffer.PeekNewest(Rows.Device, 0, 3)!.Samples.Select(row => row.Seq));
        Assert.Equal([20], _buffer.PeekNewest(Rows.Device, 19, 3)!.Samples.Select(row => row.Seq));
        Assert.Null(_buffer.PeekNewest(Rows.Device, 20, 3));
        Assert.Equal(20, _buffer.ReadState().Waiting);
        Assert.Throws<InvalidOperationException>(() => _buffer.Settle(_buffer.PeekNewest(Rows.Device, 0, 3)!));
    }

    [Fact]
    public void A_resend_hands_out_sent_rows_once_more_and_changes_no_counter()
    {
        _buffer.AppendMany(1, 10);
        _buffer.Settle(_buffer.Peek(Rows.Device, 6)!);
        var before = Counters();

        _buffer.AddResend(3, 9);
        _buffer.AddResend(4, 5);
        var first = _buffer.PeekResend(2)!;
        Assert.Equal([3, 4], first.Samples.Select(row => row.Seq));
        _buffer.ResendDone(first);
        var second = _buffer.PeekResend(100)!;
        Assert.Equal([5, 6], second.Samples.Select(row => row.Seq));
        _buffer.ResendDone(second);

        Assert.Null(_buffer.PeekResend(100));
        Assert.Equal(before, Counters());
    }

    [Fact]
    public void A_gap_is_reported_until_it_is_over_and_known()
    {
        var gap = _buffer.OpenGap(Noon, GapReasons.Night, 1);
        _buffer.Reported([], _buffer.UnreportedGaps(10), replacementToo: false);
        Assert.Equal(gap, Assert.Single(_buffer.OpenGaps()));
        Assert.Single(_buffer.UnreportedGaps(10));

        _buffer.UpdateGap(gap.Id, Noon.AddHours(1), 7);
        var ended = _buffer.UnreportedGaps(10);
        _buffer.Reported([], ended, replacementToo: false);

        Assert.Equal(new Gap(gap.Id, Noon, Noon.AddHours(1), GapReasons.Night, 7), Assert.Single(ended));
        Assert.Empty(_buffer.UnreportedGaps(10));
        Assert.Empty(_buffer.OpenGaps());
        _buffer.RepeatReports(TimeProvider.System.GetUtcNow().AddHours(1));
        Assert.Empty(_buffer.UnreportedGaps(10));

        // By the time of the report: what the server has forgotten may be much older than its restored copy.
        _buffer.RepeatReports(TimeProvider.System.GetUtcNow().AddHours(-1));
        Assert.Equal(ended, _buffer.UnreportedGaps(10));
    }

    [Fact]
    public void Epoch_and_brake_outlive_the_process()
    {
        Assert.Equal(0, _buffer.ClockEpoch);
        Assert.Equal(1, _buffer.NextClockEpoch());
        _buffer.SetBrake(new("OUT_OF_RANGE", Noon));
        _buffer.Dispose();

        using var again = SampleBuffer.Open(_folder.File("buffer.db"), "boot");
        Assert.Equal((1, new Brake("OUT_OF_RANGE", Noon)), (again.ClockEpoch, again.Brake));
        again.SetBrake(null);
        Assert.Null(again.ReadState().Brake);
    }

    [Fact]
    public async Task An_order_wakes_the_one_who_waits_for_more()
    {
        _buffer.TakeOrders();
        var waiting = _buffer.WaitForMoreAsync(TestContext.Current.CancellationToken);

        SampleBuffer.Give(_folder.File("buffer.db"), "boot", new ReleaseBrake());

        await waiting.WaitAsync(TestServers.Until.Deadline, TestContext.Current.CancellationToken);
        Assert.IsType<ReleaseBrake>(Assert.Single(_buffer.TakeOrders()));
    }

    public void Dispose()
    {
        _buffer.Dispose();
        _folder.Dispose();
    }

    private static Dictionary<long, Verdict> Verdicts(Verdict verdict, params long[] seqs) => seqs.ToDictionary(seq => seq, _ => verdict);

    private DeviceCounters Counters() => Assert.Single(_buffer.ReadState().Devices);

    private IEnumerable<long> Waiting() => _buffer.Peek(Rows.Device, 500)!.Samples.Select(row => row.Seq);
}
