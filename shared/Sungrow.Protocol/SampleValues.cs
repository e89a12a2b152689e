using System.Text.Json;

namespace Sungrow.Protocol;

/// <summary>Reads the values of a sample's members. Each answers null, or an error whose path the caller knows and a stand-in for the
/// value.</summary>
internal static class SampleValues
{
    // What stands for a value that is named already while the others are checked: within every range.
    public const int StandIn = 1;
    public const string StandInId = "-";

    public static FieldError? ReadDeviceId(ref Utf8JsonReader reader, ReadBatch batch, out string? deviceId)
    {
        deviceId = StandInId;
        if (reader.TokenType != JsonTokenType.String)
        {
            return new("", ErrorCodes.WrongType, "a string");
        }

        Span<char> text = stackalloc char[ProtocolLimits.MaxDeviceIdLength];
        if (!Texts.TryCopy(ref reader, text, out var length) || !DeviceIds.IsWellFormed(text[..length]))
        {
            return new("", ErrorCodes.MalformedDeviceId, DeviceIds.Form);
        }

        // A batch holds one device id as a rule: one string for all its samples.
        var last = batch.Samples is [.., var sample] ? sample.DeviceId : "";
        deviceId = text[..length].SequenceEqual(last) ? last : text[..length].ToString();
        batch.DeviceIds.Add(deviceId);
        return null;
    }

    public static FieldError? ReadTs(ref Utf8JsonReader reader, SampleWindow window, out DateTimeOffset? ts)
    {
        ts = window.Newest;
        if (reader.TokenType != JsonTokenType.String)
        {
            return new("", ErrorCodes.WrongType, "a string");
        }

        Span<char> text = stackalloc char[Rfc3339.MaxLength];
        if (!Texts.TryCopy(ref reader, text, out var length) || !Rfc3339.TryParse(text[..length], out var time))
        {
            return new("", ErrorCodes.MalformedTimestamp, Rfc3339.Form);
        }

        ts = time;
        return null;
    }

    public static FieldError? ReadNumber(ref Utf8JsonReader reader, out double? number)
    {
        if (reader.TokenType != JsonTokenType.Number)
        {
            number = StandIn;
            return new("", ErrorCodes.WrongType, "a number or null");
        }

        // 1e999 reads as infinity: the range check names it.
        number = reader.GetDouble();
        return null;
    }

    public static FieldError? ReadInteger(ref Utf8JsonReader reader, string range, out long number)
    {
        number = StandIn;
        if (reader.TokenType != JsonTokenType.Number)
        {
            return new("", ErrorCodes.WrongType, "an integer");
        }

        if (reader.TryGetInt64(out var integer))
        {
            number = integer;
            return null;
        }

        // To JSON 1.0 and 36e2 are integers as well; one beyond 64 bits is one too, only not a possible one.
        if (!reader.TryGetDecimal(out var real) || decimal.Abs(real) > long.MaxValue)
        {
            return new("", ErrorCodes.OutOfRange, range);
        }

        if (!decimal.IsInteger(real))
        {
            return new("", ErrorCodes.WrongType, "an integer");
        }

        number = (long)real;
        return null;
    }

    public static FieldError? ReadSeq(ref Utf8JsonReader reader, out long? seq)
    {
        var error = ReadInteger(ref reader, SampleRules.SeqRange, out var number);
        seq = number;
        return error;
    }
}
