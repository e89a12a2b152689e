using Microsoft.Extensions.Options;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

public class DeviceAuthCacheTests
{
    private readonly Clock _clock = new();

    [Fact]
    public void An_entry_lives_as_long_as_it_may_and_no_longer()
    {
        var cache = New(ttlSeconds: 60);
        cache.Put(Digest(1), Of(1));

        _clock.Now += TimeSpan.FromSeconds(59);
        Assert.Equal(Of(1), cache.Get(Digest(1)));
        _clock.Now += TimeSpan.FromSeconds(1);
        Assert.Null(cache.Get(Digest(1)));
    }

    [Fact]
    public void A_full_cache_gives_up_its_oldest_tenth()
    {
        var cache = New(maxSize: 20);
        for (var number = 0; number < 21; number++)
        {
            _clock.Now += TimeSpan.FromSeconds(1);
            cache.Put(Digest(number), Of(number));
        }

        Assert.Equal(19, cache.Count);
        Assert.Null(cache.Get(Digest(0)));
        Assert.Null(cache.Get(Digest(1)));
        Assert.Equal(Of(2), cache.Get(Digest(2)));
        Assert.Equal(Of(20), cache.Get(Digest(20)));
    }

    [Fact]
    public void A_cache_of_one_holds_the_last()
    {
        var cache = New(maxSize: 1);
        cache.Put(Digest(1), Of(1));
        cache.Put(Digest(2), Of(2));

        Assert.Null(cache.Get(Digest(1)));
        Assert.Equal(Of(2), cache.Get(Digest(2)));
    }

    [Fact]
    public void An_invalidated_device_is_forgotten_under_all_its_tokens()
    {
        var cache = New();
        cache.Put(Digest(1), Of(1));
        cache.Put(Digest(11), Of(1));
        cache.Put(Digest(2), Of(2));

        cache.Invalidate("inverter-1");

        Assert.Null(cache.Get(Digest(1)));
        Assert.Null(cache.Get(Digest(11)));
        Assert.Equal(Of(2), cache.Get(Digest(2)));
    }

    private static byte[] Digest(int number) => Tokens.Digest($"token-{number}");

    private static AuthenticatedDevice Of(int number) => new($"inverter-{number}", "default", "default", "UTC", Revoked: false, 10);

    private DeviceAuthCache New(int ttlSeconds = 3600, int maxSize = 100) =>
        new(Options.Create(new DevicesOptions { AuthCacheTtlSeconds = ttlSeconds, AuthCacheMaxSize = maxSize }), _clock);

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; } = TimeSpan.FromDays(1);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
