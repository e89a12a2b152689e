using System.Text.Json.Serialization;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

// What travels between two VPSs. As to an edge, members that are not known are ignored.

/// <param name="Id"><c>{tenant}/{site}</c></param>
internal sealed record SiteEntry(string Id, string Name, string TimeZone);

internal sealed record DeviceEntry(
    string Id, string SiteId, string? Model, string? Serial, string Status, double PollIntervalS, DateTimeOffset? FirstSeen,
    DateTimeOffset? LastSeen);

internal sealed record SiteSet(IReadOnlyList<SiteEntry> Sites);

internal sealed record DeviceSet(IReadOnlyList<DeviceEntry> Devices);

internal sealed record MeasurementBatch(IReadOnlyList<SungrowSample> Measurements);

/// <summary>The three kinds of batches, as the header and the state name them.</summary>
internal static class BatchTypes
{
    public const string Sites = "sites";
    public const string Devices = "devices";
    public const string Measurements = "measurements";

    public const string CustomerHeader = "X-Customer-Token";
    public const string TypeHeader = "X-Batch-Type";
    public const string CursorHeader = "X-Push-Cursor";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(SiteSet))]
[JsonSerializable(typeof(DeviceSet))]
[JsonSerializable(typeof(MeasurementBatch))]
[JsonSerializable(typeof(FleetAnswer))]
[JsonSerializable(typeof(FleetSitesAnswer))]
internal sealed partial class FleetJson : JsonSerializerContext;
