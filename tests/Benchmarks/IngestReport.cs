namespace Sungrow.Benchmarks;

/// <summary>The table of a run, and whether its claims hold.</summary>
internal static class IngestReport
{
    // Share of, what, at least.
    private static readonly (string Claim, string Of, string What, double Least)[] Claims =
    [
        ("1,000 new samples a request, of the COPY ceiling", "COPY 5000", "vps 1000", 0.5),
        ("60 new samples a request, of the COPY ceiling", "COPY 5000", "vps 60", 0.3),
        ("one-sample requests, of parsing alone", "parse 1", "vps 1", 0.6),
        ("60 samples sent again, writer, of ON CONFLICT DO NOTHING with its audit row", "ON CONFLICT again 60", "writer again 60", 0.9),
        ("1,000 samples sent again, writer, of ON CONFLICT DO NOTHING with its audit row", "ON CONFLICT again 1000", "writer again 1000", 0.9),
        ("authentication, limits, realtime, audit on, at 60, of off", "store 60", "vps 60", 0.9),
        ("authentication, limits, realtime, audit on, at 1,000, of off", "store 1000", "vps 1000", 0.9),
    ];

    /// <returns>Whether every claim that could be looked at holds.</returns>
    public static bool Write(Dictionary<string, List<double>> measured)
    {
        var ceiling = measured.TryGetValue("COPY 5000", out var copy) ? Spread.Median(copy) : double.NaN;
        Console.WriteLine("| | rows/s, median | least .. most | of COPY |\n|---|---|---|---|");
        foreach (var (name, rates) in measured)
        {
            var median = Spread.Median(rates);
            Console.WriteLine($"| {name} | {median:N0} | {rates.Min():N0} .. {rates.Max():N0} | {median / ceiling:P0} |");
        }

        Console.WriteLine("\n| claim | at least | median of the rounds' ratios | least .. most | |\n|---|---|---|---|---|");
        var holds = true;
        foreach (var (claim, of, what, least) in Claims)
        {
            if (!measured.TryGetValue(of, out var anchors) || !measured.TryGetValue(what, out var rates))
            {
                continue;
            }

            double[] ratios = [.. rates.Zip(anchors, (rate, anchor) => rate / anchor)];
            var reached = Spread.Median(ratios) >= least;
            holds &= reached;
            Console.WriteLine(
                $"| {claim} | {least:F2} | {Spread.Median(ratios):F2} | {ratios.Min():F2} .. {ratios.Max():F2} | {(reached ? "holds" : "MISSED")} |");
        }

        return holds;
    }
}
