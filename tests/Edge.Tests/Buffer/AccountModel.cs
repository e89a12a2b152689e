using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>What the buffer must say, row by row, kept as simply as can be.</summary>
internal sealed class AccountModel
{
    private readonly SortedDictionary<long, ModelRow> _rows = [];

    public int Committed => _rows.Count;

    public void Append(long seq, string device, bool isTimed, string boot) => _rows.Add(seq, new(device, Place.Waiting, isTimed, boot));

    /// <summary>The buffer has evicted; which rows it must have been follows from how many.</summary>
    public void Evict(long count)
    {
        foreach (var seq in _rows.Where(row => row.Value.IsWaiting).Take((int)count).Select(row => row.Key).ToList())
        {
            Move(seq, Place.Evicted);
        }
    }

    public void Settle(BufferedBatch batch, IReadOnlyDictionary<long, Verdict> verdicts)
    {
        foreach (var seq in batch.Samples.Select(row => row.Seq))
        {
            var verdict = verdicts.GetValueOrDefault(seq);
            if (_rows[seq].IsWaiting)
            {
                Move(seq, verdict switch { DeadLetter => Place.Dead, Hold => Place.Held, _ => Place.Sent });
            }
            else if (_rows[seq].Place == Place.Evicted && verdict is null)
            {
                Move(seq, Place.Sent); // It had reached the server before it went.
            }
        }
    }

    public void AssignTimes(string boot)
    {
        foreach (var (seq, row) in _rows.Where(row => !row.Value.IsTimed && row.Value.Boot == boot && row.Value.IsWaiting).ToList())
        {
            _rows[seq] = row with { IsTimed = true };
        }
    }

    public void Boot(string boot)
    {
        foreach (var seq in _rows.Where(row => !row.Value.IsTimed && row.Value.IsWaiting && row.Value.Boot != boot).Select(row => row.Key).ToList())
        {
            Move(seq, Place.Dead);
        }
    }

    /// <param name="kept">Dead letters that the buffer still has: over its bound it forgets what they held.</param>
    public void Retry(IEnumerable<long> kept)
    {
        foreach (var seq in kept.Where(seq => _rows[seq].IsTimed))
        {
            Move(seq, Place.Held);
        }
    }

    public long Count(string device, params Place[] places) => _rows.Values.Count(row => row.Device == device && places.Contains(row.Place));

    /// <summary>What can be peeked: up to the first row without a time.</summary>
    public IEnumerable<long> Queue(string device) => _rows
        .Where(row => row.Value.Device == device && row.Value.Place == Place.Waiting)
        .TakeWhile(row => row.Value.IsTimed)
        .Select(row => row.Key);

    public IEnumerable<string> Devices => _rows.Values.Select(row => row.Device).Distinct();

    private void Move(long seq, Place place) => _rows[seq] = _rows[seq] with { Place = place };

    private sealed record ModelRow(string Device, Place Place, bool IsTimed, string Boot)
    {
        public bool IsWaiting => Place is Place.Waiting or Place.Held;
    }
}

internal enum Place { Waiting, Held, Sent, Dead, Evicted }
