using System.Text.Json.Serialization;

namespace Sungrow.Protocol;

/// <summary>An error answer, <c>application/problem+json</c> (RFC 9457) with a stable code.</summary>
public sealed record Problem
{
    public const string ContentType = "application/problem+json";

    public required string Title { get; init; }

    public required int Status { get; init; }

    /// <summary>See <see cref="ErrorCodes"/>.</summary>
    public required string Code { get; init; }

    /// <summary>For a person: what was wrong and what is allowed. Holds no text of the client but a device id that passed validation.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Detail { get; init; }

    /// <summary>With RATE_LIMITED: <c>samples</c>, <c>requests</c> or <c>failed_authentication</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Limit { get; init; }

    /// <summary>Keyed by path, see <see cref="FieldError.Path"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, IReadOnlyList<FieldProblem>>? Errors { get; init; }

    /// <summary>Groups errors by path, as they travel.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<FieldProblem>> Group(IEnumerable<FieldError> errors)
    {
        var grouped = new Dictionary<string, IReadOnlyList<FieldProblem>>(StringComparer.Ordinal);
        foreach (var error in errors)
        {
            FieldProblem problem = new(error.Code, error.Detail);
            grouped[error.Path] = grouped.TryGetValue(error.Path, out var others) ? [.. others, problem] : [problem];
        }

        return grouped;
    }
}

/// <summary>One error of one path.</summary>
public sealed record FieldProblem(string Code, string Detail);
