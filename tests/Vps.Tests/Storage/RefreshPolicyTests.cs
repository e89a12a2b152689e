using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

public class RefreshPolicyTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 21, 12, 7, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Watermark = At("2026-06-21 11:00");
    private static readonly DateTimeOffset Oldest = At("2021-06-24 00:00");

    [Fact]
    public void A_range_is_aligned_outwards_to_whole_buckets() =>
        Assert.Equal(
            ["2026-03-01 10:00 .. 2026-03-01 11:00"],
            Plan([Range(1, "2026-03-01 10:05", "2026-03-01 10:50")]));

    [Fact]
    public void The_bucket_that_begins_with_the_last_sample_is_in_it() =>
        Assert.Equal(
            ["2026-03-01 10:15 .. 2026-03-01 10:30"], Plan([Range(1, "2026-03-01 10:15", "2026-03-01 10:15")]));

    [Fact]
    public void Ranges_that_touch_are_one_and_those_that_do_not_stay_apart() =>
        Assert.Equal(
            ["2026-03-01 10:00 .. 2026-03-01 12:00", "2026-03-01 12:15 .. 2026-03-01 12:30"],
            Plan([
                Range(3, "2026-03-01 12:20", "2026-03-01 12:21"), Range(1, "2026-03-01 10:05", "2026-03-01 11:10"),
                Range(2, "2026-03-01 11:15", "2026-03-01 11:59"), Range(4, "2026-03-01 10:30", "2026-03-01 10:31")]));

    [Fact]
    public void Every_row_is_in_one_range_of_the_plan()
    {
        PendingRange[] pending =
        [
            Range(1, "2026-03-01 10:05", "2026-03-01 11:10"), Range(2, "2026-03-01 10:06", "2026-03-01 10:07"),
            Range(3, "2019-01-01 00:00", "2019-01-02 00:00"), Range(4, "2026-06-21 12:00", "2026-06-21 12:05"),
        ];

        Assert.Equal([1, 2, 3, 4], Plan(pending, regular: true, Watermark, Oldest).SelectMany(range => range.Ids).Order());
        Assert.Equal([1, 2, 3, 4], Plan(pending, regular: false, Watermark, oldest: null).SelectMany(range => range.Ids).Order());
    }

    [Fact]
    public void Nothing_is_refreshed_from_samples_that_were_dropped()
    {
        Assert.Equal(
            ["2021-06-24 00:00 .. 2021-06-24 01:00"], Plan([Range(1, "2021-06-23 10:00", "2021-06-24 00:50")]));
        Assert.Empty(Plan([Range(1, "2021-06-22 10:00", "2021-06-23 10:00")]));
        Assert.Empty(Texts(Plan([Range(1, "2026-03-01 10:00", "2026-03-01 11:00")], regular: true, Watermark, oldest: null)));
    }

    [Fact]
    public void What_the_view_adds_itself_is_not_refreshed_before_all_older_samples_are() =>
        // Else the watermark would pass what was left out.
        Assert.Equal(
            ["2026-03-01 10:00 .. 2026-03-01 10:30"],
            Texts(Plan(
                [Range(1, "2026-03-01 10:00", "2026-03-02 10:00"), Range(2, "2026-03-03 10:00", "2026-03-03 10:00")],
                regular: false, At("2026-03-01 10:30"), Oldest)));

    [Theory]
    [InlineData("2026-06-21 11:00", "2026-06-18 12:00")] // A day more than what counts as late.
    [InlineData("2026-05-01 11:00", "2026-05-01 11:00")] // Nobody has refreshed for weeks.
    [InlineData("2000-01-01 00:00", "2021-06-24 00:00")] // Never.
    public void The_regular_refresh_leaves_nothing_out(string watermark, string from) =>
        Assert.Equal([$"{from} .. 2026-06-21 11:00"], Texts(Plan([], regular: true, At(watermark), Oldest)));

    [Fact]
    public void A_long_range_goes_in_pieces_without_a_seam()
    {
        var pieces = RefreshPolicy.Pieces(new(Oldest, Watermark, [])).ToArray();

        Assert.Equal((Oldest, Watermark), (pieces[0].From, pieces[^1].To));
        Assert.All(pieces.Zip(pieces.Skip(1)), pair => Assert.Equal(pair.First.To, pair.Second.From));
        Assert.All(pieces, piece => Assert.InRange(piece.To - piece.From, Aggregates.Bucket, TimeSpan.FromDays(7)));
    }

    private static string[] Plan(PendingRange[] pending) => Texts(Plan(pending, regular: false, Watermark, Oldest));

    private static IReadOnlyList<RefreshRange> Plan(
        PendingRange[] pending, bool regular, DateTimeOffset watermark, DateTimeOffset? oldest) =>
        RefreshPolicy.Plan(Aggregates.Samples, pending, regular, watermark, oldest, Now);

    private static string[] Texts(IEnumerable<RefreshRange> plan) =>
        [.. plan.Where(range => RefreshPolicy.Pieces(range).Any()).Select(range => $"{range.From:yyyy-MM-dd HH:mm} .. {range.To:yyyy-MM-dd HH:mm}")];

    private static PendingRange Range(long id, string from, string to) => new(id, At(from), At(to));

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse(time + "Z");
}
