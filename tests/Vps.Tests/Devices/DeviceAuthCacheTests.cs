using Microsoft.Extensions.Options;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

public class DeviceAuthCacheTests
{
    private readonly ManualTime _clock = new();

    [Fact]
    public void An_entry_that_is_not_there_is_a_miss()
    {
        var cache = New();

        Assert.Null(cache.Get(Digest(1)));
        Assert.Null(cache.Get("default", "inverter-1"));
        Assert.Equal(new AuthCacheStats(Hits: 0, Misses: 2, Size: 0), cache.Stats);
    }

    [Fact]
    public void An_entry_is_found_by_its_name_and_by_each_of_its_tokens()
    {
        var cache = New();
        var device = Of(1, 1, 11);
        cache.Put(device);

        Assert.Same(device, cache.Get("default", "inverter-1"));
        Assert.Same(device, cache.Get(Digest(1)));
        Assert.Same(device, cache.Get(Digest(11)));
        Assert.Null(cache.Get(Digest(2)));
        Assert.Equal(new AuthCacheStats(Hits: 3, Misses: 1, Size: 1), cache.Stats);
    }

    [Fact]
    public void An_entry_lives_as_long_as_it_may_and_a_stale_one_is_removed_and_counted_as_a_miss()
    {
        var cache = New(ttlSeconds: 60);
        cache.Put(Of(1));

        _clock.Now += TimeSpan.FromSeconds(59);
        Assert.NotNull(cache.Get(Digest(1)));
        _clock.Now += TimeSpan.FromSeconds(1);
        Assert.Equal(1, cache.Stats.Size);
        Assert.Null(cache.Get(Digest(1)));
        Assert.Equal(new AuthCacheStats(Hits: 1, Misses: 1, Size: 0), cache.Stats);
    }

    [Fact]
    public void A_token_ends_when_it_says_and_not_with_the_entry()
    {
        var cache = New(ttlSeconds: 60);
        var device = Of(1, 1, 11);
        cache.Put(device with { Tokens = [device.Tokens[0] with { NotAfter = _clock.Now.AddSeconds(10) }, device.Tokens[1]] });

        _clock.Now += TimeSpan.FromSeconds(10);

        Assert.Null(cache.Get(Digest(1)));
        Assert.NotNull(cache.Get(Digest(11)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(9, 1)]
    [InlineData(20, 2)]
    [InlineData(1000, 100)]
    public void A_full_cache_gives_up_its_oldest_tenth_and_at_least_one(int maxSize, int evicted)
    {
        var cache = New(maxSize: maxSize);
        for (var number = 0; number < maxSize; number++)
        {
            cache.Put(Of(number));
        }

        Assert.Equal(maxSize, cache.Stats.Size);
        cache.Put(Of(maxSize));

        Assert.Equal(maxSize - evicted + 1, cache.Stats.Size);
        Assert.Equal(
            Enumerable.Range(evicted, maxSize - evicted + 1), Enumerable.Range(0, maxSize + 1).Where(number => cache.Get(Digest(number)) is not null));
        Assert.Equal(
            Enumerable.Range(evicted, maxSize - evicted + 1),
            Enumerable.Range(0, maxSize + 1).Where(number => cache.Get("default", $"inverter-{number}") is not null));
    }

    [Fact]
    public void A_cache_of_two_keeps_the_entry_that_was_put_again()
    {
        var cache = New(maxSize: 2);
        cache.Put(Of(1));
        cache.Put(Of(2));
        cache.Put(Of(1));
        cache.Put(Of(3));

        Assert.NotNull(cache.Get(Digest(1)));
        Assert.Null(cache.Get(Digest(2)));
        Assert.NotNull(cache.Get(Digest(3)));
    }

    [Fact]
    public void An_update_takes_the_place_of_the_entry_and_of_its_tokens()
    {
        var cache = New();
        cache.Put(Of(1, 1, 11));
        cache.Put(Of(1, 11, 12));

        Assert.Null(cache.Get(Digest(1)));
        Assert.NotNull(cache.Get(Digest(11)));
        Assert.NotNull(cache.Get(Digest(12)));
        Assert.Equal(1, cache.Stats.Size);
    }

    [Fact]
    public void Tenants_do_not_see_each_others_devices()
    {
        var cache = New();
        var (ours, theirs) = (Of(1), Of(1, 2) with { Device = Of(1).Device with { Tenant = "acme" } });
        cache.Put(ours);
        cache.Put(theirs);

        cache.Invalidate("default", "inverter-1");

        Assert.Null(cache.Get("default", "inverter-1"));
        Assert.Same(theirs, cache.Get("acme", "inverter-1"));
        Assert.Same(theirs, cache.Get(Digest(2)));
    }

    [Fact]
    public void An_invalidated_device_is_forgotten_under_its_name_and_all_its_tokens()
    {
        var cache = New();
        cache.Put(Of(1, 1, 11));
        cache.Put(Of(2));

        cache.Invalidate("default", "inverter-1");

        Assert.Null(cache.Get(Digest(1)));
        Assert.Null(cache.Get(Digest(11)));
        Assert.Null(cache.Get("default", "inverter-1"));
        Assert.NotNull(cache.Get(Digest(2)));
        cache.InvalidateAll();
        Assert.Null(cache.Get(Digest(2)));
        Assert.Equal(0, cache.Stats.Size);
    }

    [Fact]
    public async Task A_thousand_misses_at_once_are_one_look_up()
    {
        var cache = New();
        TaskCompletionSource<RegisteredDevice?> registry = new();
        var asked = 0;

        var found = Enumerable.Range(0, 1000)
            .Select(_ => Task.Run(async () => cache.Get(Digest(1)) ?? await cache.AskAsync(Digest(1), Ask, default))).ToArray();
        await Sungrow.TestServers.Until.TrueAsync(() => cache.Stats.Misses == 1000);
        registry.SetResult(Of(1));

        Assert.All(await Task.WhenAll(found), device => Assert.Equal("inverter-1", device?.Device.DeviceId));
        Assert.Equal(1, asked);
        Assert.Equal(new AuthCacheStats(Hits: 0, Misses: 1000, Size: 1), cache.Stats);

        Task<RegisteredDevice?> Ask()
        {
            Interlocked.Increment(ref asked);
            return registry.Task;
        }
    }

    [Fact]
    public async Task What_the_registry_does_not_know_is_asked_for_again()
    {
        var cache = New();

        Assert.Null(await cache.AskAsync(Digest(1), () => Task.FromResult<RegisteredDevice?>(null), default));
        Assert.NotNull(await cache.AskAsync(Digest(1), () => Task.FromResult<RegisteredDevice?>(Of(1)), default));
    }

    [Fact]
    public async Task A_look_up_that_fails_fails_for_those_who_wait_and_for_nobody_after()
    {
        var cache = New();

        await Assert.ThrowsAsync<TimeoutException>(async () => await cache.AskAsync(Digest(1), () => throw new TimeoutException(), default));
        Assert.NotNull(await cache.AskAsync(Digest(1), () => Task.FromResult<RegisteredDevice?>(Of(1)), default));
    }

    [Fact]
    public async Task Who_gives_up_waiting_does_not_end_the_look_up_for_the_others()
    {
        var cache = New();
        TaskCompletionSource<RegisteredDevice?> registry = new();
        using CancellationTokenSource impatient = new();
        var first = cache.AskAsync(Digest(1), () => registry.Task, impatient.Token);
        var second = cache.AskAsync(Digest(1), () => throw new InvalidOperationException("asked twice"), default);

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        registry.SetResult(Of(1));

        Assert.NotNull(await second);
    }

    [Fact]
    public async Task A_look_up_that_an_invalidation_overtook_is_neither_kept_nor_joined()
    {
        var cache = New();
        TaskCompletionSource<RegisteredDevice?> before = new();
        var early = cache.AskAsync(Digest(1), () => before.Task, default);

        cache.Invalidate("default", "inverter-1");
        var late = await cache.AskAsync(Digest(1), () => Task.FromResult<RegisteredDevice?>(Revoked(1)), default);
        before.SetResult(Of(1));
        await early;

        Assert.True(late?.Device.Revoked);
        Assert.True(cache.Get(Digest(1))?.Device.Revoked);
    }

    [Fact]
    public async Task A_token_younger_than_the_entry_is_asked_for_before_it_is_refused()
    {
        var cache = New();
        cache.Put(Of(1, 1));

        var found = await cache.AskAsync("default", "inverter-1", Digest(11), () => Task.FromResult<RegisteredDevice?>(Of(1, 1, 11)), default);

        Assert.True(found?.Accepts(Digest(11), _clock.Now));
        Assert.Same(found, await cache.AskAsync("default", "inverter-1", null, () => throw new InvalidOperationException(), default));
    }

    private static byte[] Digest(int number) => Tokens.Digest($"token-{number}");

    private static RegisteredDevice Revoked(int number) => Of(number) with { Device = Of(number).Device with { Revoked = true } };

    private static RegisteredDevice Of(int number, params int[] tokens) => new(
        new($"inverter-{number}", "default", "default", "UTC", Revoked: false, 10),
        [.. (tokens.Length == 0 ? [number] : tokens).Select(token => new GoodToken(Digest(token), NotAfter: null))]);

    private DeviceAuthCache New(int ttlSeconds = 3600, int maxSize = 100) =>
        new(Options.Create(new DevicesOptions { AuthCacheTtlSeconds = ttlSeconds, AuthCacheMaxSize = maxSize }), _clock);
}
