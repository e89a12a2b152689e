namespace Sungrow.Edge.Inverter;

/// <summary>What one poll brought.</summary>
internal abstract record PollResult
{
    /// <summary>Every request of this poll in order, identification included: for measurements and for an installer's eyes.</summary>
    public IReadOnlyList<BlockAnswer> Blocks { get; init; } = [];
}

/// <param name="Reading">May be empty: the inverter answered, but nothing that it served is a value.</param>
internal sealed record Polled(InverterIdentity Identity, Reading Reading) : PollResult
{
    /// <summary>Wire names of the metrics that were served with an impossible value and are null for it.</summary>
    public IReadOnlyList<string> Impossible { get; init; } = [];

    /// <summary>Nothing but zeros was served: a dongle without its inverter.</summary>
    public bool IsZeroed { get; init; }

    public ConnectionPath Path { get; init; }

    /// <summary>What the reading's daily counter can be judged by; null when it cannot.</summary>
    public PvCounters? Counters { get; init; }
}

/// <param name="Sentence">What was wrong and what to look at, for a person.</param>
internal sealed record Unreachable(UnreachableReason Reason, string Sentence) : PollResult;

/// <summary>One request and what came of it: registers, unless one of the last two says otherwise.</summary>
/// <param name="Refusal">The device's exception code.</param>
/// <param name="Failure">Why the connection ended here.</param>
internal sealed record BlockAnswer(RegisterBlock Block, TimeSpan Took, byte? Refusal = null, UnreachableReason? Failure = null);
