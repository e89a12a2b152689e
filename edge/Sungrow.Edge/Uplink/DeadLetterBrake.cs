namespace Sungrow.Edge.Uplink;

/// <summary>Stops dead-lettering when it looks like the server's fault: after 20 in a row with one code and nothing stored between. A
/// server's defect must not empty a buffer. Times are of a monotonic clock.</summary>
/// <param name="engagedWith">The code of a brake that was on before the restart.</param>
internal sealed class DeadLetterBrake(string? engagedWith)
{
    public const int MostInARow = 20;

    public static readonly TimeSpan ProbeEvery = TimeSpan.FromHours(1);

    private State _state = new(null, 0, engagedWith, null);

    /// <summary>The code that pulled it; null while it is off.</summary>
    public string? EngagedWith => _state.EngagedWith;

    /// <summary>To go back to when what was allowed could not be written down.</summary>
    public State Current
    {
        get => _state;
        set => _state = value;
    }

    /// <returns>False while the brake is on: this one stays. The twentieth in a row still goes, and pulls it.</returns>
    public bool TryDeadLetter(string code, TimeSpan now)
    {
        if (EngagedWith is not null)
        {
            return false;
        }

        var inARow = code == _state.Code ? _state.InARow + 1 : 1;
        _state = inARow < MostInARow ? new(code, inARow, null, null) : new(code, inARow, code, now);
        return true;
    }

    /// <summary>Samples of the queue that it guards were taken, or the operator says so.</summary>
    public void Release() => _state = default;

    /// <summary>How long until one batch may be tried; zero or less: now, also while the brake is off.</summary>
    public TimeSpan UntilProbe(TimeSpan now) =>
        EngagedWith is null || _state.LastProbe is not { } last ? TimeSpan.Zero : last + ProbeEvery - now;

    /// <summary>The batch tried was refused as before.</summary>
    public void ProbeFailed(TimeSpan now) => _state = _state with { LastProbe = now };

    internal readonly record struct State(string? Code, int InARow, string? EngagedWith, TimeSpan? LastProbe);
}
