using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

/// <summary>Times of rows in a real buffer, on a clock that the test moves and sets.</summary>
public sealed class SampleClockTests : IDisposable
{
    private static readonly DateTimeOffset Six = new(2026, 9, 8, 6, 0, 0, TimeSpan.Zero);
    private static readonly Uri Vps = new("https://vps.example.net");
    private static readonly BufferOptions KeepAll = new() { KeepSent = TimeSpan.FromDays(3650) };

    private readonly TempFolder _folder = new();
    private FakeTime _time = new(Six);
    private ClockTrust _trust;
    private SampleBuffer _buffer;
    private SampleClock _clock;
    private long _rows;

    public SampleClockTests()
    {
        _trust = Clocks.Trusted(_time);
        _buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot-1", KeepAll, _time);
        _clock = Clocks.Of(_buffer, _time, _trust);
    }

    [Fact]
    public void Times_are_whole_milliseconds_in_the_first_epoch()
    {
        _time.Step(TimeSpan.FromTicks(1_234_567));

        Poll(2);

        Assert.Equal([Six.AddMilliseconds(123), Six.AddMilliseconds(10_123)], Times());
    }

    [Fact]
    public void Set_back_again_and_again_over_the_same_hour_no_time_comes_twice()
    {
        for (var n = 0; n < 20; n++)
        {
            Poll(30);
            _time.Step(TimeSpan.FromSeconds(-300));
        }

        Assert.Equal(600, Times().Distinct().Count());
        Assert.Equal(Enumerable.Range(1, 600).Select(seq => (long)seq), Rows().Select(row => row.Seq));
    }

    [Fact]
    public void A_step_back_too_small_to_see_makes_no_time_twice()
    {
        for (var n = 0; n < 20; n++)
        {
            Append();
            _time.Step(TimeSpan.FromMilliseconds(-100));
            Append();
        }

        Assert.Equal(40, Times().Distinct().Count());
    }

    [Fact]
    public void The_thousandth_epoch_begins_anew()
    {
        for (var n = 0; n < 1_001; n++)
        {
            _buffer.NextClockEpoch();
        }

        Append();

        Assert.Equal(Six.AddMicroseconds(1), Times().Single());
    }

    [Fact]
    public void A_restart_with_a_clock_that_was_set_back_meanwhile_meets_no_old_row()
    {
        Poll(60);
        Restart("boot-2", Six.AddMinutes(5)); // The last row is at 06:09:50.
        Poll(60);

        Assert.Equal(120, Times().Distinct().Count());
        Assert.Equal(1, Times()[^1].Microsecond);
    }

    [Fact]
    public void A_restart_with_a_clock_that_runs_is_in_the_same_epoch()
    {
        Poll(6);
        Restart("boot-1", Six.AddMinutes(5));
        Poll(6);

        Assert.Equal(0, _buffer.ClockEpoch);
    }

    [Fact]
    public void A_boot_in_1970_gives_its_rows_the_right_times_when_the_network_sets_the_clock()
    {
        Poll(3);
        var synchronised = false;
        Restart("boot-2", DateTimeOffset.UnixEpoch, time => Clocks.Auto(time, () => synchronised));
        Poll(60);
        Assert.Equal(3, Rows().Count); // Nothing without a time is sent.
        Assert.Equal(60, _buffer.ReadState().Untimed);

        // Ten minutes after the boot somebody knows that it is Tuesday.
        _time.Step(Six.AddDays(1) - _time.GetUtcNow());
        synchronised = true;
        Poll(2);

        Assert.Equal(0, _buffer.ReadState().Untimed);
        Assert.Equal(
            Enumerable.Range(-60, 62).Select(n => Six.AddDays(1).AddSeconds(10 * n).AddMicroseconds(1)), Times().Skip(3));
    }

    [Fact]
    public void Trust_that_comes_with_an_answer_gives_out_times_without_a_poll()
    {
        Restart("boot-2", Six.AddHours(-5), time => Clocks.Auto(time));
        Poll(3);
        _trust.Heard(Vps, Six); // Our clock is five hours behind the server's: no.
        Assert.False(_clock.IsTrusted());
        _time.Step(TimeSpan.FromHours(5) - TimeSpan.FromSeconds(30));

        Assert.True(_clock.IsTrusted());

        Assert.Equal(3, Times().Count);
        Assert.Equal(0, _buffer.ReadState().Untimed);
    }

    [Fact]
    public void A_boot_that_never_knew_the_time_leaves_dead_letters_and_no_guesses()
    {
        Poll(3);
        Restart("boot-2", DateTimeOffset.UnixEpoch, time => Clocks.Auto(time));
        Poll(5);
        Restart("boot-3", Six.AddDays(1));
        Poll(2);

        Assert.Equal([1, 2, 3, 9, 10], Rows().Select(row => row.Seq));
        var letters = SampleBuffer.ReadDeadLetters(_folder.File("buffer.db")).ToList();
        Assert.All(letters, letter => Assert.Equal("CLOCK_NEVER_TRUSTED", letter.Code));
        Assert.Equal([4, 5, 6, 7, 8], letters.Select(letter => letter.Sample.Seq));
        var missing = Assert.Single(_buffer.UnreportedMissing(10));
        Assert.Equal((4, 8, 5, "dead_lettered", null), (missing.FromSeq, missing.ToSeq, missing.Rows, missing.Reason, missing.From));
    }

    [Fact]
    public void A_process_that_ends_untrusted_leaves_its_rows_to_the_next_one_of_the_same_boot()
    {
        Restart("boot-2", DateTimeOffset.UnixEpoch, time => Clocks.Auto(time));
        Poll(5);
        _buffer.Dispose();
        _buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot-2", KeepAll, _time);
        _trust = Clocks.Trusted(_time);
        _clock = Clocks.Of(_buffer, _time, _trust);
        _time.Step(Six - _time.GetUtcNow());
        Poll(1);

        Assert.Equal(Enumerable.Range(-5, 6).Select(n => Six.AddSeconds(10 * n).AddMicroseconds(1)), Times());
    }

    [Fact]
    public void A_clock_a_year_ahead_that_a_server_doubts_stamps_nothing_and_then_rows_get_the_time_they_were_polled_at()
    {
        Restart("boot-2", Six, time => Clocks.Auto(time, () => true));
        Poll(3);
        _time.Step(TimeSpan.FromDays(365));
        Poll(3);
        var sent = _buffer.Peek(100)!;
        // The first three were stored; the others are refused as of the future.
        _buffer.Settle(sent, sent.Samples.Skip(3).ToDictionary(
            row => row.Seq, row => (Verdict)new Hold("TIMESTAMP_IN_FUTURE", _time.GetUtcNow().AddHours(1))));
        _trust.Doubt();
        Poll(2);
        Assert.Equal(2, _buffer.ReadState().Untimed);

        _time.Step(TimeSpan.FromDays(-365));
        Poll(1);

        var state = _buffer.ReadState();
        Assert.Equal((6, 3, 0), (state.Waiting, state.Held, state.Untimed));
        List<BufferedSample> held = [];
        while (_buffer.PeekHeld(_time.GetUtcNow()) is { } batch)
        {
            held.AddRange(batch.Samples);
            _buffer.Acknowledge(batch);
        }

        var all = sent.Samples.Take(3).Concat(held).Concat(Rows()).OrderBy(row => row.Seq).Select(row => row.Ts).ToList();
        Assert.Equal(Enumerable.Range(0, 9).Select(n => Six.AddSeconds(10 * n)), all.Select(ts => ts.AddMicroseconds(-ts.Microsecond)));
        Assert.Equal(9, all.Distinct().Count());
    }

    [Fact]
    public void What_a_run_stamped_ahead_the_next_run_of_the_same_boot_puts_right()
    {
        Restart("boot-2", Six, time => Clocks.Auto(time, () => true));
        Poll(2);
        _time.Step(TimeSpan.FromHours(2));
        Poll(3);
        var sent = _buffer.Peek(100)!;
        _buffer.Settle(sent, sent.Samples.Skip(2).ToDictionary(
            row => row.Seq, row => (Verdict)new Hold("TIMESTAMP_IN_FUTURE", _time.GetUtcNow().AddHours(1))));
        _buffer.Dispose();
        _time.Step(TimeSpan.FromHours(-2));
        _buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot-2", KeepAll, _time);
        _clock = Clocks.Of(_buffer, _time, Clocks.Trusted(_time));

        Poll(1);

        List<DateTimeOffset> held = [];
        while (_buffer.PeekHeld(_time.GetUtcNow()) is { } batch)
        {
            held.AddRange(batch.Samples.Select(row => row.Ts.AddMicroseconds(-row.Ts.Microsecond)));
            _buffer.Acknowledge(batch);
        }

        Assert.Equal([Six.AddSeconds(20), Six.AddSeconds(30), Six.AddSeconds(40)], held);
    }

    [Fact]
    public void What_a_boot_that_is_over_stamped_ahead_and_the_server_refused_become_dead_letters()
    {
        Restart("boot-2", Six.AddDays(365));
        Poll(4);
        Restart("boot-3", Six);
        Poll(1);
        // Not for this clock alone: one that is behind must not give up what the server would take.
        Assert.Equal(0, _buffer.ReadState().DeadLettered);
        var sent = _buffer.Peek(100)!;
        Verdict ahead = new Hold("TIMESTAMP_IN_FUTURE", Six.AddHours(6));
        Verdict other = new Hold("DEVICE_MISMATCH", Six.AddHours(6));
        _buffer.Settle(sent, new Dictionary<long, Verdict> { [1] = ahead, [2] = ahead, [3] = ahead, [4] = other });

        _trust = Clocks.Auto(_time, () => false);
        _clock = Clocks.Of(_buffer, _time, _trust);
        Poll(1);
        Assert.Equal(4, _buffer.ReadState().Held); // Nobody vouches for the clock that would judge them.
        _trust.Heard(Vps, _time.GetUtcNow());
        Poll(1);

        var state = _buffer.ReadState();
        Assert.Equal((3, 1, 3), (state.DeadLettered, state.Held, state.Waiting));
        Assert.Equal(state.Committed, state.Acknowledged + state.Waiting + state.DeadLettered + state.Evicted);
        var letters = SampleBuffer.ReadDeadLetters(_folder.File("buffer.db")).ToList();
        Assert.Equal([(1, "CLOCK_WAS_WRONG"), (2, "CLOCK_WAS_WRONG"), (3, "CLOCK_WAS_WRONG")], letters.Select(letter => (letter.Sample.Seq, letter.Code)));
        var missing = Assert.Single(_buffer.UnreportedMissing(10));
        Assert.Equal((1, 3, "dead_lettered", null), (missing.FromSeq, missing.ToSeq, missing.Reason, missing.From));
    }

    [Fact]
    public void A_poll_sees_each_step_once_also_when_the_report_looked_before()
    {
        Poll(1);
        _time.Step(TimeSpan.FromHours(1));
        _clock.IsTrusted();

        Assert.Equal(TimeSpan.FromHours(1), _clock.Look().Stepped);
        Assert.Equal(TimeSpan.Zero, _clock.Look().Stepped);
    }

    [Theory]
    [InlineData("2026-03-29T00:30:00Z")] // Clocks in Berlin go from 2 to 3.
    [InlineData("2026-10-25T00:30:00Z")] // And from 3 back to 2.
    public void A_change_to_or_from_summer_time_is_no_step(string from)
    {
        Restart("boot-2", DateTimeOffset.Parse(from, System.Globalization.CultureInfo.InvariantCulture));

        Poll(360);

        Assert.All(Times().Zip(Times().Skip(1)), pair => Assert.Equal(TimeSpan.FromSeconds(10), pair.Second - pair.First));
        Assert.Equal(0, _buffer.ClockEpoch);
    }

    public void Dispose()
    {
        _buffer.Dispose();
        _folder.Dispose();
    }

    private void Poll(int times)
    {
        for (var n = 0; n < times; n++)
        {
            Append();
            _time.Advance(TimeSpan.FromSeconds(10));
        }
    }

    private void Append()
    {
        var moment = _clock.Look();
        _buffer.Append(Tests.Buffer.Rows.Number(++_rows) with { Ts = moment.Ts, Uptime = moment.Uptime });
        if (moment.Ts is null)
        {
            _clock.Owe();
        }
    }

    private void Restart(string boot, DateTimeOffset now, Func<TimeProvider, ClockTrust>? trust = null)
    {
        _buffer.Dispose();
        _time = new FakeTime(now);
        _trust = (trust ?? Clocks.Trusted)(_time);
        _buffer = SampleBuffer.Open(_folder.File("buffer.db"), boot, KeepAll, _time);
        _clock = Clocks.Of(_buffer, _time, _trust);
    }

    private IReadOnlyList<BufferedSample> Rows() => _buffer.Peek(5_000)?.Samples ?? [];

    private List<DateTimeOffset> Times() => [.. Rows().Select(row => row.Ts)];
}
