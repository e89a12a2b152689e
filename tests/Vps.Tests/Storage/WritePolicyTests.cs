using Sungrow.Protocol;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

public class WritePolicyTests
{
    private static readonly DateTimeOffset Now = Series.Start.AddDays(1);

    [Theory]
    [InlineData(1, 0, false)]
    [InlineData(WritePolicy.LargeRows - 1, 0, false)]
    [InlineData(WritePolicy.LargeRows, 0, true)]
    [InlineData(1, 47.9, false)]
    [InlineData(1, 48.1, true)]
    public void Large_and_late_requests_go_alone(int rows, double hoursOld, bool alone) =>
        Assert.Equal(alone, WritePolicy.GoesAlone(rows, Now.AddHours(-hoursOld), ProtocolLimits.MaxSamples, Now));

    [Theory]
    [InlineData(0, 20, true)] // The first, however large.
    [InlineData(4, 6, true)]
    [InlineData(4, 7, false)]
    public void A_request_joins_while_the_batch_is_not_full(int rows, int next, bool joins) =>
        Assert.Equal(joins, WritePolicy.Joins(rows, next, batchSize: 10));

    [Theory]
    [InlineData(WritePolicy.RowsForAnother - 1, ProtocolLimits.MaxSamples, false)]
    [InlineData(WritePolicy.RowsForAnother, ProtocolLimits.MaxSamples, true)]
    [InlineData(2, 3, false)]
    [InlineData(3, 3, true)] // A transaction is full.
    public void A_second_flush_begins_beside_the_first_where_enough_waits(long rows, int batchSize, bool begins) =>
        Assert.Equal(begins, WritePolicy.IsWorthAnother(rows, batchSize));

    [Fact]
    public void Copy_is_for_many_rows_with_a_key_each_that_no_compression_has_reached()
    {
        Assert.True(MayCopy(Series.Samples(60)));
        Assert.False(MayCopy(Series.Samples(WritePolicy.CopyFromRows - 1)));
        Assert.False(MayCopy([.. Series.Samples(60), Series.Sample(59)]));
        Assert.False(MayCopy(Series.Samples(60, Now.AddDays(-30))));

        static bool MayCopy(SungrowSample[] samples) =>
            WritePolicy.MayCopy(Flush.Of([Batch(samples)]), TimeSpan.FromDays(30), Now);
    }

    [Fact]
    public void The_path_follows_how_all_of_the_requests_stand()
    {
        Assert.Equal(WritePath.Copy, WritePolicy.Choose(true, true, [Standing.New, Standing.New]));
        Assert.Equal(WritePath.Insert, WritePolicy.Choose(false, true, [Standing.New]));
        Assert.Equal(WritePath.Insert, WritePolicy.Choose(true, true, [Standing.New, Standing.SentAgain]));
        Assert.Equal(WritePath.Insert, WritePolicy.Choose(true, true, [Standing.Between]));
        Assert.Equal(WritePath.LookFirst, WritePolicy.Choose(true, false, [Standing.SentAgain, Standing.SentAgain]));
        Assert.Equal(WritePath.Compare, WritePolicy.Choose(true, true, [Standing.SentAgain, Standing.SentAgain]));
    }

    [Fact]
    public void Rows_are_in_the_order_of_their_keys_and_of_one_key_the_first_queued_comes_first()
    {
        var (a, b) = (Batch(Series.Samples(3)), Batch([Series.Sample(1) with { LoadPowerW = 2 }, Series.Sample(4)]));
        var other = Batch([Series.Sample(2, device: "inverter-0")]);

        var flush = Flush.Of([a, other, b]);

        Assert.Equal([(1, 2.0), (0, 0), (0, 1), (2, 1), (0, 2), (2, 4)], flush.Rows.Select(row => (row.Request, row.Sample.PvPowerW!.Value)));
        Assert.False(flush.Distinct);
        Assert.Equal((Series.Sample(0).Ts, Series.Sample(4).Ts), (flush.First, flush.Last));
        Assert.True(Flush.Of([a, other]).Distinct);
    }

    [Fact]
    public void A_device_is_expected_to_go_on_as_it_did_last()
    {
        LastOutcomes last = new(capacity: 2);
        var (one, two) = (Batch(Series.Samples(10)), Batch(Series.Samples(10, Series.Start.AddHours(1))));

        Assert.Equal(Standing.Between, last.Expect([one]));
        last.Learn([one], [new(10, 0, 0)]);
        Assert.Equal(Standing.New, last.Expect([two]));
        last.Learn([two], [new(10, 0, 0)]);
        Assert.Equal(Standing.Between, last.Expect([two]));
        last.Learn([one], [new(0, 10, 0)]);
        Assert.Equal(Standing.SentAgain, last.Expect([two]));
        Assert.Equal(Standing.SentAgain, last.Expect([Batch(Series.Samples(10, Series.Start.AddHours(2)))]));
        last.Learn([two], [new(4, 6, 0)]);
        Assert.Equal(Standing.Between, last.Expect([Batch(Series.Samples(10, Series.Start.AddHours(2)))]));

        last.Learn([one], [new(10, 0, 0)]);
        last.Learn([Batch(Series.Sample(1, device: "b")), Batch(Series.Sample(1, device: "c"))], [new(1, 0, 0), new(1, 0, 0)]); // Over its bound.
        Assert.Equal(Standing.Between, last.Expect([two]));
    }

    [Fact]
    public void What_is_read_for_a_comparison_lies_close_to_what_was_sent()
    {
        var flush = Flush.Of(
        [
            Batch([.. Series.Samples(3), Series.Sample(1000), Series.Sample(1001)]), Batch([Series.Sample(1, device: "inverter-2")]),
        ]);

        Assert.Equal(
            [
                ("inverter-1", Series.Sample(0).Ts, Series.Sample(2).Ts, 3),
                ("inverter-1", Series.Sample(1000).Ts, Series.Sample(1001).Ts, 2), ("inverter-2", Series.Sample(1).Ts, Series.Sample(1).Ts, 1),
            ],
            SampleComparison.Ranges(flush.Rows, SampleComparison.LongestStep));
        Assert.Equal(6, SampleComparison.Ranges(flush.Rows, TimeSpan.Zero).Count);
    }

    private static SampleBatch Batch(params SungrowSample[] samples) => new(samples[0].DeviceId, null, samples, 10);
}
