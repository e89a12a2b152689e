using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

public class RowAverageTests
{
    private static readonly DateTimeOffset Noon = new(2026, 9, 8, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_single_reading_becomes_a_row_without_any_arithmetic()
    {
        // 0.1 + 0.2 has no short form: any sum or division would show.
        var reading = new Reading(0.1 + 0.2, 12.3, -1 / 3.0, 99.9, -5.5, 1e-300, 4_999.9);

        var row = Assert.Single(Add(new RowAverage(1, TimeSpan.FromSeconds(10)), 0, reading));

        Assert.Equal(
            new NewSample("SN1", Noon, new BufferedMetrics(0.1 + 0.2, 12.3, -1 / 3.0, 99.9, -5.5, 1e-300, 4_999.9), 1, 10, Uptime(0)), row);
    }

    [Fact]
    public void Nothing_is_a_row_until_all_its_polls_are_there()
    {
        var average = new RowAverage(3, TimeSpan.FromSeconds(10));

        Assert.Empty(Add(average, 0, Pv(10)));
        Assert.Empty(Add(average, 1, Pv(20)));
        var row = Assert.Single(Add(average, 2, Pv(60)));

        Assert.Equal(30, row.Metrics.PvPowerWatts);
        Assert.Equal((3, 30.0), (row.SampleCount, row.IntervalSeconds));
        Assert.Equal((Noon.AddSeconds(20), Uptime(2)), (row.Ts, row.Uptime));
        Assert.Null(average.Flush());
    }

    [Fact]
    public void A_mean_is_of_the_values_that_were_read_and_null_when_none_was()
    {
        var average = new RowAverage(3, TimeSpan.FromSeconds(10));
        Add(average, 0, new(100, null, -50, null, null, null, 0));
        Add(average, 1, new(null, null, -100, null, 20, null, 0));

        var row = Assert.Single(Add(average, 2, new(200, null, null, null, 21, null, 3)));

        Assert.Equal(new BufferedMetrics(150, null, -75, null, 20.5, null, 1), row.Metrics);
    }

    [Fact]
    public void The_daily_counter_is_the_last_one_read_and_no_mean()
    {
        var average = new RowAverage(3, TimeSpan.FromSeconds(10));
        Add(average, 0, Pv(1) with { PvDailyKwh = 12.1 });
        Add(average, 1, Pv(1) with { PvDailyKwh = 12.2 });

        Assert.Equal(12.2, Assert.Single(Add(average, 2, Pv(1))).Metrics.PvDailyKwh);
    }

    [Fact]
    public void A_row_begun_goes_out_when_the_inverter_is_another_one()
    {
        var average = new RowAverage(3, TimeSpan.FromSeconds(10));
        Add(average, 0, Pv(10));
        Add(average, 1, Pv(30));

        var row = Assert.Single(Add(average, 2, Pv(500), "SN2"));

        Assert.Equal(("SN1", 20.0, 2, 20.0), (row.DeviceId, row.Metrics.PvPowerWatts, row.SampleCount, row.IntervalSeconds));
        Assert.Equal(Noon.AddSeconds(10), row.Ts);
        var rest = average.Flush()!;
        Assert.Equal(("SN2", 500.0, 1), (rest.DeviceId, rest.Metrics.PvPowerWatts, rest.SampleCount));
    }

    [Fact]
    public void With_one_poll_per_row_another_inverter_is_just_the_next_row()
    {
        var average = new RowAverage(1, TimeSpan.FromSeconds(10));

        Assert.Equal("SN1", Assert.Single(Add(average, 0, Pv(1))).DeviceId);
        Assert.Equal("SN2", Assert.Single(Add(average, 1, Pv(1), "SN2")).DeviceId);
    }

    [Fact]
    public void What_was_begun_can_be_taken_at_the_end_and_only_once()
    {
        var average = new RowAverage(6, TimeSpan.FromSeconds(5));
        Add(average, 0, Pv(7));

        var row = average.Flush()!;
        Assert.Equal((7.0, 1, 5.0), (row.Metrics.PvPowerWatts, row.SampleCount, row.IntervalSeconds));
        Assert.Null(average.Flush());
    }

    [Fact]
    public void A_row_begun_before_a_night_is_not_averaged_with_the_morning()
    {
        var average = new RowAverage(3, TimeSpan.FromSeconds(10));
        Add(average, 0, Pv(100));
        Add(average, 1, Pv(200));

        var evening = average.TakeIfOver(Uptime(3_000))!;

        Assert.Equal((150.0, 2, 20.0), (evening.Metrics.PvPowerWatts, evening.SampleCount, evening.IntervalSeconds));
        Assert.Empty(Add(average, 3_000, Pv(0)));
    }

    [Fact]
    public void A_row_lasts_for_its_own_polls_and_one_that_failed_leaves_it_shorter()
    {
        var average = new RowAverage(3, TimeSpan.FromSeconds(10));
        Add(average, 0, Pv(100));

        Assert.Null(average.TakeIfOver(Uptime(1) + Jitter));
        Assert.Null(average.TakeIfOver(Uptime(2) + Jitter));
        Assert.Equal(1, average.TakeIfOver(Uptime(3) - Jitter)?.SampleCount);
        Assert.Null(average.TakeIfOver(Uptime(4)));
    }

    private static readonly TimeSpan Jitter = TimeSpan.FromSeconds(4);

    private static List<NewSample> Add(RowAverage average, int poll, Reading reading, string serial = "SN1") =>
        [.. average.Add(serial, Noon.AddSeconds(10 * poll), Uptime(poll), reading)];

    private static TimeSpan Uptime(int poll) => TimeSpan.FromHours(2) + TimeSpan.FromSeconds(10 * poll);

    private static Reading Pv(double watts) => Reading.Empty with { PvPowerWatts = watts };
}
