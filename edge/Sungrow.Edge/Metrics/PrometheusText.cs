using System.Globalization;
using System.Text;

namespace Sungrow.Edge.Metrics;

internal enum FamilyKind
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>All series of one name, by their labels as written.</summary>
internal sealed record Family(string Name, string Help, FamilyKind Kind)
{
    public SortedDictionary<string, Series> Series { get; } = new(StringComparer.Ordinal);
}

/// <param name="bounds">The upper bounds of a histogram's buckets.</param>
internal sealed class Series(double[] bounds)
{
    private readonly long[] _counts = new long[bounds.Length];

    public double Sum { get; private set; }

    public long Count { get; private set; }

    /// <summary>Each bound, and how many values were at most that.</summary>
    public IEnumerable<(double Bound, long Count)> Buckets => bounds.Zip(_counts);

    public void Add(double value)
    {
        Sum += value;
        Count++;
        for (var bucket = 0; bucket < bounds.Length; bucket++)
        {
            _counts[bucket] += value <= bounds[bucket] ? 1 : 0;
        }
    }
}

/// <summary>Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public static string Write(IEnumerable<Family> families)
    {
        StringBuilder text = new();
        foreach (var family in families.Where(family => family.Series.Count > 0))
        {
            var name = family.Kind == FamilyKind.Counter ? family.Name + "_total" : family.Name;
            text.Append("# HELP ").Append(name).Append(' ').Append(family.Help.Replace("\\", "\\\\", StringComparison.Ordinal)).Append('\n');
            text.Append("# TYPE ").Append(name).Append(' ').Append(family.Kind.ToString().ToLowerInvariant()).Append('\n');
            foreach (var (labels, series) in family.Series)
            {
                if (family.Kind == FamilyKind.Histogram)
                {
                    Histogram(text, name, labels, series);
                }
                else
                {
                    Line(text, name, labels, series.Sum);
                }
            }
        }

        return text.ToString();
    }

    /// <summary>A label's value between its quotes.</summary>
    public static string Escaped(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal);

    private static void Histogram(StringBuilder text, string name, string labels, Series series)
    {
        var before = labels.Length > 0 ? labels + "," : "";
        foreach (var (bound, count) in series.Buckets)
        {
            Line(text, name + "_bucket", $"{before}le=\"{Number(bound)}\"", count);
        }

        Line(text, name + "_bucket", before + "le=\"+Inf\"", series.Count);
        Line(text, name + "_sum", labels, series.Sum);
        Line(text, name + "_count", labels, series.Count);
    }

    private static void Line(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0)
        {
            text.Append('{').Append(labels).Append('}');
        }

        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
