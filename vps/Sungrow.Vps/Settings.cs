using System.Net.Sockets;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Ingest;
using Sungrow.Vps.Realtime;
using Sungrow.Vps.Shelly;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps;

/// <summary>The literal names of settings, and where each lands among the option classes. Every other setting goes by its own path,
/// <c>Storage__CompressAfter</c>.</summary>
internal static partial class Settings
{
    private static readonly (string Name, string Key)[] Literal =
    [
        ("DATABASE_URL", Key(StorageOptions.Section, nameof(StorageOptions.DatabaseUrl))),
        ("BATCH_SIZE", Key(StorageOptions.Section, nameof(StorageOptions.BatchSize))),
        ("FLUSH_INTERVAL_MS", Key(StorageOptions.Section, nameof(StorageOptions.FlushIntervalMs))),
        ("DEVICE_TOKENS", Key(DevicesOptions.Section, nameof(DevicesOptions.DeviceTokens))),
        ("VIEWER_TOKENS", Key(DevicesOptions.Section, nameof(DevicesOptions.ViewerTokens))),
        ("SITE_TIMEZONE", Key(DevicesOptions.Section, nameof(DevicesOptions.SiteTimeZone))),
        ("AUTH_CACHE_TTL_SECONDS", Key(DevicesOptions.Section, nameof(DevicesOptions.AuthCacheTtlSeconds))),
        ("AUTH_CACHE_MAX_SIZE", Key(DevicesOptions.Section, nameof(DevicesOptions.AuthCacheMaxSize))),
        ("REQUIRE_TOKEN", Key(TelemetryOptions.Section, nameof(TelemetryOptions.RequireToken))),
        ("AUTO_PROVISION", Key(TelemetryOptions.Section, nameof(TelemetryOptions.AutoProvision))),
        ("MAX_PAYLOAD_BYTES", Key(LimitsOptions.Section, nameof(LimitsOptions.MaxPayloadBytes))),
        ("TRUSTED_PROXIES", Key(DevicesOptions.Section, nameof(DevicesOptions.TrustedProxies))),
        ("RATE_LIMIT_SAMPLES_PER_SECOND", Key(LimitsOptions.Section, nameof(LimitsOptions.SamplesPerSecond))),
        ("RATE_LIMIT_BURST_SAMPLES", Key(LimitsOptions.Section, nameof(LimitsOptions.BurstSamples))),
        ("RATE_LIMIT_REQUESTS_PER_SECOND", Key(LimitsOptions.Section, nameof(LimitsOptions.RequestsPerSecond))),
        ("RATE_LIMIT_BURST_REQUESTS", Key(LimitsOptions.Section, nameof(LimitsOptions.BurstRequests))),
        ("RATE_LIMIT_FAILED_AUTH_PER_MINUTE", Key(LimitsOptions.Section, nameof(LimitsOptions.FailedAuthPerMinute))),
        ("INGEST_API_KEY", Key(ShellyOptions.Section, nameof(ShellyOptions.IngestApiKey))),
        ("REDIS_URL", Key(RealtimeOptions.Section, nameof(RealtimeOptions.RedisUrl))),
        ("REDIS_URL", Key(DevicesOptions.Section, nameof(DevicesOptions.RedisUrl))),
    ];

    /// <summary>Copies the literal names to the paths that the option classes are bound from. A blank one is as good as unset.</summary>
    public static void MapLiteralNames(ConfigurationManager configuration) =>
        configuration.AddInMemoryCollection(
            [.. from setting in Literal
                let value = configuration[setting.Name]
                where !string.IsNullOrWhiteSpace(value)
                select KeyValuePair.Create(setting.Key, (string?)value)]);

    /// <summary>Whether a word of the command line is a setting and not an option of a command, none of which has a colon or an underscore
    /// in its name.</summary>
    public static bool IsSetting(string word) => Argument().Match(word).Value.AsSpan().ContainsAny(':', '_');

    /// <exception cref="StartRefusedException">An argument is neither a command nor a setting.</exception>
    public static void CheckArguments(string[] args)
    {
        if (Array.FindIndex(args, argument => !Argument().IsMatch(argument)) is >= 0 and var at)
        {
            throw new StartRefusedException(
                $"argument {at + 1} is unknown; allowed are settings as --Section:Name=value, and the commands of --help.");
        }
    }

    /// <summary>What an operator calls a setting.</summary>
    public static string NameOf(string section, string property) => Name(Key(section, property));

    /// <summary>What is wrong with a setting, in one line.</summary>
    public static string Wrong(string section, string property, object value, string allowed) =>
        Wrong(Key(section, property), $"{value}", allowed);

    /// <summary>The same of a secret: its value stays out of every log.</summary>
    /// <param name="what">For example <c>entry 2 has no colon</c>.</param>
    public static string WrongSecret(string section, string property, string what, string allowed) =>
        $"{Name(Key(section, property))}: {what}; allowed is {allowed}.";

    /// <summary>What an operator reads where the start failed for a reason that is no error of ours, a line each; empty for any other
    /// failure.</summary>
    public static IReadOnlyList<string> Complaints(Exception failure) => failure switch
    {
        // A setting that others lean on is complained of by each.
        AggregateException several => [.. several.InnerExceptions.SelectMany(Complaints).Distinct(StringComparer.Ordinal)],
        OptionsValidationException refused => [.. refused.Failures],
        StartRefusedException refused => [refused.Message],
        InvalidOperationException when Unreadable().Match(failure.Message) is { Success: true } match =>
            [Wrong(match.Groups["path"].Value, match.Groups["value"].Value, FormOf(match.Groups["type"].Value))],
        // The logging's own: a level that is none.
        InvalidOperationException when failure.Message.StartsWith("Configuration value", StringComparison.Ordinal) =>
            [$"Logging__LogLevel: {OneLine(failure.Message)} Allowed is {string.Join(" or ", Enum.GetNames<LogLevel>())}."],
        InvalidDataException => [OneLine($"{failure.Message} {failure.InnerException?.Message}")], // A settings file that is no JSON.
        // Kestrel's: no address, not one of this machine, in use, or one that it cannot serve.
        FormatException or IOException or SocketException
            or InvalidOperationException { Source: "Microsoft.AspNetCore.Server.Kestrel.Core" }
            or ArgumentOutOfRangeException { ParamName: "port" } =>
            [$"ASPNETCORE_URLS: {OneLine(failure.Message)}; allowed is a free address of this machine, http://host:port."],
        _ => [],
    };

    private static string Wrong(string key, string value, string allowed) => $"{Name(key)} is '{OneLine(value)}'; allowed is {allowed}.";

    private static string Key(string section, string property) => ConfigurationPath.Combine(section, property);

    private static string Name(string key) =>
        Array.Find(Literal, setting => string.Equals(setting.Key, key, StringComparison.OrdinalIgnoreCase)).Name
        ?? key.Replace(":", "__", StringComparison.Ordinal);

    private static string FormOf(string type) => Type.GetType(type) switch
    {
        { IsEnum: true } words => string.Join(" or ", Enum.GetNames(words)),
        var known when known == typeof(TimeSpan) => "a duration, for example 30.00:00:00",
        var known when known == typeof(bool) => "true or false",
        _ => "a number",
    };

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    [GeneratedRegex("^--[A-Za-z][A-Za-z0-9:_.]*=", RegexOptions.None, 1000)]
    private static partial Regex Argument();

    // The binder's own words.
    [GeneratedRegex(
        "^Failed to convert configuration value '(?<value>.*)' at '(?<path>[^']+)' to type '(?<type>[^']+)'",
        RegexOptions.Singleline,
        1000)]
    private static partial Regex Unreadable();
}
