namespace Sungrow.Edge.Inverter;

/// <summary>Tells when another program fights over the inverter's few sessions, and for how long to leave it alone. Pure.
/// The signature is a connection that is taken and closed again before one poll is whole, time after time. Who keeps knocking then makes
/// it worse: after 90 s of quiet an inverter is known to recover. A refused port, silence or garbage have other causes and no such cure,
/// and silence that comes and goes would cost a recovered inverter that quiet.</summary>
internal sealed class Contention
{
    public static readonly TimeSpan Quiet = TimeSpan.FromSeconds(90);

    private const int InARow = 5;

    // With short intervals five attempts are over before a rebooting inverter is up.
    private static readonly TimeSpan AtLeast = TimeSpan.FromSeconds(30);

    private int _closed;
    private TimeSpan _since;
    private TimeSpan? _quietUntil;

    /// <summary>What is left of the quiet; null: go on.</summary>
    public TimeSpan? Left(TimeSpan uptime) => _quietUntil is { } until && uptime < until ? until - uptime : null;

    /// <summary>A poll was whole.</summary>
    public void Succeeded() => _closed = 0;

    /// <param name="onNewConnection">Whether the poll had to connect.</param>
    public void Failed(UnreachableReason reason, bool onNewConnection, TimeSpan uptime)
    {
        if (reason != UnreachableReason.Closed || !onNewConnection)
        {
            _closed = 0;
            return;
        }

        _since = _closed == 0 ? uptime : _since;
        if (++_closed >= InARow && uptime - _since >= AtLeast)
        {
            _closed = 0;
            _quietUntil = uptime + Quiet;
        }
    }
}
