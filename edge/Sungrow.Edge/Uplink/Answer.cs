using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>What came back from the VPS. Only our own 200 body and our own problem details are answers; a captive portal's page, a
/// proxy's error or a broken connection is <see cref="NoAnswer{T}"/>, whatever its status.</summary>
internal abstract record Answer<T>;

internal sealed record Answered<T>(T Body) : Answer<T>;

/// <param name="RetryAfter">What the server asks to wait, null when it does not say.</param>
internal sealed record Refused<T>(int Status, Problem Problem, TimeSpan? RetryAfter) : Answer<T>
{
    /// <summary>The server's clock as it answered.</summary>
    public DateTimeOffset? ServerTime { get; init; }
}

/// <param name="Sentence">For the operator: what happened and, where it is known, what to do.</param>
internal sealed record NoAnswer<T>(string Sentence) : Answer<T>
{
    /// <summary>Of whatever answered in our VPS's place; null when nothing did.</summary>
    public int? Status { get; init; }
}

/// <summary>The policy that tells our answers from all others.</summary>
internal static class Answer
{
    /// <param name="contentType">The media type alone.</param>
    /// <param name="retryAfter">Each header line as it came.</param>
    /// <param name="serverTime">The answer's <c>Date</c>.</param>
    /// <param name="now">For a <c>Retry-After</c> that is a date, when the server does not tell its time.</param>
    public static Answer<T> Read<T>(
        int status, string? contentType, IEnumerable<string> retryAfter, DateTimeOffset? serverTime, ReadOnlySpan<byte> body,
        JsonTypeInfo<T> form, DateTimeOffset now)
    {
        try
        {
            if (status == 200 && JsonSerializer.Deserialize(body, form) is { } answer)
            {
                return new Answered<T>(answer);
            }

            if (status >= 400 && string.Equals(contentType, Problem.ContentType, StringComparison.OrdinalIgnoreCase)
                && JsonSerializer.Deserialize(body, ProtocolJson.Default.Problem) is { } problem
                && ErrorCodes.IsWellFormed(problem.Code))
            {
                return new Refused<T>(status, problem, RetryAfter.Read(retryAfter, serverTime ?? now)) { ServerTime = serverTime };
            }
        }
        catch (JsonException)
        {
            // Not ours: below.
        }

        return new NoAnswer<T>(
            $"something answered {status}, but not as our VPS does (a captive portal, a proxy, or another server?): check Uplink__Url.")
        {
            Status = status,
        };
    }
}
