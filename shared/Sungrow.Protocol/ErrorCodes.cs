using System.Buffers;

namespace Sungrow.Protocol;

/// <summary>Stable codes of refusals. A code never changes its meaning; a newer server may know more of them.</summary>
public static class ErrorCodes
{
    // 400
    public const string MalformedBody = "MALFORMED_BODY";
    public const string DeviceIdRequired = "DEVICE_ID_REQUIRED";
    public const string InvalidQuery = "INVALID_QUERY";
    public const string RangeTooLarge = "RANGE_TOO_LARGE";
    public const string BatchTypeInvalid = "BATCH_TYPE_INVALID";

    // 401
    public const string TokenMissing = "TOKEN_MISSING";
    public const string TokenInvalid = "TOKEN_INVALID";
    public const string UnregisteredDevice = "UNREGISTERED_DEVICE";
    public const string ApiKeyMissing = "API_KEY_MISSING";
    public const string ApiKeyInvalid = "API_KEY_INVALID";
    public const string CustomerTokenInvalid = "CUSTOMER_TOKEN_INVALID";

    // 403
    public const string DeviceRevoked = "DEVICE_REVOKED";
    public const string DeviceMismatch = "DEVICE_MISMATCH";
    public const string DeviceNotVisible = "DEVICE_NOT_VISIBLE";
    public const string SiteNotVisible = "SITE_NOT_VISIBLE";
    public const string FleetNotVisible = "FLEET_NOT_VISIBLE";
    public const string SiteMismatch = "SITE_MISMATCH";

    // 404, 405
    public const string NoData = "NO_DATA";
    public const string NotFound = "NOT_FOUND";
    public const string MethodNotAllowed = "METHOD_NOT_ALLOWED";

    // 408
    public const string RequestTimeout = "REQUEST_TIMEOUT";

    // 413
    public const string TooManySamples = "TOO_MANY_SAMPLES";
    public const string PayloadTooLarge = "PAYLOAD_TOO_LARGE";

    // 415
    public const string UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE";
    public const string UnsupportedEncoding = "UNSUPPORTED_ENCODING";

    // 422, of the request
    public const string InvalidSamples = "INVALID_SAMPLES";
    public const string InvalidReport = "INVALID_REPORT";
    public const string InvalidTelemetry = "INVALID_TELEMETRY";
    public const string InvalidMessages = "INVALID_MESSAGES";
    public const string TenantMismatchTopicVsPayload = "TENANT_MISMATCH_TOPIC_VS_PAYLOAD";
    public const string DeviceMismatchTopicVsPayload = "DEVICE_MISMATCH_TOPIC_VS_PAYLOAD";
    public const string MissingSiteId = "MISSING_SITE_ID";

    // 422, of a value
    public const string Required = "REQUIRED";
    public const string WrongType = "WRONG_TYPE";
    public const string OutOfRange = "OUT_OF_RANGE";
    public const string MalformedDeviceId = "MALFORMED_DEVICE_ID";
    public const string MalformedTimestamp = "MALFORMED_TIMESTAMP";
    public const string TimestampInFuture = "TIMESTAMP_IN_FUTURE";
    public const string TimestampTooOld = "TIMESTAMP_TOO_OLD";
    public const string EmptySample = "EMPTY_SAMPLE";
    public const string DuplicateMember = "DUPLICATE_MEMBER";

    // Of a device that cannot be registered: its id is another one's, on the whole server
    public const string DeviceIdTaken = "DEVICE_ID_TAKEN";

    // Of a stored row's twin with other values
    public const string ConflictingSample = "CONFLICTING_SAMPLE";
    public const string ConflictingTelemetry = "CONFLICTING_TELEMETRY";

    // Of a reading that was refused alone, in a message whose others are stored
    public const string InvalidReading = "INVALID_READING";

    // 429
    public const string RateLimited = "RATE_LIMITED";

    // 500, 503
    public const string InternalError = "INTERNAL_ERROR";
    public const string IngestApiKeyNotConfigured = "INGEST_API_KEY_NOT_CONFIGURED";
    public const string DatabaseUnavailable = "DATABASE_UNAVAILABLE";
    public const string WriteQueueFull = "WRITE_QUEUE_FULL";
    public const string TooManyListeners = "TOO_MANY_LISTENERS";

    private static readonly SearchValues<char> FormCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    /// <summary>Whether <paramref name="code"/> has the form of our codes, <c>^[A-Z][A-Z0-9_]{2,63}$</c>: a newer server's new code
    /// does.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> code) =>
        code.Length is >= 3 and <= 64 && char.IsAsciiLetterUpper(code[0]) && !code.ContainsAnyExcept(FormCharacters);
}
