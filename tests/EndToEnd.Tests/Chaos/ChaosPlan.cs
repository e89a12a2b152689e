namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>One fault of the schedule.</summary>
/// <param name="Calm">Undisturbed time before it.</param>
/// <param name="Hold">How long it lasts at least; it also lasts until it was felt.</param>
/// <param name="Hits">How often it has to be felt, where that can be counted.</param>
/// <param name="Size">Of what it does, 0 .. 1: how far a clock steps.</param>
internal sealed record Step(Fault Fault, TimeSpan Calm, TimeSpan Hold, int Hits, double Size);

/// <summary>What goes wrong and in which order, from a seed alone: the same seed is the same plan, whatever happens while it runs.
/// Every fault comes once in the first round of its lane, in a drawn order; after it they are drawn freely until the time is over.</summary>
internal static class ChaosPlan
{
    /// <param name="except">What this machine cannot do.</param>
    public static IReadOnlyDictionary<Lane, IReadOnlyList<Step>> Make(int seed, TimeSpan duration, IReadOnlySet<Fault> except) =>
        Enum.GetValues<Lane>().ToDictionary(lane => lane, IReadOnlyList<Step> (lane) => Make(lane, seed, duration, except));

    private static List<Step> Make(Lane lane, int seed, TimeSpan duration, IReadOnlySet<Fault> except)
    {
        Random random = new(unchecked((seed * 397) ^ (int)lane));
        Fault[] faults = [.. Faults.All.Where(fault => Faults.LaneOf(fault) == lane && !except.Contains(fault))];
        random.Shuffle(faults);

        List<Step> steps = [];
        var planned = TimeSpan.Zero;
        for (var i = 0; faults.Length > 0 && (i < faults.Length || planned < duration); i++)
        {
            var first = i < faults.Length;
            var step = new Step(
                first ? faults[i] : faults[random.Next(faults.Length)],
                Calm: TimeSpan.FromSeconds(0.3 + (random.NextDouble() * (first ? 1 : 10))),
                // Now and then long enough for a backlog.
                Hold: TimeSpan.FromSeconds((0.5 + (random.NextDouble() * 1.5)) * (!first && random.Next(8) == 0 ? 10 : 1)),
                Hits: random.Next(1, 3),
                Size: random.NextDouble());
            planned += step.Calm + step.Hold;
            steps.Add(step);
        }

        return steps;
    }
}
