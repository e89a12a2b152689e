using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Devices;

/// <summary>Once a minute: the auth cache's figures to the log, where there is something new to say, and buckets that have refilled are
/// forgotten.</summary>
internal sealed class Upkeep(
    IOptions<DevicesOptions> options, DeviceAuthCache cache, RateLimits limits, TimeProvider time, ILogger<Upkeep> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var minute = new PeriodicTimer(options.Value.StatsInterval, time);
        AuthCacheStats said = default;
        while (await minute.WaitForNextTickAsync(stoppingToken))
        {
            limits.RemoveFull();
            var stats = cache.Stats;
            if (stats != said)
            {
                log.AuthCache(stats.Hits, stats.Misses, stats.Size);
                said = stats;
            }
        }
    }
}
