using Sungrow.Edge.Uplink;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public class BackoffTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(9, 256)]
    [InlineData(10, 300)]
    [InlineData(31, 300)]
    [InlineData(64, 300)]
    [InlineData(100_000, 300)]
    public void The_nth_failure_waits_at_most_twice_the_one_before_and_never_over_the_longest(int failures, int seconds)
    {
        var backoff = New(random: 1);

        var wait = TimeSpan.Zero;
        for (var i = 0; i < failures; i++)
        {
            wait = backoff.Failed();
        }

        Assert.Equal(TimeSpan.FromSeconds(seconds), wait);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.25, 2)]
    [InlineData(0.5, 4)]
    public void The_jitter_is_full_from_nothing_to_the_ceiling(double random, int seconds)
    {
        var backoff = New(random);
        backoff.Failed();
        backoff.Failed();
        backoff.Failed();

        Assert.Equal(TimeSpan.FromSeconds(seconds), backoff.Failed());
    }

    [Fact]
    public void A_success_starts_over()
    {
        var backoff = New(random: 1);
        backoff.Failed();
        backoff.Failed();
        backoff.Succeeded();

        Assert.Equal(TimeSpan.FromSeconds(1), backoff.Failed());
    }

    [Theory]
    [InlineData(120, 120)]
    [InlineData(900, 900)]
    [InlineData(901, 900)]
    [InlineData(int.MaxValue, 900)]
    [InlineData(0, 1)]
    [InlineData(-60, 1)]
    [InlineData(int.MinValue, 1)]
    public void What_the_server_asks_for_is_waited_at_least_within_a_quarter_of_an_hour(int asked, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), New(random: 1).Failed(TimeSpan.FromSeconds(asked)));

    [Fact]
    public void A_longer_wait_of_our_own_wins_over_what_the_server_asks_for()
    {
        var backoff = New(random: 1);
        for (var i = 0; i < 8; i++)
        {
            backoff.Failed();
        }

        Assert.Equal(TimeSpan.FromSeconds(256), backoff.Failed(TimeSpan.FromSeconds(5)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(120, 120)]
    [InlineData(900, 900)]
    [InlineData(901, 900)]
    [InlineData(int.MaxValue, 900)]
    public void A_rate_limit_is_waited_out_exactly_and_does_not_grow(int asked, int seconds)
    {
        var backoff = New(random: 1);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(TimeSpan.FromSeconds(seconds), backoff.RateLimited(TimeSpan.FromSeconds(asked)));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    [InlineData(-60)]
    public void A_rate_limit_that_names_no_time_to_come_is_a_failure_like_another(int? asked)
    {
        var backoff = New(random: 1);
        TimeSpan? retryAfter = asked is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

        Assert.Equal([1, 2, 4], Enumerable.Range(0, 3).Select(_ => backoff.RateLimited(retryAfter).TotalSeconds));
    }

    [Theory]
    [InlineData(0, 30)]
    [InlineData(1, 60)]
    public void What_needs_a_person_is_tried_about_once_a_minute(double random, int seconds)
    {
        var backoff = New(random);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(TimeSpan.FromSeconds(seconds), backoff.NeedsAHand());
        }
    }

    private static Backoff New(double random) => new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5), () => random);
}
