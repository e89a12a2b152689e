using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Sungrow.Vps.Monitoring;

/// <summary>Listens to our meter and to the few of the framework that tell an operator something, and writes them in Prometheus' text
/// format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).</summary>
internal sealed class MeterReadings : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // Labels may hold what a request brought along: beyond this nothing new is kept, and that is counted.
    private const int MostSeries = 2_000;

    private static readonly string[] Meters = [VpsMetrics.MeterName, "Microsoft.AspNetCore.Hosting", "Npgsql", "System.Runtime"];
    private static readonly double[] Bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener;
    private long _left;
    private int _series;

    public MeterReadings()
    {
        _listener = new()
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (Meters.Contains(instrument.Meter.Name))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.Start();
    }

    public string Text()
    {
        lock (_lock)
        {
            foreach (var family in _families.Values.Where(family => family.IsObserved))
            {
                _series -= family.Series.Count;
                family.Series.Clear(); // What is not observed any more is absent, not what it was.
            }
        }

        _listener.RecordObservableInstruments();
        StringBuilder text = new();
        lock (_lock)
        {
            foreach (var (name, family) in _families.Where(each => each.Value.Series.Count > 0))
            {
                text.Append($"# HELP {name} {Escaped(family.Help)}\n# TYPE {name} {family.Type}\n");
                foreach (var (labels, series) in family.Series)
                {
                    Write(text, name, labels, series);
                }
            }

            text.Append("# TYPE sungrow_vps_metrics_left_out_total counter\n").Append($"sungrow_vps_metrics_left_out_total {_left}\n");
        }

        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    private void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = Labels(tags);
        lock (_lock)
        {
            var type = TypeOf(instrument);
            var name = NameOf(instrument, type);
            if (!_families.TryGetValue(name, out var family))
            {
                _families.Add(name, family = new(type, instrument.Description ?? "", instrument.IsObservable));
            }

            if (!family.Series.TryGetValue(labels, out var series))
            {
                if (_series == MostSeries)
                {
                    _left++;
                    return;
                }

                _series++;
                family.Series.Add(labels, series = new(type == "histogram" ? new long[Bounds.Length] : null));
            }

            series.Add(value, isWhole: type == "gauge" && !instrument.IsObservable && !IsUpDown(instrument));
        }
    }

    private static void Write(StringBuilder text, string name, string labels, Series series)
    {
        if (series.Counts is not { } counts)
        {
            text.Append($"{name}{(labels.Length > 0 ? $"{{{labels}}}" : "")} {Number(series.Sum)}\n");
            return;
        }

        var others = labels.Length > 0 ? labels + "," : "";
        for (var i = 0; i < counts.Length; i++)
        {
            text.Append($"{name}_bucket{{{others}le=\"{Number(Bounds[i])}\"}} {counts[i]}\n");
        }

        text.Append($"{name}_bucket{{{others}le=\"+Inf\"}} {series.Count}\n");
        text.Append($"{name}_sum{(labels.Length > 0 ? $"{{{labels}}}" : "")} {Number(series.Sum)}\n");
        text.Append($"{name}_count{(labels.Length > 0 ? $"{{{labels}}}" : "")} {series.Count}\n");
    }

    private static string TypeOf(Instrument instrument)
    {
        var kind = instrument.GetType().Name;
        return kind.StartsWith("Histogram", StringComparison.Ordinal) ? "histogram"
            : kind.StartsWith("Counter", StringComparison.Ordinal) || kind.StartsWith("ObservableCounter", StringComparison.Ordinal) ? "counter"
            : "gauge";
    }

    private static bool IsUpDown(Instrument instrument) => instrument.GetType().Name.StartsWith("UpDownCounter", StringComparison.Ordinal);

    // http.server.request.duration in s -> http_server_request_duration_seconds; ours begin with the program's name.
    private static string NameOf(Instrument instrument, string type)
    {
        var name = Clean(instrument.Name);
        if (instrument.Meter.Name == VpsMetrics.MeterName && !name.StartsWith("sungrow_vps_", StringComparison.Ordinal))
        {
            name = "sungrow_vps_" + name;
        }

        name += instrument.Unit == "s" && !name.EndsWith("_seconds", StringComparison.Ordinal) ? "_seconds" : "";
        return type == "counter" && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        StringBuilder labels = new();
        foreach (var (name, value) in tags)
        {
            labels.Append(labels.Length > 0 ? "," : "").Append($"{Clean(name)}=\"{Escaped($"{value}").Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
        }

        return labels.ToString();
    }

    private static string Clean(string name) => string.Concat(name.Select(each => char.IsAsciiLetterOrDigit(each) ? each : '_'));

    private static string Escaped(string text) =>
        text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private sealed record Family(string Type, string Help, bool IsObserved)
    {
        public SortedDictionary<string, Series> Series { get; } = new(StringComparer.Ordinal);
    }

    /// <param name="counts">Of a histogram: how many values were at most each bound.</param>
    private sealed class Series(long[]? counts)
    {
        public long[]? Counts => counts;

        public double Sum { get; private set; }

        public long Count { get; private set; }

        /// <param name="isWhole">It takes the place of the last one.</param>
        public void Add(double value, bool isWhole)
        {
            Sum = isWhole ? value : Sum + value;
            Count++;
            for (var i = 0; i < counts?.Length; i++)
            {
                counts[i] += value <= Bounds[i] ? 1 : 0;
            }
        }
    }
}
