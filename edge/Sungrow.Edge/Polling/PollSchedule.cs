namespace Sungrow.Edge.Polling;

/// <summary>When to poll: at the multiples of the interval, counted from 1970 in UTC. A poll that takes long skips the moments it covers,
/// it never makes two polls follow each other to catch up; each wait is computed from the clock, so that nothing drifts. What was skipped
/// is counted in time that really passed: a clock set forward makes no moment that anybody missed.</summary>
internal sealed class PollSchedule(TimeSpan interval)
{
    private long _last = -1;
    private TimeSpan? _planned;

    /// <summary>How long to wait from <paramref name="now"/> until the next poll.</summary>
    /// <param name="uptime">What no clock setting changes, see <see cref="Clock.Uptime"/>.</param>
    /// <param name="skipped">Moments that passed without a poll since the one planned before.</param>
    public TimeSpan Next(DateTimeOffset now, TimeSpan uptime, out long skipped)
    {
        var elapsed = now.UtcTicks - DateTimeOffset.UnixEpoch.Ticks;
        var next = (elapsed / interval.Ticks) + 1;
        if (next == _last)
        {
            next++; // The timer fired a moment early: this poll is done already.
        }

        skipped = _planned is { } planned ? (uptime - planned).Ticks / interval.Ticks : 0;
        var wait = TimeSpan.FromTicks((next * interval.Ticks) - elapsed);
        _last = next;
        _planned = uptime + wait;
        return wait;
    }
}
