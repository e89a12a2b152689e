namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>Where each row that the edge committed is. Whatever is wrong stands in <see cref="Wrong"/>, a sentence each.</summary>
internal sealed record Balance
{
    public long Committed { get; init; }

    public long Stored { get; init; }

    public long Conflicting { get; init; }

    public long Elsewhere { get; init; }

    /// <summary>Held rows among them.</summary>
    public long Waiting { get; init; }

    public long DeadLettered { get; init; }

    public long Evicted { get; init; }

    /// <summary>Evicted unsent, as far as the edge could know: their answer was lost. They count as stored.</summary>
    public long EvictedButStored { get; init; }

    /// <summary>Whole polls that the inverter answered; those that were not committed were broken off by a fault.</summary>
    public long Served { get; init; }

    public IReadOnlyList<long> Lost { get; init; } = [];

    public IReadOnlyList<long> Doubled { get; init; } = [];

    public IReadOnlyList<string> Wrong { get; init; } = [];

    public bool Closes => Lost.Count == 0 && Doubled.Count == 0 && Wrong.Count == 0
        && Committed == Stored + Conflicting + Elsewhere + Waiting + DeadLettered + Evicted;

    public override string ToString() => string.Join('\n', Lines());

    private IEnumerable<string> Lines()
    {
        const int mostSentences = 40;
        yield return $"balance: committed {Committed} = stored {Stored} + conflicting {Conflicting} + elsewhere {Elsewhere}"
            + $" + waiting {Waiting} + dead-lettered {DeadLettered} + evicted {Evicted}";
        yield return $"whole polls served: {Served}; evicted though they had arrived, the answer being lost: {EvictedButStored}";
        yield return $"lost {Lost.Count}, doubled {Doubled.Count}, unexplained {Wrong.Count}";
        foreach (var line in Lost.Select(seq => $"  lost: row {seq}")
            .Concat(Doubled.Select(seq => $"  doubled: row {seq}"))
            .Concat(Wrong.Select(sentence => $"  unexplained: {sentence}"))
            .Take(mostSentences))
        {
            yield return line;
        }
    }
}
