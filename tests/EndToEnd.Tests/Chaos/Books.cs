namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>What stands in the edge's file.</summary>
/// <param name="Newest">The highest number ever given.</param>
/// <param name="Cursor">Every row up to it has been answered for, or set aside.</param>
/// <param name="Rows">Those that are still in the file.</param>
internal sealed record BufferBook(
    Guid BufferId,
    long Newest,
    long Cursor,
    IReadOnlyDictionary<long, BookedRow> Rows,
    IReadOnlySet<long> Held,
    IReadOnlySet<long> DeadLetters,
    IReadOnlySet<long> Evicted,
    BufferCounters Counters)
{
    /// <summary>Rows that a working uplink still has to send.</summary>
    public long ToSend => Counters.Waiting - Held.Count;
}

/// <param name="Ts">Null: the clock was not trusted when it was read.</param>
internal sealed record BookedRow(DateTimeOffset? Ts, Metrics Metrics);

internal sealed record BufferCounters(long Committed, long Acknowledged, long DeadLettered, long Evicted)
{
    public long Waiting => Committed - Acknowledged - DeadLettered - Evicted;
}

/// <summary>What stands in the VPS's database.</summary>
/// <param name="Conflicting">Numbers in quarantine.</param>
/// <param name="Elsewhere">Numbers whose sample is stored under another one.</param>
/// <param name="Strangers">Stored rows of other buffers, or without a number.</param>
/// <param name="Reported">The edge's last report.</param>
internal sealed record ServerBook(
    IReadOnlyList<StoredSample> Stored,
    IReadOnlyList<long> Conflicting,
    IReadOnlyList<long> Elsewhere,
    long Strangers,
    BufferCounters? Reported)
{
    public bool Knows(long seq) => Stored.Any(sample => sample.Seq == seq) || Conflicting.Contains(seq) || Elsewhere.Contains(seq);
}
