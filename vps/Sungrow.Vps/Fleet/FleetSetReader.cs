using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <summary>A set as it came: the sound entries, each id once.</summary>
/// <param name="Again">Entries under an id that was there already.</param>
internal sealed record ReadSet(IReadOnlyList<SiteEntry> Sites, IReadOnlyList<DeviceEntry> Devices, int Again, int Rejected);

/// <summary>Reads the full set of sites or devices. A bad entry costs itself alone.</summary>
internal static class FleetSetReader
{
    // {tenant}/{site}
    private const int MaxSiteId = (2 * ProtocolLimits.MaxDeviceIdLength) + 1;

    public static (ReadSet? Rows, ProblemResult? Refusal) Read(string type, ReadOnlySpan<byte> utf8)
    {
        try
        {
            var reader = new Utf8JsonReader(utf8);
            using var body = JsonDocument.ParseValue(ref reader);
            if (reader.Read() || body.RootElement.ValueKind != JsonValueKind.Object
                || !body.RootElement.TryGetProperty(type, out var list) || list.ValueKind != JsonValueKind.Array)
            {
                return (null, Malformed(type));
            }

            return list.GetArrayLength() > ProtocolLimits.MaxSamples ? (null, FleetRequests.TooMany()) : (Read(type, list), null);
        }
        catch (JsonException)
        {
            return (null, Malformed(type));
        }
    }

    public static ProblemResult Malformed(string type) => Problems.Of(
        StatusCodes.Status400BadRequest, ErrorCodes.MalformedBody, $"The body must be a JSON object with an array named {type}.");

    private static ReadSet Read(string type, JsonElement list)
    {
        Dictionary<string, SiteEntry> sites = new(StringComparer.Ordinal);
        Dictionary<string, DeviceEntry> devices = new(StringComparer.Ordinal);
        int again = 0, rejected = 0;
        foreach (var entry in list.EnumerateArray())
        {
            try
            {
                if (type == BatchTypes.Sites && entry.Deserialize(FleetJson.Default.SiteEntry) is { } site && IsSound(site))
                {
                    again += sites.TryAdd(site.Id, site) ? 0 : 1;
                }
                else if (type == BatchTypes.Devices && entry.Deserialize(FleetJson.Default.DeviceEntry) is { } device && IsSound(device))
                {
                    again += devices.TryAdd(device.Id, device) ? 0 : 1;
                }
                else
                {
                    rejected++;
                }
            }
            catch (JsonException)
            {
                rejected++; // Counted in the answer and in the event.
            }
        }

        return new([.. sites.Values], [.. devices.Values], again, rejected);
    }

    private static bool IsSound(SiteEntry site) =>
        IsText(site.Id, MaxSiteId) && IsText(site.Name, ProtocolLimits.MaxReportText) && IsText(site.TimeZone, ProtocolLimits.MaxReportText);

    private static bool IsSound(DeviceEntry device) =>
        DeviceIds.IsWellFormed(device.Id) && IsText(device.SiteId, MaxSiteId)
        && (device.Model is null || IsText(device.Model, ProtocolLimits.MaxReportText))
        && (device.Serial is null || IsText(device.Serial, ProtocolLimits.MaxReportText))
        && device.Status is Device.Active or Device.Revoked
        && double.IsFinite(device.PollIntervalS) && device.PollIntervalS is > 0 and <= SampleRules.MaxIntervalS;

    // PostgreSQL has no text with a NUL in it.
    private static bool IsText(string text, int longest) => text.Length > 0 && text.Length <= longest && !text.Any(char.IsControl);
}
