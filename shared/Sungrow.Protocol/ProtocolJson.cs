using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sungrow.Protocol;

/// <summary>Every shape of the edge's wire, source-generated. Unknown members are ignored: an old server takes a new edge. Missing ones are
/// not: an empty object must not pass for an answer. A body of samples is read by <see cref="IngestBatchReader"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.Strict,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(IngestBatch))]
[JsonSerializable(typeof(IngestAnswer))]
[JsonSerializable(typeof(EdgeReport))]
[JsonSerializable(typeof(HeartbeatAnswer))]
[JsonSerializable(typeof(WhoAmI))]
[JsonSerializable(typeof(Problem))]
public sealed partial class ProtocolJson : JsonSerializerContext
{
    /// <summary>The serializer lets null pass for an entry of any list.</summary>
    internal static void RefuseNull<T>(IReadOnlyList<T> entries, string list)
        where T : class
    {
        if (entries.Any(entry => entry is null))
        {
            throw new JsonException($"{list}: no entry may be null");
        }
    }
}

/// <summary>Reads and writes times as <see cref="Rfc3339"/> says.</summary>
public sealed class Rfc3339Converter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && Rfc3339.TryParse(reader.GetString(), out var time)
            ? time
            : throw new JsonException($"a time: {Rfc3339.Form}");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Rfc3339.Truncate(value).UtcDateTime); // As Rfc3339.Write, without a string.
}
