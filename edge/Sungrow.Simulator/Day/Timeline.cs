namespace Sungrow.Simulator.Day;

/// <summary>One second of the household.</summary>
/// <param name="Flow">The powers during this second.</param>
/// <param name="Stored">Ws in the battery when it begins.</param>
/// <param name="Energy">The counters when it begins.</param>
internal readonly record struct Moment(Flow Flow, long Stored, Energy Energy);

/// <summary>The household at any second since it was commissioned. A week repeats for ever, so any moment costs at most a minute of
/// arithmetic, and the same moment has the same values however it was reached.</summary>
internal sealed class Timeline
{
    private const int CheckpointSeconds = 60;

    private readonly Curves _curves;
    private readonly Moment[] _checkpoints;

    public Timeline(Curves curves)
    {
        _curves = curves;

        // The sun fills the battery every day, whatever the night left in it: so Sunday's end, and with it Monday's beginning, is known
        // without Saturday. That is what lets the week repeat without a step in the state of charge.
        var mondayStart = Run(curves, 6 * Curves.DaySeconds, BatteryPack.Reserve).ElementAt(Curves.DaySeconds).Stored;

        _checkpoints = [.. Run(curves, 0, mondayStart).Take(Curves.WeekSeconds + 1).Where((_, second) => second % CheckpointSeconds == 0)];
    }

    /// <param name="second">Whole seconds since the Monday, 00:00, of commissioning.</param>
    public Moment At(long second)
    {
        var (weeks, inWeek) = Math.DivRem(second, Curves.WeekSeconds);
        var (checkpoint, rest) = Math.DivRem((int)inWeek, CheckpointSeconds);
        var from = _checkpoints[checkpoint];
        var moment = Run(_curves, checkpoint * CheckpointSeconds, from.Stored).ElementAt(rest);
        return moment with { Energy = moment.Energy.Plus(from.Energy, 1).Plus(_checkpoints[^1].Energy, weeks) };
    }

    /// <summary>Second after second, without end, the counters starting at zero.</summary>
    /// <param name="from">Second of the week.</param>
    /// <param name="stored">Ws in the battery at that second.</param>
    public static IEnumerable<Moment> Run(Curves curves, int from, long stored)
    {
        var energy = default(Energy);
        for (var second = from % Curves.WeekSeconds; ; second = (second + 1) % Curves.WeekSeconds)
        {
            var flow = Flow.Regulate(
                curves.House, curves.PvWatts(second), curves.LoadWatts(second), curves.RegulatorErrorWatts(second), stored);
            yield return new Moment(flow, stored, energy);
            stored -= flow.Battery;
            energy = energy.After(flow);
        }
    }
}
