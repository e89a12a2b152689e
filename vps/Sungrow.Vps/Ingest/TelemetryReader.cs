using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Sungrow.Protocol;

namespace Sungrow.Vps.Ingest;

/// <summary>What a body of telemetry holds.</summary>
internal sealed class TelemetryBody
{
    /// <summary>Not JSON: where reading stopped. The rest then says nothing.</summary>
    public string? Malformed { get; init; }

    public Claim TenantId { get; set; }

    public Claim DeviceId { get; set; }

    /// <summary>Null where it is absent, empty or no text.</summary>
    public string? SiteId { get; set; }

    /// <summary>Null where it cannot be read; outside of what is accepted it is here, and among the errors.</summary>
    public DateTimeOffset? Ts { get; set; }

    /// <summary>As they are stored; null where they are absent, or something is wrong with them.</summary>
    public string? Metrics { get; set; }

    /// <summary>Whether there is at least one.</summary>
    public bool HasMetrics { get; set; }

    public List<FieldError> Errors { get; } = [];
}

/// <summary>Who a body says it is of: nobody, somebody, or something that names nobody.</summary>
internal readonly record struct Claim(bool IsMade, string? Name)
{
    public bool Contradicts(string name) => IsMade && !string.Equals(Name, name, StringComparison.Ordinal);
}

/// <summary>Reads telemetry in one pass over its UTF-8 bytes. All of it is bounded, and what it hands on PostgreSQL can hold: no NUL, no half
/// surrogate pair, no number beyond a double's range.</summary>
internal static class TelemetryReader
{
    private const int MaxDepth = 16;

    private static readonly JsonReaderOptions Options = new() { MaxDepth = MaxDepth };

    /// <param name="utf8">The whole body.</param>
    /// <param name="window">The times accepted.</param>
    public static TelemetryBody Read(ReadOnlySpan<byte> utf8, SampleWindow window)
    {
        var reader = new Utf8JsonReader(utf8, Options);
        try
        {
            var body = new TelemetryBody();
            ReadMembers(ref reader, window, body);
            return body;
        }
        catch (JsonException broken)
        {
            return new()
            {
                Malformed = $"Not JSON, or nested deeper than {MaxDepth} levels, "
                    + $"at line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1}.",
            };
        }
    }

    /// <summary>The string's text; false for what is no string, too long, or no text at all.</summary>
    public static bool TryText(ref Utf8JsonReader reader, int maxLength, [NotNullWhen(true)] out string? text)
    {
        text = null;
        // One character takes at most six bytes as it travels: the \uXXXX of an escape.
        if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || reader.ValueSpan.Length > maxLength * 6)
        {
            return false;
        }

        try
        {
            text = reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return false; // Half a surrogate pair, or bytes that are no UTF-8: the reader lets both pass as JSON until it is asked.
        }

        return text.Length <= maxLength && !text.Contains('\0');
    }

    private static void ReadMembers(ref Utf8JsonReader reader, SampleWindow window, TelemetryBody body)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
        }
        else
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = TryText(ref reader, ProtocolLimits.MaxDeviceIdLength, out var text) ? text : "";
                reader.Read();
                if (name is not ("tenant_id" or "device_id" or "site_id" or "ts" or "metrics"))
                {
                    reader.Skip();
                }
                else if (!seen.Add(name))
                {
                    body.Errors.Add(new(name, ErrorCodes.DuplicateMember, "once"));
                    reader.Skip();
                }
                else if (reader.TokenType != JsonTokenType.Null) // The same as absent.
                {
                    ReadMember(ref reader, name, window, body);
                }
            }
        }

        reader.Read(); // Throws where anything follows the end.
        if (body.Ts is null && !body.Errors.Exists(error => error.Path == "ts"))
        {
            body.Errors.Add(new("ts", ErrorCodes.Required, "a string"));
        }
    }

    private static void ReadMember(ref Utf8JsonReader reader, string name, SampleWindow window, TelemetryBody body)
    {
        switch (name)
        {
            case "tenant_id":
                body.TenantId = ReadClaim(ref reader);
                break;
            case "device_id":
                body.DeviceId = ReadClaim(ref reader);
                break;
            case "site_id":
                body.SiteId = ReadClaim(ref reader).Name;
                break;
            case "ts":
                ReadTs(ref reader, window, body);
                break;
            default:
                if (TelemetryMetrics.Copy(ref reader, out var metrics, out var isEmpty) is { } wrong)
                {
                    body.Errors.Add(wrong);
                }

                body.HasMetrics = !isEmpty;
                body.Metrics = metrics;
                break;
        }
    }

    private static Claim ReadClaim(ref Utf8JsonReader reader)
    {
        var claim = new Claim(true, TryText(ref reader, ProtocolLimits.MaxDeviceIdLength, out var text) && text.Length > 0 ? text : null);
        reader.Skip();
        return claim;
    }

    private static void ReadTs(ref Utf8JsonReader reader, SampleWindow window, TelemetryBody body)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            body.Errors.Add(new("ts", ErrorCodes.WrongType, "a string"));
            reader.Skip();
        }
        else if (!TryText(ref reader, Rfc3339.MaxLength, out var text) || !Rfc3339.TryParse(text, out var ts))
        {
            body.Errors.Add(new("ts", ErrorCodes.MalformedTimestamp, Rfc3339.Form));
        }
        else
        {
            body.Ts = ts;
            if (SampleRules.CheckTs(ts, window) is { } wrong)
            {
                body.Errors.Add(wrong);
            }
        }
    }
}
