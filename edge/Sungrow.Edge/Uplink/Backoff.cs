namespace Sungrow.Edge.Uplink;

/// <summary>How long to wait before the next attempt: exponential with full jitter. The n-th failure in a row waits between nothing and
/// <paramref name="first"/> x 2^(n-1), at most <paramref name="longest"/>; a success starts over.</summary>
/// <param name="random">Uniform in 0 .. 1: a thousand edges that lost the same server must not come back in step.</param>
internal sealed class Backoff(TimeSpan first, TimeSpan longest, Func<double> random)
{
    /// <summary>A server may ask for more than we would wait, within reason.</summary>
    public static readonly TimeSpan LongestAsked = TimeSpan.FromMinutes(15);

    /// <summary>Between attempts of which only a person's act can make one succeed: he should not wait for us either.</summary>
    private static readonly TimeSpan SlowPace = TimeSpan.FromMinutes(1);

    // 2^20 x the first wait is past any longest one; the bound keeps the shift from overflowing after weeks offline.
    private const int MaxDoublings = 20;

    private int _failuresInARow;

    public void Succeeded() => _failuresInARow = 0;

    /// <param name="asked">The server's <c>Retry-After</c>: waited at least, where it is longer and no more than 15 minutes.</param>
    public TimeSpan Failed(TimeSpan? asked = null)
    {
        var ceiling = first * (1L << Math.Min(_failuresInARow++, MaxDoublings));
        var wait = (ceiling < longest ? ceiling : longest) * random();
        var atLeast = asked > LongestAsked ? LongestAsked : asked ?? TimeSpan.Zero;
        return wait > atLeast ? wait : atLeast;
    }

    /// <summary>A rate limit is no failure: the wait is the server's, and does not grow. One that names none, or none to come, is.</summary>
    public TimeSpan RateLimited(TimeSpan? asked) =>
        asked > TimeSpan.Zero ? (asked < LongestAsked ? asked.Value : LongestAsked) : Failed();

    public TimeSpan NeedsAHand() => SlowPace * (1 + random()) / 2;
}
