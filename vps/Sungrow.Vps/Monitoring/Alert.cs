using System.Text.Json.Serialization;

namespace Sungrow.Vps.Monitoring;

/// <summary>What is posted to the webhook; <see cref="Text"/> is what chat services show.</summary>
/// <param name="Kind"><c>device_silent</c> or <c>device_back</c>.</param>
/// <param name="LastSeen">Before the silence.</param>
internal sealed record Alert(
    [property: JsonPropertyName("alert")] string Kind, string DeviceId, string Tenant, string Site, DateTimeOffset LastSeen, string Text)
{
    public const string Silent = "device_silent";
    public const string Back = "device_back";

    public static Alert OfSilence(WatchedDevice device) => new(
        Silent, device.DeviceId, device.Tenant, device.Site, device.LastSeen,
        $"{device.DeviceId} ({device.Tenant}/{device.Site}) is silent: nothing came from it since {device.LastSeen.UtcDateTime:yyyy-MM-dd HH:mm}Z.");

    public static Alert OfReturn(WatchedDevice device) => new(
        Back, device.DeviceId, device.Tenant, device.Site, device.SilentSince!.Value,
        $"{device.DeviceId} ({device.Tenant}/{device.Site}) is back after a silence since {device.SilentSince.Value.UtcDateTime:yyyy-MM-dd HH:mm}Z.");
}

/// <param name="Interval">From row to row.</param>
/// <param name="SilentSince">When it was last seen before the silence that was told; null: none was.</param>
internal sealed record WatchedDevice(
    string DeviceId, string Tenant, string Site, DateTimeOffset LastSeen, TimeSpan Interval, DateTimeOffset? SilentSince);

/// <summary>When a silence is told, and when its end. Pure.</summary>
internal static class SilenceRule
{
    private const int Intervals = 3;

    /// <param name="servingSince">Before it nobody could be heard.</param>
    /// <returns>Null: nothing to tell.</returns>
    public static Alert? Judge(WatchedDevice device, DateTimeOffset now, DateTimeOffset servingSince, TimeSpan silentAfter)
    {
        var heard = device.LastSeen > servingSince ? device.LastSeen : servingSince;
        return device.SilentSince is { } since
            ? device.LastSeen > since ? Alert.OfReturn(device) : null
            : now - heard > (Intervals * device.Interval) + silentAfter ? Alert.OfSilence(device) : null;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Alert))]
internal sealed partial class AlertJson : JsonSerializerContext;
