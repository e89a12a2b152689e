using System.Buffers;
using System.Text;
using System.Text.Json;
using Sungrow.Protocol;

namespace Sungrow.Vps.Ingest;

/// <summary>Copies the metrics of a device that we know nothing of: an object of numbers, texts, booleans, nulls, and objects and arrays of
/// those. Written anew, so that each number is one that a double or a 64-bit integer holds: PostgreSQL would take <c>1e-16000</c> for one,
/// and print it in 16,000 digits.</summary>
internal sealed class TelemetryMetrics : IDisposable
{
    public const int MaxValues = 256;
    public const int MaxDepth = 8;
    public const int MaxName = 64;
    public const int MaxText = 1024;

    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _writer;
    private int _values;
    private int _members;

    private TelemetryMetrics() => _writer = new Utf8JsonWriter(_buffer);

    /// <param name="reader">At the value; afterwards at its end.</param>
    /// <param name="json">Null where something is wrong.</param>
    /// <returns>The first thing that is wrong. Where it stands is told by number: the names are the client's own.</returns>
    public static FieldError? Copy(ref Utf8JsonReader reader, out string? json, out bool isEmpty)
    {
        json = null;
        isEmpty = false;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return new("metrics", ErrorCodes.WrongType, "an object");
        }

        var start = reader;
        using var copy = new TelemetryMetrics();
        if (copy.CopyObject(ref reader, depth: 1) is { } wrong)
        {
            reader = start; // The rest of the body is still judged.
            reader.Skip();
            return wrong with { Path = $"metrics[{copy._members - 1}]" };
        }

        copy._writer.Flush();
        json = Encoding.UTF8.GetString(copy._buffer.WrittenSpan);
        isEmpty = copy._members == 0;
        return null;
    }

    public void Dispose() => _writer.Dispose();

    private FieldError? CopyObject(ref Utf8JsonReader reader, int depth)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        _writer.WriteStartObject();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            _members += depth == 1 ? 1 : 0;
            if (!TelemetryReader.TryText(ref reader, MaxName, out var name) || name.Length == 0)
            {
                return Wrong(ErrorCodes.OutOfRange, $"a name of 1 to {MaxName} characters");
            }

            if (!names.Add(name))
            {
                return Wrong(ErrorCodes.DuplicateMember, "once");
            }

            _writer.WritePropertyName(name);
            reader.Read();
            if (CopyValue(ref reader, depth) is { } wrong)
            {
                return wrong;
            }
        }

        _writer.WriteEndObject();
        return null;
    }

    private FieldError? CopyArray(ref Utf8JsonReader reader, int depth)
    {
        _writer.WriteStartArray();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (CopyValue(ref reader, depth) is { } wrong)
            {
                return wrong;
            }
        }

        _writer.WriteEndArray();
        return null;
    }

    private FieldError? CopyValue(ref Utf8JsonReader reader, int depth)
    {
        if (++_values > MaxValues)
        {
            return Wrong(ErrorCodes.OutOfRange, $"at most {MaxValues} values");
        }

        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject or JsonTokenType.StartArray when depth == MaxDepth:
                return Wrong(ErrorCodes.OutOfRange, $"nested at most {MaxDepth} levels");
            case JsonTokenType.StartObject:
                return CopyObject(ref reader, depth + 1);
            case JsonTokenType.StartArray:
                return CopyArray(ref reader, depth + 1);
            case JsonTokenType.String:
                if (!TelemetryReader.TryText(ref reader, MaxText, out var text))
                {
                    return Wrong(ErrorCodes.OutOfRange, $"a text of at most {MaxText} characters, without NUL");
                }

                _writer.WriteStringValue(text);
                return null;
            case JsonTokenType.Number when reader.TryGetInt64(out var integer):
                _writer.WriteNumberValue(integer);
                return null;
            case JsonTokenType.Number when reader.TryGetDouble(out var number) && double.IsFinite(number):
                _writer.WriteNumberValue(number);
                return null;
            case JsonTokenType.Number:
                return Wrong(ErrorCodes.OutOfRange, "a finite number");
            case JsonTokenType.Null:
                _writer.WriteNullValue();
                return null;
            default:
                _writer.WriteBooleanValue(reader.GetBoolean());
                return null;
        }
    }

    private static FieldError? Wrong(string code, string detail) => new FieldError("", code, detail);
}
