using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Uplink;

/// <summary>Finds the bad rows at the head of one queue: which are known to be bad, and in how many of the oldest rows there must be
/// one more. Each answer halves those; rows before the bad one pass on the way. For one bad row among n that is at most
/// 2 ceil(log2 n) + 1 requests, the one for the rest included. Kept in memory alone: after a restart the server says it again.</summary>
internal sealed class Dissection
{
    private readonly Dictionary<long, Verdict> _verdicts = [];
    private int _suspects;

    /// <summary>Whether a batch is being looked into: its queue is stayed with until that is done.</summary>
    public bool IsOpen => _suspects > 0 || _verdicts.Count > 0;

    /// <summary>How many rows to take next, of at most <paramref name="limit"/>.</summary>
    public int Take(int limit) => _suspects == 0 ? limit : Math.Clamp(_suspects / 2, 1, limit);

    /// <summary>The rows that may be sent.</summary>
    public BufferedBatch Sound(BufferedBatch batch) =>
        _verdicts.Count == 0 ? batch : batch with { Samples = [.. batch.Samples.Where(row => !_verdicts.ContainsKey(row.Seq))] };

    /// <summary>The verdicts on rows of <paramref name="batch"/>, null when there are none.</summary>
    public IReadOnlyDictionary<long, Verdict>? Verdicts(BufferedBatch batch) =>
        _verdicts.Count == 0 ? null : batch.Samples
            .Where(row => _verdicts.ContainsKey(row.Seq))
            .ToDictionary(row => row.Seq, row => _verdicts[row.Seq]);

    /// <summary>This row is bad, whatever becomes of the others.</summary>
    public void Judge(long seq, Verdict verdict) => _verdicts[seq] = verdict;

    /// <summary>One of the first <paramref name="rows"/> is bad, unknown which.</summary>
    public void Suspect(int rows) => _suspects = rows;

    /// <summary>The batch has left its queue.</summary>
    public void Settled(BufferedBatch batch)
    {
        // A bad row that has been found clears the rest of suspicion: one was known to be there.
        _suspects = Math.Max(0, _suspects - batch.Samples.Count);
        // Also those on rows that were evicted meanwhile, and come no more.
        foreach (var seq in _verdicts.Keys.Where(seq => seq <= batch.LastSeq).ToList())
        {
            _verdicts.Remove(seq);
            _suspects = 0;
        }
    }

    public void Reset()
    {
        _verdicts.Clear();
        _suspects = 0;
    }
}
