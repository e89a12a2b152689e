using System.Collections.Concurrent;

namespace Sungrow.Edge;

/// <summary>Whether every loop makes progress. A loop says, before each thing that it does or waits for, how long that may take; a planned
/// wait is progress. One that has not spoken again in time, with <see cref="Grace"/> for a slow machine, is stuck.</summary>
internal sealed class Liveness(TimeProvider time)
{
    /// <summary>A Pi whose SD card is busy may stand still for seconds without being stuck.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    // By the clock that no setting changes: a step of the other one must not look like a stuck loop, nor hide one.
    private readonly ConcurrentDictionary<string, (long Since, TimeSpan Within)> _expected = new();

    /// <param name="loop">The loop's name, for the log.</param>
    /// <param name="within">Until it speaks again, at the longest; <see cref="Timeout.InfiniteTimeSpan"/> when it waits for another loop.</param>
    public void Expect(string loop, TimeSpan within) => _expected[loop] = (time.GetTimestamp(), within);

    /// <returns>The name of a loop that is stuck; null while all make progress.</returns>
    public string? Stuck()
    {
        foreach (var (loop, (since, within)) in _expected)
        {
            if (within != Timeout.InfiniteTimeSpan && time.GetElapsedTime(since) > within + Grace)
            {
                return loop;
            }
        }

        return null;
    }
}
