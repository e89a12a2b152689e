namespace Sungrow.Benchmarks;

internal static class Spread
{
    /// <summary>The smallest value that the given share of all values does not exceed.</summary>
    public static double Percentile(IReadOnlyCollection<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }

    public static double Median(IReadOnlyCollection<double> values) => Percentile(values, 0.5);
}
