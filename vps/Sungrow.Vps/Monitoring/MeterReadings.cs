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

    // Twice in each request, on the way of every sample; OTLP has it.
    private const string RequestsUnderWay = "http.server.active_requests";

    private static readonly double[] Bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Family> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener;
    private long _left;
    private int _series;

    public MeterReadings()
    {
        _listener = new()
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (Meters.Contains(instrument.Meter.Name) && instrument.Name != RequestsUnderWay)
                {
                    listener.EnableMeasurementEvents(instrument, FamilyOf(instrument));
                }
            },
        };
        _listener.SetMeasurementEventCallback<int>((_, value, tags, family) => Take((Family)family!, value, tags));
        _listener.SetMeasurementEventCallback<long>((_, value, tags, family) => Take((Family)family!, value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, family) => Take((Family)family!, value, tags));
    }

    /// <summary>From now on each measurement is taken, at some cost to each request; before, none.</summary>
    public void Listen() => _listener.Start();

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
            foreach (var (name, family) in _families.Where(each => each.Value.Series.Count > 0).OrderBy(each => each.Key, StringComparer.Ordinal))
            {
                text.Append($"# HELP {name} {Escaped(family.Help)}\n# TYPE {name} {family.Type}\n");
                foreach (var series in family.Series.Values.OrderBy(series => series.Labels, StringComparer.Ordinal))
                {
                    Write(text, name, series);
                }
            }

            text.Append("# TYPE sungrow_vps_metrics_left_out_total counter\n").Append($"sungrow_vps_metrics_left_out_total {_left}\n");
        }

        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    private Family FamilyOf(Instrument instrument)
    {
        var type = TypeOf(instrument);
        var name = NameOf(instrument, type);
        lock (_lock)
        {
            if (!_families.TryGetValue(name, out var family))
            {
                _families.Add(name, family = new(
                    type, instrument.Description ?? "", instrument.IsObservable,
                    IsWhole: type == "gauge" && !instrument.IsObservable && !IsUpDown(instrument)));
            }

            return family;
        }
    }

    // Several times in each request.
    private void Take(Family family, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        Tags key = new(tags.ToArray());
        lock (_lock)
        {
            if (!family.Series.TryGetValue(key, out var series))
            {
                if (_series == MostSeries)
                {
                    _left++;
                    return;
                }

                _series++;
                family.Series.Add(key, series = new(Labels(tags), family.Type == "histogram" ? new long[Bounds.Length] : null));
            }

            series.Add(value, family.IsWhole);
        }
    }

    private static void Write(StringBuilder text, string name, Series series)
    {
        var labels = series.Labels;
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

    /// <param name="IsWhole">Each value takes the place of the last one.</param>
    private sealed record Family(string Type, string Help, bool IsObserved, bool IsWhole)
    {
        public Dictionary<Tags, Series> Series { get; } = [];
    }

    /// <summary>Equal where names and values are, in their order.</summary>
    private readonly struct Tags(KeyValuePair<string, object?>[] tags) : IEquatable<Tags>
    {
        private readonly KeyValuePair<string, object?>[] _tags = tags;

        public bool Equals(Tags other)
        {
            for (var i = 0; i < _tags.Length && _tags.Length == other._tags.Length; i++)
            {
                if (_tags[i].Key != other._tags[i].Key || !Equals(_tags[i].Value, other._tags[i].Value))
                {
                    return false;
                }
            }

            return _tags.Length == other._tags.Length;
        }

        public override bool Equals(object? obj) => obj is Tags other && Equals(other);

        public override int GetHashCode()
        {
            HashCode hash = default;
            foreach (var (name, value) in _tags)
            {
                hash.Add(name, StringComparer.Ordinal);
                hash.Add(value);
            }

            return hash.ToHashCode();
        }
    }

    /// <param name="counts">Of a histogram: how many values were at most each bound.</param>
    private sealed class Series(string labels, long[]? counts)
    {
        public string Labels => labels;

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
