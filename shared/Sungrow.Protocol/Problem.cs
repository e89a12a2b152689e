using System.Text.Json.Serialization;

namespace Sungrow.Protocol;

/// <summary>An error answer, <c>application/problem+json</c> (RFC 9457) with a stable code. The server writes title and status always;
/// to a reader the code alone makes it ours.</summary>
public sealed record Problem
{
    public const string ContentType = "application/problem+json";

    public string? Title { get; init; }

    public int? Status { get; init; }

    /// <summary>See <see cref="ErrorCodes"/>.</summary>
    public required string Code { get; init; }

    /// <summary>For a person: what was wrong and what is allowed. Holds no text of the client but a device id that passed
    /// validation.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Detail { get; init; }

    /// <summary>With RATE_LIMITED: <c>samples</c>, <c>requests</c> or <c>failed_authentication</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Limit { get; init; }

    /// <summary>Keyed by path, see <see cref="FieldError.Path"/>. As read it holds only what can be used: no list is empty, each code is
    /// of the right form.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonConverter(typeof(ProblemErrorsConverter))]
    public IReadOnlyDictionary<string, IReadOnlyList<FieldProblem>>? Errors { get; init; }

    /// <summary>Groups errors by path, as they travel.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<FieldProblem>> Group(IEnumerable<FieldError> errors) => errors
        .GroupBy(error => error.Path, error => new FieldProblem(error.Code, error.Detail), StringComparer.Ordinal)
        .ToDictionary(path => path.Key, IReadOnlyList<FieldProblem> (path) => [.. path], StringComparer.Ordinal);
}

/// <summary>One error of one path.</summary>
public sealed record FieldProblem(string Code, string Detail);
