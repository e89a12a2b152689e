namespace Sungrow.Simulator;

/// <summary>Simulated time: it starts where it is told, runs at its own speed, and does not follow steps of the computer's clock.
/// Several inverters share one.</summary>
/// <param name="start">Null: now.</param>
/// <param name="speed">Simulated seconds per second.</param>
internal sealed class SimulatedClock(TimeProvider time, DateTimeOffset? start = null, double speed = 1)
{
    private readonly DateTimeOffset _start = start ?? time.GetUtcNow();
    private readonly long _startedAt = time.GetTimestamp();

    public TimeProvider Time { get; } = time;

    public DateTimeOffset Now => _start + (Time.GetElapsedTime(_startedAt) * speed);
}
