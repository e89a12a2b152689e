using Sungrow.Edge.Inverter;

namespace Sungrow.Edge.Polling;

/// <summary>What the last polls found, for the report. Written by the poll loop alone.</summary>
internal sealed class PollStatus
{
    private volatile Snapshot _now = new(null, false, null, null);

    public Snapshot Now => _now;

    /// <param name="at">Null while the clock is not trusted.</param>
    /// <returns>Whether this is news.</returns>
    public bool Succeeded(InverterIdentity identity, DateTimeOffset? at)
    {
        var news = !_now.Reachable || _now.Inverter?.Serial != identity.Serial;
        _now = new(identity, true, at, null);
        return news;
    }

    /// <returns>Whether this is news.</returns>
    public bool Failed(string sentence)
    {
        var news = _now.Failure != sentence;
        _now = _now with { Reachable = false, Failure = sentence };
        return news;
    }

    internal sealed record Snapshot(InverterIdentity? Inverter, bool Reachable, DateTimeOffset? LastPoll, string? Failure);
}
