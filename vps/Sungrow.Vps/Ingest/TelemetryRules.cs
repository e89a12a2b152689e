using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Ingest;

/// <summary>One request for telemetry as it came.</summary>
/// <param name="Tenant">Of the address, as is <paramref name="DeviceId"/>.</param>
/// <param name="TokenDigest">Null without a token.</param>
/// <param name="NeedsToken">Whether a missing token is refused; a wrong one is always.</param>
/// <param name="Unreadable">Why there is no <paramref name="Body"/>.</param>
internal sealed record TelemetryRequest(
    string Tenant, string DeviceId, string Type, byte[]? TokenDigest, bool NeedsToken, ProblemResult? Unreadable, TelemetryBody? Body);

/// <param name="Device">Null where the registry has none.</param>
/// <param name="NotAsked">Why the registry was not asked: the address has failed too often.</param>
internal readonly record struct TelemetrySender(RegisteredDevice? Device, ProblemResult? NotAsked = null);

/// <summary>The rules of telemetry.</summary>
internal static class TelemetryRules
{
    /// <summary>Bytes of one body, decompressed; <c>MAX_PAYLOAD_BYTES</c> may lower it. It is read before anybody is asked for a token, and
    /// some of what is refused is kept.</summary>
    public const int MaxPayloadBytes = 64 * 1024;

    /// <summary>In the order that the contract fixes; the first that fails is the answer. What it does not name stands where it can be
    /// known first: whether the body can be read after the token, its values at the end.</summary>
    /// <param name="sender">What the registry knows under the tenant and device of the address.</param>
    /// <param name="takeFromBucket">Takes one request from the sender's bucket, called when everybody before it is content; null when it
    /// may pass.</param>
    public static IngestResult ValidateAndPrepare(
        TelemetryRequest request, TelemetrySender sender, DateTimeOffset now, Func<ProblemResult?> takeFromBucket)
    {
        var refusal = RefuseRequest(request) ?? RefuseSender(request, sender, now) ?? takeFromBucket() ?? RefuseValues(request);
        var isAuthenticated = sender.Device is { Device.Revoked: false } device
            && request.TokenDigest is { } digest && device.Accepts(digest, now);
        return new(refusal is null ? Prepare(request) : null, refusal, isAuthenticated);
    }

    /// <summary>Whether it is worth asking the registry who sends.</summary>
    public static bool MayNameItsSender(TelemetryRequest request) =>
        request is { Body.Malformed: null } and ({ TokenDigest: not null } or { NeedsToken: false })
        && DeviceIds.IsWellFormed(request.Tenant) && DeviceIds.IsWellFormed(request.DeviceId);

    public static bool Contradicts(TelemetryRequest request) =>
        request.Body!.TenantId.Contradicts(request.Tenant) || request.Body.DeviceId.Contradicts(request.DeviceId);

    private static TelemetryRecord Prepare(TelemetryRequest request)
    {
        var body = request.Body!;
        return new(request.Tenant, request.DeviceId, body.SiteId!, body.Ts!.Value, request.Type, body.Metrics ?? "{}");
    }

    private static ProblemResult? RefuseRequest(TelemetryRequest request)
    {
        if (request.Unreadable is { Code: ErrorCodes.PayloadTooLarge })
        {
            return request.Unreadable;
        }

        if (request.NeedsToken && request.TokenDigest is null)
        {
            return Problems.Of(
                StatusCodes.Status401Unauthorized, ErrorCodes.TokenMissing,
                "This route needs the header Authorization: Bearer, and a token.");
        }

        if (request.Unreadable is not null)
        {
            return request.Unreadable;
        }

        var body = request.Body!;
        return body.Malformed is not null ? Problems.Of(StatusCodes.Status400BadRequest, ErrorCodes.MalformedBody, body.Malformed)
            : body.TenantId.Contradicts(request.Tenant) ? Invalid(
                ErrorCodes.TenantMismatchTopicVsPayload, "tenant_id must be the tenant of the address, or left out.")
            : body.DeviceId.Contradicts(request.DeviceId) ? Invalid(
                ErrorCodes.DeviceMismatchTopicVsPayload, "device_id must be the device of the address, or left out.")
            : body.SiteId is null ? Invalid(ErrorCodes.MissingSiteId, "site_id must name the device's site.")
            : null;
    }

    private static ProblemResult? RefuseSender(TelemetryRequest request, TelemetrySender sender, DateTimeOffset now) =>
        sender.NotAsked is not null ? sender.NotAsked
        : sender.Device is not { } known ? Problems.Of(
            StatusCodes.Status401Unauthorized, ErrorCodes.UnregisteredDevice, "The tenant has no such device; an operator adds it.")
        : request.TokenDigest is { } digest && !known.Accepts(digest, now) ? Problems.Of(
            StatusCodes.Status401Unauthorized, ErrorCodes.TokenInvalid, "The token is unknown, expired, revoked or of another kind.")
        : known.Device.Revoked ? Problems.Of(
            StatusCodes.Status403Forbidden, ErrorCodes.DeviceRevoked, $"The device {known.Device.DeviceId} is revoked.")
        : request.Body!.SiteId != known.Device.Site ? Problems.Of(
            StatusCodes.Status403Forbidden, ErrorCodes.SiteMismatch, "site_id is not the site that the device belongs to.")
        : null;

    private static ProblemResult? RefuseValues(TelemetryRequest request)
    {
        var body = request.Body!;
        List<FieldError> errors = [.. body.Errors];
        var areMetricsNamed = errors.Exists(error => error.Path.StartsWith("metrics", StringComparison.Ordinal));
        if (request.Type == TelemetryRecord.Telemetry && !body.HasMetrics && !areMetricsNamed)
        {
            errors.Add(new("metrics", ErrorCodes.EmptySample, "at least one value; a heartbeat needs none"));
        }

        return errors.Count == 0
            ? null
            : Problems.Invalid(ErrorCodes.InvalidTelemetry, "Nothing was stored; errors names what is wrong and what is allowed.", errors);
    }

    private static ProblemResult Invalid(string code, string detail) =>
        Problems.Of(StatusCodes.Status422UnprocessableEntity, code, detail);
}
