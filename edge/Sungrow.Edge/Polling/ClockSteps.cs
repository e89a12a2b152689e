namespace Sungrow.Edge.Polling;

/// <summary>Tells a clock that was set from one that only runs a little fast: by what it moved against the time that really passed.
/// Pure.</summary>
internal sealed class ClockSteps
{
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(500);

    // A time daemon slews by at most 500 ppm.
    private const double Slew = 0.001;

    private DateTimeOffset? _bootedAt;
    private TimeSpan _uptime;

    /// <returns>By how much the clock was set since the last look; zero: not at all.</returns>
    public TimeSpan Look(DateTimeOffset now, TimeSpan uptime)
    {
        var bootedAt = now - uptime;
        var moved = bootedAt - _bootedAt ?? TimeSpan.Zero;
        var natural = Least + ((uptime - _uptime) * Slew);
        (_bootedAt, _uptime) = (bootedAt, uptime);
        return moved.Duration() > natural ? moved : TimeSpan.Zero;
    }
}
