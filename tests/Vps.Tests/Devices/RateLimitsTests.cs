using System.Net;
using Microsoft.Extensions.Options;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

public class RateLimitsTests
{
    private readonly ManualTime _clock = new();

    [Fact]
    public void What_keeps_within_the_rate_always_passes()
    {
        var buckets = Buckets(perSecond: 10, burst: 1);

        for (var i = 0; i < 10_000; i++)
        {
            Assert.Null(buckets.TryTake("a", 1));
            _clock.Now += TimeSpan.FromSeconds(0.1);
        }
    }

    [Fact]
    public void A_burst_passes_and_what_is_over_it_is_told_when_to_come_back()
    {
        var buckets = Buckets(perSecond: 2, burst: 5);

        Assert.All(Enumerable.Range(0, 5), _ => Assert.Null(buckets.TryTake("a", 1)));
        Assert.Equal(TimeSpan.FromSeconds(0.5), buckets.TryTake("a", 1));
        Assert.Null(buckets.TryTake("b", 1));
    }

    [Fact]
    public void A_bucket_refills_over_time_and_no_further_than_its_burst()
    {
        var buckets = Buckets(perSecond: 2, burst: 5);
        Assert.Null(buckets.TryTake("a", 5));

        _clock.Now += TimeSpan.FromSeconds(1);
        Assert.Null(buckets.TryTake("a", 2));
        Assert.NotNull(buckets.TryTake("a", 1));

        _clock.Now += TimeSpan.FromDays(1);
        Assert.Null(buckets.TryTake("a", 5));
        Assert.NotNull(buckets.TryTake("a", 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(37)]
    public void Who_waits_as_long_as_told_passes(double cost)
    {
        var buckets = Buckets(perSecond: 3, burst: 7);
        buckets.TryTake("a", 7);

        for (var i = 0; i < 100; i++)
        {
            _clock.Now += buckets.TryTake("a", cost)!.Value;
            Assert.Null(buckets.TryTake("a", cost));
        }
    }

    [Fact]
    public void What_is_larger_than_the_burst_passes_on_a_full_bucket_only_and_the_rate_holds_for_it_too()
    {
        var buckets = Buckets(perSecond: 10, burst: 100);

        Assert.Null(buckets.TryTake("a", 5000));
        Assert.Equal(TimeSpan.FromSeconds(500), buckets.TryTake("a", 5000));
        _clock.Now += TimeSpan.FromSeconds(499);
        Assert.NotNull(buckets.TryTake("a", 5000));
        _clock.Now += TimeSpan.FromSeconds(1);
        Assert.Null(buckets.TryTake("a", 5000));
    }

    [Fact]
    public async Task Many_at_once_get_no_more_than_the_burst()
    {
        var buckets = Buckets(perSecond: 1, burst: 1000);
        var passed = 0;

        await Parallel.ForAsync(0, 16, async (_, _) =>
        {
            await Task.Yield();
            for (var i = 0; i < 1000; i++)
            {
                if (buckets.TryTake("a", 1) is null)
                {
                    Interlocked.Increment(ref passed);
                }
            }
        });

        Assert.Equal(1000, passed);
    }

    [Fact]
    public void Buckets_that_have_refilled_are_forgotten()
    {
        var buckets = Buckets(perSecond: 1, burst: 10);
        for (var i = 0; i < 100; i++)
        {
            buckets.TryTake($"{i}", 1);
        }

        buckets.TryTake("busy", 10);
        _clock.Now += TimeSpan.FromSeconds(5);
        Assert.Equal(101, buckets.Count);

        buckets.RemoveFull();

        Assert.Equal(1, buckets.Count);
        Assert.NotNull(buckets.TryTake("busy", 10));
    }

    [Fact]
    public void A_table_that_has_grown_shrinks_again_while_others_come()
    {
        var buckets = Buckets(perSecond: 1, burst: 10);
        for (var i = 0; i < 900; i++)
        {
            buckets.TryTake($"{i}", 1);
        }

        for (var i = 0; i < 1000; i++)
        {
            _clock.Now += TimeSpan.FromSeconds(1);
            buckets.TryTake($"later {i}", 1);
        }

        Assert.InRange(buckets.Count, 1, 2);
    }

    [Fact]
    public void A_million_keys_take_no_more_memory_than_the_table_may()
    {
        RateLimits limits = new(Options.Create(new LimitsOptions { FailedAuthPerMinute = 1 }), _clock);
        Guess(200_000);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        Guess(1_000_000);

        // Each kept would take 160 MB more; what else runs in this process takes its share of what is measured.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 80L << 20);

        void Guess(int addresses)
        {
            for (uint i = 0; i < addresses; i++)
            {
                limits.TakeFailure(new IPAddress(BitConverter.GetBytes(i)));
            }
        }
    }

    [Fact]
    public void A_full_table_forgets_who_was_longest_away()
    {
        TokenBuckets<string> buckets = new(1, 10, capacity: 3, _clock);
        buckets.TryTake("a", 10);
        buckets.TryTake("b", 10);
        buckets.TryTake("c", 10);
        buckets.TryTake("a", 10);

        buckets.TryTake("d", 10);

        Assert.InRange(buckets.Count, 1, 3);
        Assert.NotNull(buckets.TryTake("a", 10));
        Assert.Null(buckets.TryTake("b", 10));
    }

    [Fact]
    public void A_backlog_does_not_starve_live_samples_nor_they_a_backlog()
    {
        RateLimits limits = New(new() { SamplesPerSecond = 1, BurstSamples = 11, RequestsPerSecond = 1, BurstRequests = 1 });

        Assert.Null(limits.Take("a", 11));
        Assert.Equal(RateLimits.Samples, limits.Take("a", 11)?.Limit);
        Assert.Null(limits.Take("a", 10));
        Assert.Equal(new RateRefusal(RateLimits.Requests, TimeSpan.FromSeconds(1)), limits.Take("a", 1));
        Assert.Null(limits.Take("b", 11));
        Assert.Null(limits.Take("b", 1));
    }

    [Fact]
    public void A_limit_of_0_is_none()
    {
        RateLimits limits = New(new() { SamplesPerSecond = 0, BurstRequests = 0, FailedAuthPerMinute = 0 });

        for (var i = 0; i < 1000; i++)
        {
            Assert.Null(limits.Take("a", 5000));
            Assert.Null(limits.Take("a", 1));
            Assert.Null(limits.TakeFailure(IPAddress.Loopback));
        }
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("0.0.0.0", "::", false)]
    public void Failures_are_counted_by_IPv4_address_and_by_IPv6_network(string one, string other, bool together)
    {
        RateLimits limits = New(new() { FailedAuthPerMinute = 1 });

        Assert.Null(limits.TakeFailure(IPAddress.Parse(one)));

        Assert.Equal(together, limits.TakeFailure(IPAddress.Parse(other)) is not null);
    }

    [Fact]
    public void A_failure_that_was_none_is_given_back()
    {
        RateLimits limits = New(new() { FailedAuthPerMinute = 1 });

        for (var i = 0; i < 3; i++)
        {
            Assert.Null(limits.TakeFailure(IPAddress.Loopback));
            limits.GiveBackFailure(IPAddress.Loopback);
        }

        Assert.Null(limits.TakeFailure(IPAddress.Loopback));
        Assert.Equal(new RateRefusal(RateLimits.FailedAuthentication, TimeSpan.FromMinutes(1)), limits.TakeFailure(IPAddress.Loopback));
    }

    private RateLimits New(LimitsOptions options) => new(Options.Create(options), _clock);

    private TokenBuckets<string> Buckets(double perSecond, double burst) => new(perSecond, burst, capacity: 1000, _clock);
}
