using System.Globalization;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>The whole table from an answer to what the edge does, and the only place that looks at a status.</summary>
internal static class AnswerPolicy
{
    /// <summary>So many equal server errors in a row on a batch above one make its size suspect.</summary>
    public const int SuspiciousErrors = 3;

    /// <param name="sent">Samples in the request.</param>
    /// <param name="sameErrors">How often in a row before this one the same server error, or a foreign 413, came for a batch above one.</param>
    public static Decision Decide(Answer<IngestAnswer> answer, int sent, int sameErrors) => answer switch
    {
        Answered<IngestAnswer>({ } counts) when counts.Covers(sent) => new Taken(counts),
        Answered<IngestAnswer> => new Later(null, "something answered 200 with counts of another batch: check Uplink__Url."),
        Refused<IngestAnswer> refused => Decide(refused, sent, sameErrors),
        NoAnswer<IngestAnswer> none => new Later(null, none.Sentence) { PerhapsTooLarge = IsSuspicious(none.Status, sent, sameErrors) },
        _ => throw new ArgumentOutOfRangeException(nameof(answer), "an answer is one of three"),
    };

    /// <summary>The status that counts towards <see cref="SuspiciousErrors"/>; null when this answer is none of those.</summary>
    public static int? ServerError(Answer<IngestAnswer> answer, int sent) =>
        sent == 1 ? null : answer switch
        {
            Refused<IngestAnswer> { Status: >= 500 and var status } => status,
            // A proxy's own 413 has no code of ours.
            NoAnswer<IngestAnswer> { Status: (413 or >= 500) and var status } => status,
            _ => null,
        };

    private static Decision Decide(Refused<IngestAnswer> refused, int sent, int sameErrors)
    {
        var problem = refused.Problem;
        var sentence = $"the VPS refused with {refused.Status} {problem.Code}.";
        var why = new Refusal(problem.Code, problem.Detail ?? problem.Title ?? "", refused.ServerTime);
        return refused.Status switch
        {
            400 => new BadBatch(why),
            422 => BadRows(refused, sent) is { } rows ? new BadRows(rows) : new BadBatch(why),
            413 => new TooLarge(why),
            429 => new RateLimited(refused.RetryAfter, sentence),
            408 => new Later(null, sentence),
            501 => new NeedsAHand(sentence),
            503 => new Later(refused.RetryAfter, sentence) { PerhapsTooLarge = IsSuspicious(503, sent, sameErrors) },
            >= 500 => new Later(null, sentence) { PerhapsTooLarge = IsSuspicious(refused.Status, sent, sameErrors) },
            403 when problem.Code == ErrorCodes.DeviceMismatch => new NeedsAHand(sentence) { OneDevice = true },
            _ => new NeedsAHand(sentence),
        };
    }

    private static bool IsSuspicious(int? status, int sent, int sameErrors) =>
        status is 413 or >= 500 && sent > 1 && sameErrors + 1 >= SuspiciousErrors;

    /// <summary>Null when the server does not say which: no index at all, or one that this batch does not have, so that it speaks of
    /// another.</summary>
    private static Dictionary<int, Refusal>? BadRows(Refused<IngestAnswer> refused, int sent)
    {
        var rows = new Dictionary<int, Refusal>();
        foreach (var (path, errors) in refused.Problem.Errors ?? new Dictionary<string, IReadOnlyList<FieldProblem>>())
        {
            if (IndexIn(path) is not { } index)
            {
                continue;
            }

            if (index >= sent)
            {
                return null;
            }

            // A sample that is bad in several ways is only held back for its time when that is all.
            foreach (var error in errors)
            {
                if (!rows.TryGetValue(index, out var known) || known.Code == ErrorCodes.TimestampInFuture)
                {
                    // Of the path only the field: the place in a batch says nothing afterwards.
                    var field = path[(path.IndexOf(']', StringComparison.Ordinal) + 1)..].TrimStart('.');
                    rows[index] = new(error.Code, field.Length == 0 ? error.Detail : $"{field}: {error.Detail}", refused.ServerTime);
                }
            }
        }

        return rows.Count > 0 ? rows : null;
    }

    // "samples[3]" or "samples[3].ts"
    private static int? IndexIn(ReadOnlySpan<char> path)
    {
        const string Before = "samples[";
        var end = path.IndexOf(']');
        return path.StartsWith(Before, StringComparison.Ordinal) && end > 0 && (end == path.Length - 1 || path[end + 1] == '.')
            && int.TryParse(path[Before.Length..end], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? index
            : null;
    }
}
