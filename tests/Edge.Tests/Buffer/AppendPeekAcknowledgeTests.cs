using Sungrow.Edge.Buffer;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

public sealed class AppendPeekAcknowledgeTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly SampleBuffer _buffer;

    public AppendPeekAcknowledgeTests() => _buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot");

    [Fact]
    public void Nothing_waits_in_a_fresh_buffer()
    {
        Assert.Null(_buffer.Peek(500));
        var state = _buffer.ReadState();
        Assert.Equal((0, 0, 0), (state.Committed, state.Acknowledged, state.Waiting));
        Assert.Null(state.OldestWaiting);
        Assert.Null(state.NewestWaiting);
        Assert.NotEqual(Guid.Empty, _buffer.BufferId);
    }

    [Fact]
    public void Rows_come_back_in_order_with_numbers_from_one_and_every_value_to_the_last_bit()
    {
        _buffer.AppendMany(1, 50);

        var batch = _buffer.Peek(500)!;

        Assert.Equal(Rows.Device, batch.DeviceId);
        Assert.Equal(Enumerable.Range(1, 50).Select(n => Rows.Row(n, n)), batch.Samples);
    }

    [Theory]
    [InlineData(0.1 + 0.2)]
    [InlineData(-1e-9)]
    [InlineData(double.Epsilon)]
    [InlineData(499_999.999_999_999_9)]
    [InlineData(1.0)]
    public void A_value_survives_bit_for_bit(double value)
    {
        _buffer.Append(Rows.Number(1) with { Metrics = new(value, value, value, value, value, value, value) });

        var metrics = _buffer.Peek(1)!.Samples[0].Metrics;

        Assert.Equal(BitConverter.DoubleToInt64Bits(value), BitConverter.DoubleToInt64Bits(metrics.PvPowerWatts!.Value));
        Assert.Equal(BitConverter.DoubleToInt64Bits(value), BitConverter.DoubleToInt64Bits(metrics.ExportPowerWatts!.Value));
    }

    [Fact]
    public void A_value_that_was_not_served_stays_null_and_zero_stays_zero()
    {
        _buffer.Append(Rows.Number(1) with { Metrics = new(0, null, null, 0, null, null, null) });

        Assert.Equal(new BufferedMetrics(0, null, null, 0, null, null, null), _buffer.Peek(1)!.Samples[0].Metrics);
    }

    [Fact]
    public void A_time_is_kept_to_the_microsecond_in_utc()
    {
        var ts = new DateTimeOffset(2026, 3, 29, 3, 0, 0, TimeSpan.FromHours(2)).AddTicks(1_234_567);
        _buffer.Append(Rows.Number(1) with { Ts = ts });

        var kept = _buffer.Peek(1)!.Samples[0].Ts;

        Assert.Equal(TimeSpan.Zero, kept.Offset);
        Assert.Equal(ts.AddTicks(-7), kept);
    }

    [Fact]
    public void Peeking_moves_nothing()
    {
        _buffer.AppendMany(1, 3);

        Assert.Equal(_buffer.Peek(2)!.Samples, _buffer.Peek(2)!.Samples);
        Assert.Equal(3, _buffer.ReadState().Waiting);
    }

    [Fact]
    public void A_batch_is_the_oldest_rows_and_no_more_than_asked_for()
    {
        _buffer.AppendMany(1, 10);

        Assert.Equal([1, 2, 3], _buffer.Peek(3)!.Samples.Select(row => row.Seq));
    }

    [Fact]
    public void What_was_acknowledged_is_not_seen_again_and_the_rest_follows()
    {
        _buffer.AppendMany(1, 10);

        _buffer.Acknowledge(_buffer.Peek(3)!);

        Assert.Equal([4, 5, 6, 7, 8, 9, 10], _buffer.Peek(500)!.Samples.Select(row => row.Seq));
        var device = Assert.Single(_buffer.ReadState().Devices);
        Assert.Equal(new DeviceCounters(Rows.Device, Cursor: 3, Committed: 10, Acknowledged: 3), device);
    }

    [Fact]
    public void Rows_appended_between_peek_and_acknowledge_still_wait()
    {
        _buffer.AppendMany(1, 2);
        var batch = _buffer.Peek(500)!;
        _buffer.AppendMany(3, 4);

        _buffer.Acknowledge(batch);

        Assert.Equal([3, 4], _buffer.Peek(500)!.Samples.Select(row => row.Seq));
    }

    [Fact]
    public void A_batch_holds_one_device_and_each_device_has_its_own_cursor()
    {
        foreach (var n in Enumerable.Range(1, 30))
        {
            _buffer.Append(Rows.Number(n, $"device-{n % 3}"));
        }

        List<BufferedBatch> sent = [];
        while (_buffer.Peek(4) is { } batch)
        {
            sent.Add(batch);
            _buffer.Acknowledge(batch);
        }

        Assert.Equal(Enumerable.Range(1, 30).Select(n => (long)n), sent.SelectMany(batch => batch.Samples).Select(row => row.Seq).Order());
        Assert.All(sent, batch => Assert.All(batch.Samples, row => Assert.Equal(batch.DeviceId, $"device-{row.Seq % 3}")));
        Assert.Equal(
            [("device-0", 30L, 10L), ("device-1", 28L, 10L), ("device-2", 29L, 10L)],
            _buffer.ReadState().Devices.Select(device => (device.DeviceId, device.Cursor, device.Acknowledged)).Order());
    }

    [Fact]
    public void The_state_names_the_times_of_what_waits()
    {
        _buffer.AppendMany(1, 5, "first");
        _buffer.AppendMany(6, 9, "second");
        _buffer.Acknowledge(_buffer.Peek(2)!);

        var state = _buffer.ReadState();

        Assert.Equal(Rows.Number(3).Ts, state.OldestWaiting);
        Assert.Equal(Rows.Number(9).Ts, state.NewestWaiting);
    }

    [Fact]
    public async Task An_append_wakes_the_one_who_waits_for_more()
    {
        var waiting = _buffer.WaitForMoreAsync(TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);

        _buffer.AppendMany(1, 2);

        await waiting.WaitAsync(Until.Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_append_before_the_wait_is_not_missed()
    {
        _buffer.AppendMany(1, 2);

        var waiting = _buffer.WaitForMoreAsync(TestContext.Current.CancellationToken);

        await waiting.WaitAsync(Until.Deadline, TestContext.Current.CancellationToken);
    }

    public void Dispose()
    {
        _buffer.Dispose();
        _folder.Dispose();
    }
}
