using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Devices;

internal sealed class DevicesOptions
{
    public const string Section = "Devices";

    /// <summary><c>DEVICE_TOKENS</c>: <c>tokenA:device-1,tokenB:device-2</c>. Secret.</summary>
    public string DeviceTokens { get; set; } = "";

    /// <summary><c>VIEWER_TOKENS</c>: the same form; a token may stand several times to see several devices. Secret.</summary>
    public string ViewerTokens { get; set; } = "";

    /// <summary><c>SITE_TIMEZONE</c>: the zone of the site <c>default</c>.</summary>
    public string SiteTimeZone { get; set; } = "UTC";

    /// <summary><c>AUTH_CACHE_TTL_SECONDS</c>: how long a device's registry entry is believed.</summary>
    public int AuthCacheTtlSeconds { get; set; } = 60;

    /// <summary><c>AUTH_CACHE_MAX_SIZE</c>: entries.</summary>
    public int AuthCacheMaxSize { get; set; } = 10_000;

    /// <summary>How often the cache's figures are logged, where there is something new to say.</summary>
    public TimeSpan StatsInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary><c>REDIS_URL</c>, checked where realtime uses it: how replicas tell each other of a revocation. Holds a password: never
    /// shown.</summary>
    public string RedisUrl { get; set; } = "";

    /// <summary><c>TRUSTED_PROXIES</c>: whose X-Forwarded-For is believed; <c>127.0.0.1,10.0.0.0/8</c>.</summary>
    public string TrustedProxies { get; set; } = "";
}

internal sealed class DevicesOptionsValidator : IValidateOptions<DevicesOptions>
{
    private const int LongestTtlSeconds = 3_600;
    private const int LargestCache = 10_000_000;
    private static readonly TimeSpan ShortestStatsInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestStatsInterval = TimeSpan.FromHours(1);

    public ValidateOptionsResult Validate(string? name, DevicesOptions options)
    {
        List<string> wrong = [];
        CheckTokens(nameof(options.DeviceTokens), options.DeviceTokens, oneDevicePerToken: true);
        CheckTokens(nameof(options.ViewerTokens), options.ViewerTokens, oneDevicePerToken: false);

        if (!TimeZoneInfo.TryFindSystemTimeZoneById(options.SiteTimeZone, out _))
        {
            wrong.Add(Settings.Wrong(
                DevicesOptions.Section, nameof(options.SiteTimeZone), options.SiteTimeZone,
                "an IANA time zone of this machine, for example Europe/Berlin"));
        }

        if (options.AuthCacheTtlSeconds is < 1 or > LongestTtlSeconds)
        {
            wrong.Add(
                Settings.Wrong(DevicesOptions.Section, nameof(options.AuthCacheTtlSeconds), options.AuthCacheTtlSeconds, "1 .. 3600"));
        }

        if (options.AuthCacheMaxSize is < 1 or > LargestCache)
        {
            wrong.Add(Settings.Wrong(DevicesOptions.Section, nameof(options.AuthCacheMaxSize), options.AuthCacheMaxSize, "1 .. 10000000"));
        }

        if (options.StatsInterval < ShortestStatsInterval || options.StatsInterval > LongestStatsInterval)
        {
            wrong.Add(Settings.Wrong(DevicesOptions.Section, nameof(options.StatsInterval), options.StatsInterval, "00:00:01 .. 01:00:00"));
        }

        if (!Proxies.TryParse(options.TrustedProxies, out _))
        {
            wrong.Add(Settings.Wrong(DevicesOptions.Section, nameof(options.TrustedProxies), options.TrustedProxies, Proxies.Form));
        }

        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);

        void CheckTokens(string property, string text, bool oneDevicePerToken)
        {
            if (!EnvironmentTokens.TryParse(text, oneDevicePerToken, out _, out var what))
            {
                wrong.Add(Settings.WrongSecret(DevicesOptions.Section, property, what, EnvironmentTokens.Form));
            }
        }
    }
}
