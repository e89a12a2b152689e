namespace Sungrow.Vps.Devices;

/// <summary>One token bucket per key. A bucket begins full, holds at most <paramref name="burst"/> and refills at
/// <paramref name="perSecond"/>. What costs more than a whole burst passes on a full bucket and leaves it in debt, so that over time the
/// rate holds for it too. Bounded: a bucket that is full again is forgotten, as a new one would be no different; beyond
/// <paramref name="capacity"/> the one that was used longest ago is.</summary>
internal sealed class TokenBuckets<TKey>(double perSecond, double burst, int capacity, TimeProvider time) where TKey : notnull
{
    // What a rounding may be off after any number of refills.
    private const double Tolerance = 1e-6;

    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, LinkedListNode<Bucket>> _buckets = [];
    private readonly LinkedList<Bucket> _byUse = [];

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _buckets.Count;
            }
        }
    }

    /// <summary>Takes <paramref name="cost"/>, or nothing.</summary>
    /// <returns>Null when it was taken; else how long until it can be.</returns>
    public TimeSpan? TryTake(TKey key, double cost)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var bucket = Use(key, now);
            var missing = Math.Min(cost, burst) - bucket.Level;
            if (missing > Tolerance)
            {
                return TimeSpan.FromSeconds(missing / perSecond);
            }

            bucket.Level -= cost;
            return null;
        }
    }

    /// <summary>Undoes a <see cref="TryTake"/>.</summary>
    public void GiveBack(TKey key, double cost)
    {
        lock (_lock)
        {
            var bucket = Use(key, time.GetTimestamp());
            bucket.Level = Math.Min(burst, bucket.Level + cost);
        }
    }

    /// <summary>Forgets every bucket that has refilled.</summary>
    public void RemoveFull()
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            for (var node = _byUse.First; node is not null;)
            {
                var next = node.Next;
                if (LevelAt(node.Value, now) >= burst)
                {
                    Remove(node);
                }

                node = next;
            }
        }
    }

    private Bucket Use(TKey key, long now)
    {
        if (_buckets.TryGetValue(key, out var node))
        {
            _byUse.Remove(node);
            _byUse.AddLast(node);
            node.Value.Level = LevelAt(node.Value, now);
            node.Value.At = now;
            return node.Value;
        }

        // Two for each that comes: a table that has grown shrinks again without anybody sweeping it.
        for (var i = 0; i < 2 && _byUse.First is { } oldest && (_buckets.Count >= capacity || LevelAt(oldest.Value, now) >= burst); i++)
        {
            Remove(oldest);
        }

        node = _byUse.AddLast(new Bucket { Key = key, Level = burst, At = now });
        _buckets[key] = node;
        return node.Value;
    }

    private double LevelAt(Bucket bucket, long now) =>
        Math.Min(burst, bucket.Level + (time.GetElapsedTime(bucket.At, now).TotalSeconds * perSecond));

    private void Remove(LinkedListNode<Bucket> node)
    {
        _byUse.Remove(node);
        _buckets.Remove(node.Value.Key);
    }

    private sealed class Bucket
    {
        public required TKey Key { get; init; }

        /// <summary>Below zero after something larger than a burst.</summary>
        public double Level { get; set; }
        public long At { get; set; }
    }
}
