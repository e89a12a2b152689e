using System.Text.Json.Serialization;

namespace Sungrow.Vps.Monitoring;

/// <summary>What is posted to the webhook; <see cref="Text"/> is what chat services show.</summary>
/// <param name="Kind"><c>device_silent</c> or <c>device_back</c>.</param>
/// <param name="LastSeen">When it was last heard before the silence.</param>
internal sealed record Alert(
    [property: JsonPropertyName("alert")] string Kind, string DeviceId, string Tenant, string Site, DateTimeOffset LastSeen, string Text)
{
    public const string Silent = "device_silent";
    public const string Back = "device_back";

    public static Alert OfSilence(WatchedDevice device) => new(
        Silent, device.DeviceId, device.Tenant, device.Site, device.Heard,
        $"{device.DeviceId} ({device.Tenant}/{device.Site}) is silent: "
        + (device.LastSeen > device.Heard ? "its edge reports, but no sample" : "nothing")
        + $" came from it since {device.Heard.UtcDateTime:yyyy-MM-dd HH:mm}Z.");

    public static Alert OfReturn(WatchedDevice device) => new(
        Back, device.DeviceId, device.Tenant, device.Site, device.SilentSince!.Value,
        $"{device.DeviceId} ({device.Tenant}/{device.Site}) is back after a silence since {device.SilentSince.Value.UtcDateTime:yyyy-MM-dd HH:mm}Z.");
}

/// <param name="Interval">From row to row.</param>
/// <param name="LastSeen">A sample or a report.</param>
/// <param name="SilentSince">When it was last heard before the silence that was told; null: none was.</param>
/// <param name="LastSample">Null: it has never sent one, and is known by what else it sends. Where nothing at all came for a
/// day, the beginning of the silence that was told.</param>
/// <param name="IsAsleep">Its edge says that the inverter sleeps, as it does without sun.</param>
internal sealed record WatchedDevice(
    string DeviceId, string Tenant, string Site, DateTimeOffset LastSeen, TimeSpan Interval, DateTimeOffset? SilentSince,
    DateTimeOffset? LastSample, bool IsAsleep)
{
    /// <summary>Samples are what counts: an edge that reports beside a dead inverter is silent, unless it is night.</summary>
    public DateTimeOffset Heard => IsAsleep ? LastSeen : LastSample ?? LastSeen;
}

/// <summary>When a silence is told, and when its end. Pure.</summary>
internal static class SilenceRule
{
    private const int Intervals = 3;

    /// <param name="servingSince">Before it nobody could be heard.</param>
    /// <returns>Null: nothing to tell.</returns>
    public static Alert? Judge(WatchedDevice device, DateTimeOffset now, DateTimeOffset servingSince, TimeSpan silentAfter)
    {
        var heard = device.Heard > servingSince ? device.Heard : servingSince;
        return device.SilentSince is { } since
            // Only with a sample: falling asleep is no return.
            ? (device.LastSample ?? device.LastSeen) > since ? Alert.OfReturn(device) : null
            : now - heard > (Intervals * device.Interval) + silentAfter ? Alert.OfSilence(device) : null;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Alert))]
internal sealed partial class AlertJson : JsonSerializerContext;
