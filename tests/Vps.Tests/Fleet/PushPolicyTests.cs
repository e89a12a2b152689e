using Sungrow.Vps.Fleet;
using Xunit;

namespace Sungrow.Vps.Tests.Fleet;

public class PushPolicyTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly PushState Well = new("measurements", 0, null, null, null);

    [Theory]
    [InlineData(200, null, 5, "Stored")]
    [InlineData(200, null, 4, "Failed")] // Somebody else's 200, or not of this batch.
    [InlineData(401, "CUSTOMER_TOKEN_INVALID", 5, "TokenRefused")]
    [InlineData(401, null, 5, "Failed")] // A proxy's.
    [InlineData(413, "PAYLOAD_TOO_LARGE", 5, "TooLarge")]
    [InlineData(413, null, 5, "TooLarge")]
    [InlineData(413, "TOO_MANY_SAMPLES", 1, "Failed")] // Nothing is left to halve.
    [InlineData(429, "RATE_LIMITED", 5, "RateLimited")]
    [InlineData(400, "BATCH_TYPE_INVALID", 5, "Failed")]
    [InlineData(404, "NOT_FOUND", 5, "Failed")]
    [InlineData(302, null, 5, "Failed")]
    [InlineData(503, "DATABASE_UNAVAILABLE", 5, "Failed")]
    public void Each_answer_means_what_the_table_says(int status, string? code, int sent, string outcome) =>
        Assert.Equal(outcome, PushPolicy.Judge(status, code, status == 200 ? new(3, 1, 1) : null, null, sent).Outcome.ToString());

    [Fact]
    public void Beside_a_busy_ingest_pushing_takes_a_tenth_of_the_time()
    {
        Assert.False(PushPolicy.IsBusy(60)); // A request or two of live samples.
        Assert.True(PushPolicy.IsBusy(480));
        Assert.Equal(TimeSpan.FromSeconds(3.8), PushPolicy.Rest(TimeSpan.FromSeconds(0.2)));
        Assert.Equal(TimeSpan.FromSeconds(5), PushPolicy.Rest(TimeSpan.FromMinutes(1))); // A slow way there is nobody's load.
    }

    [Fact]
    public void Failures_wait_from_one_minute_to_thirty_and_a_success_starts_over()
    {
        var state = Well;
        List<double> minutes = [];
        for (var i = 0; i < 40; i++)
        {
            state = PushPolicy.After(state, new(PushOutcome.Failed, null, null, "503"), Now, random: 1);
            minutes.Add((state.NextTry!.Value - Now).TotalMinutes);
        }

        Assert.Equal([1, 2, 4, 8, 16, 30, 30], minutes.Take(7));
        Assert.Equal(30, minutes[^1]);
        Assert.Equal(15, PushPolicy.Backoff(9, random: 0).TotalMinutes);
        Assert.Equal(1, PushPolicy.Backoff(0, random: 0).TotalMinutes);
        Assert.False(state.MayTry(Now.AddMinutes(29)));
        Assert.True(state.MayTry(Now.AddMinutes(30)));
        var stored = PushPolicy.After(state, new(PushOutcome.Stored, null, null, null), Now, 0);
        Assert.Equal((0, null, Now, null), (stored.Failures, stored.NextTry, stored.SucceededAt, stored.Error));
    }

    [Fact]
    public void A_rate_limit_waits_as_long_as_it_asks_and_is_no_failure()
    {
        Assert.Equal((0, Now.AddSeconds(7)), Limited(TimeSpan.FromSeconds(7)));
        Assert.Equal((0, Now.AddMinutes(30)), Limited(TimeSpan.FromDays(7)));
        Assert.Equal((0, Now.AddMinutes(1)), Limited(null));
        Assert.Equal((0, Now.AddMinutes(1)), Limited(TimeSpan.FromSeconds(-7)));

        static (int, DateTimeOffset?) Limited(TimeSpan? asked)
        {
            var state = PushPolicy.After(Well, new(PushOutcome.RateLimited, null, asked, "429"), Now, 1);
            return (state.Failures, state.NextTry);
        }
    }

    [Fact]
    public void A_refused_token_waits_half_an_hour_and_a_batch_that_is_too_large_not_at_all()
    {
        Assert.Equal(Now.AddMinutes(30), PushPolicy.After(Well, new(PushOutcome.TokenRefused, null, null, "401"), Now, 0).NextTry);
        Assert.Equal(Well, PushPolicy.After(Well, new(PushOutcome.TooLarge, null, null, "413"), Now, 0));
    }

    [Fact]
    public void A_batch_is_halved_down_to_one_row_and_grows_back_after_eight_full_ones()
    {
        var size = BatchSize.Largest;
        for (var i = 0; i < 20; i++)
        {
            size = size.After(PushOutcome.TooLarge, size.Rows);
        }

        Assert.Equal(1, size.Rows);
        Assert.Equal(50, BatchSize.Largest.After(PushOutcome.TooLarge, 100).Rows); // It held no more.
        for (var i = 0; i < 8; i++)
        {
            Assert.Equal(1, size.Rows);
            size = size.After(PushOutcome.Stored, 1).After(PushOutcome.Failed, 1);
        }

        Assert.Equal(2, size.Rows);
        Assert.Equal(size, size.After(PushOutcome.Stored, 1)); // Not a full one.
        for (var i = 0; i < 200; i++)
        {
            size = size.After(PushOutcome.Stored, size.Rows);
        }

        Assert.Equal(BatchSize.Largest, size);
    }
}

public class PushRangesTests
{
    private static readonly DateTimeOffset Start = new(2026, 6, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Rows_of_a_device_that_touch_are_one_stretch_and_the_oldest_row_comes_first()
    {
        var joined = PushRanges.Join(
        [
            Row(4, "b", 0, 0), Row(5, "a", 10, 20), Row(6, "a", 0, 12), Row(7, "b", 1, 1), Row(3, "a", 400, 410), Row(9, "a", 11, 12),
        ]);

        Assert.Equal(["a 400..410 3", "b 0..1 4,7", "a 0..20 5,6,9"], joined.Select(Text));
    }

    [Fact]
    public void Every_row_is_in_one_stretch_that_covers_it()
    {
        Random random = new(5);
        OutboxRow[] rows = [.. Enumerable.Range(1, 500).Select(id =>
        {
            var from = random.Next(5000);
            return Row(id, $"device-{random.Next(5)}", from, from + random.Next(30));
        })];

        var joined = PushRanges.Join(rows);

        Assert.Equal(rows.Select(row => row.Id).Order(), joined.SelectMany(range => range.Ids).Order());
        Assert.All(rows, row => Assert.Contains(
            joined, range => range.Ids.Contains(row.Id) && range.DeviceId == row.DeviceId && range.From <= row.From && row.To <= range.To));
        Assert.Equal(joined.OrderBy(range => range.Oldest), joined);
    }

    [Fact]
    public void What_is_read_together_is_close_in_time_and_about_a_batch()
    {
        PushRange[] live = [.. Enumerable.Range(0, 100).Select(i => new PushRange($"d{i}", Start, Start.AddMinutes(10), [i]))];
        Assert.Equal(100, PushRanges.Together(live, 0, 20_000));
        Assert.Equal(8, PushRanges.Together(live, 0, 1_000));
        Assert.Equal(1, PushRanges.Together(live, 99, 1_000));

        PushRange year = new("old", Start.AddYears(-1), Start, [1]);
        Assert.Equal(1, PushRanges.Together([year, .. live], 0, 20_000)); // Alone, whatever comes behind it.
        Assert.Equal(100, PushRanges.Together([.. live, year], 0, 20_000));
    }

    private static OutboxRow Row(long id, string device, int fromMinute, int toMinute) =>
        new(id, device, Start.AddMinutes(fromMinute), Start.AddMinutes(toMinute));

    private static string Text(PushRange range) =>
        $"{range.DeviceId} {(range.From - Start).TotalMinutes}..{(range.To - Start).TotalMinutes} {string.Join(',', range.Ids)}";
}
