using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sungrow.Protocol;

/// <summary>Reads what it can of a problem's errors and passes over the rest: a newer server's refusal must stay a refusal, and not
/// become an answer that its edge cannot read.</summary>
internal sealed class ProblemErrorsConverter : JsonConverter<IReadOnlyDictionary<string, IReadOnlyList<FieldProblem>>>
{
    public override IReadOnlyDictionary<string, IReadOnlyList<FieldProblem>> Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var errors = new Dictionary<string, IReadOnlyList<FieldProblem>>(StringComparer.Ordinal);
        using var document = JsonDocument.ParseValue(ref reader);
        if (document.RootElement.ValueKind == JsonValueKind.Object)
        {
            foreach (var path in document.RootElement.EnumerateObject().Where(path => path.Value.ValueKind == JsonValueKind.Array))
            {
                FieldProblem[] problems = [.. path.Value.EnumerateArray().Select(ReadOne).OfType<FieldProblem>()];
                if (problems.Length > 0)
                {
                    errors[path.Name] = problems;
                }
            }
        }

        return errors;
    }

    public override void Write(
        Utf8JsonWriter writer, IReadOnlyDictionary<string, IReadOnlyList<FieldProblem>> value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (path, problems) in value)
        {
            writer.WriteStartArray(path);
            foreach (var problem in problems)
            {
                writer.WriteStartObject();
                writer.WriteString("code"u8, problem.Code);
                writer.WriteString("detail"u8, problem.Detail);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static FieldProblem? ReadOne(JsonElement error) =>
        Text(error, "code"u8) is { } code && ErrorCodes.IsWellFormed(code) ? new(code, Text(error, "detail"u8) ?? "") : null;

    private static string? Text(JsonElement error, ReadOnlySpan<byte> name) =>
        error.ValueKind == JsonValueKind.Object && error.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
