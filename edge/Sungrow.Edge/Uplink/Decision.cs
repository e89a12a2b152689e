using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>What the edge does about one answer.</summary>
internal abstract record Decision
{
    /// <summary>A word for the metric.</summary>
    public abstract string Outcome { get; }
}

/// <summary>The server answers for every sample sent.</summary>
internal sealed record Taken(IngestAnswer Counts) : Decision
{
    public override string Outcome => "ok";
}

/// <summary>The server names the samples that it does not take; the others of the batch may be sound.</summary>
/// <param name="Rows">By their index in the request.</param>
internal sealed record BadRows(IReadOnlyDictionary<int, Refusal> Rows) : Decision
{
    public override string Outcome => "bad_rows";
}

/// <summary>Something in the batch is refused, unknown what: look for it in parts. A batch of one is the bad row.</summary>
internal sealed record BadBatch(Refusal Why) : Decision
{
    public override string Outcome => "bad_batch";
}

/// <summary>The batch is too large: smaller ones from now on. A batch of one is a bad row.</summary>
internal sealed record TooLarge(Refusal Why) : Decision
{
    public override string Outcome => "too_large";
}

/// <summary>Wait, then the same again.</summary>
/// <param name="AtLeast">What the server asked for.</param>
/// <param name="Sentence">For the operator.</param>
internal sealed record Later(TimeSpan? AtLeast, string Sentence) : Decision
{
    /// <summary>The same server error for the third time on a batch above one: perhaps a proxy's word for 'too large'. Smaller batches
    /// if the VPS is alive otherwise; nothing is dead-lettered for it.</summary>
    public bool PerhapsTooLarge { get; init; }

    public override string Outcome => "later";
}

/// <summary>A rate limit: wait as long as asked.</summary>
/// <param name="Asked">Null when the server does not say.</param>
internal sealed record RateLimited(TimeSpan? Asked, string Sentence) : Decision
{
    public override string Outcome => "rate_limited";
}

/// <summary>Nothing will change until a person acts: keep everything, try now and then, say so.</summary>
internal sealed record NeedsAHand(string Sentence) : Decision
{
    /// <summary>Concerns the batch's device alone.</summary>
    public bool OneDevice { get; init; }

    public override string Outcome => OneDevice ? "device_paused" : "refused";
}

/// <summary>Why a sample is not taken.</summary>
/// <param name="ServerTime">The server's clock as it said so.</param>
internal readonly record struct Refusal(string Code, string Detail, DateTimeOffset? ServerTime = null);
