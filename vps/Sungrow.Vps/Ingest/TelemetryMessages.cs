using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Ingest;

/// <summary>What became of one request.</summary>
/// <param name="Accepted">Null when it is refused.</param>
/// <param name="Refusal">Null when it is accepted.</param>
/// <param name="IsAuthenticated">Whether the sender showed a good token of the device, which is not revoked.</param>
internal sealed record IngestResult(TelemetryRecord? Accepted, ProblemResult? Refusal, bool IsAuthenticated);

/// <param name="Duplicates">What stood already under its key.</param>
internal sealed record TelemetryAnswer(int Inserted, int Duplicates);

/// <summary>The shape of a body, for those who write a client.</summary>
/// <param name="Ts">RFC 3339 with an offset.</param>
/// <param name="TenantId">May be left out; else the tenant of the address.</param>
/// <param name="DeviceId">May be left out; else the device of the address.</param>
internal sealed record TelemetryMessage(
    string SiteId, DateTimeOffset Ts, JsonObject? Metrics, string? TenantId = null, string? DeviceId = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(TelemetryAnswer))]
[JsonSerializable(typeof(TelemetryMessage))]
internal sealed partial class TelemetryJson : JsonSerializerContext;
