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
}

internal sealed class DevicesOptionsValidator : IValidateOptions<DevicesOptions>
{
    private const int LongestTtlSeconds = 3_600;
    private const int LargestCache = 10_000_000;

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
