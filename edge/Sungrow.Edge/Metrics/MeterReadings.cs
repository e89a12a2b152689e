using System.Diagnostics.Metrics;
using System.Text;

namespace Sungrow.Edge.Metrics;

/// <summary>Listens to the meter "Sungrow.Edge" and keeps its sums. At most <see cref="MaxSeries"/> series: labels may hold a server's
/// code, and what comes beyond that is summed up as <c>overflow="true"</c>.</summary>
internal sealed class MeterReadings : IDisposable
{
    internal const int MaxSeries = 500;

    // Round trips on a local network, and what a busy dongle makes of them.
    private static readonly double[] SecondBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener;

    public MeterReadings()
    {
        _listener = new()
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == EdgeMetrics.MeterName)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>Looks the gauges up, and writes all.</summary>
    public string Text()
    {
        lock (_gate)
        {
            foreach (var family in _families.Values.Where(family => family.Kind == FamilyKind.Gauge))
            {
                family.Series.Clear(); // What is not observed any more is absent, not what it was.
            }
        }

        _listener.RecordObservableInstruments();
        lock (_gate)
        {
            return PrometheusText.Write(_families.Values);
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = Labels(tags);
        lock (_gate)
        {
            if (!_families.TryGetValue(instrument.Name, out var family))
            {
                var kind = instrument switch
                {
                    Histogram<double> => FamilyKind.Histogram,
                    Counter<long> => FamilyKind.Counter,
                    _ => FamilyKind.Gauge,
                };
                _families.Add(instrument.Name, family = new(instrument.Name, instrument.Description ?? "", kind));
            }

            if (!family.Series.TryGetValue(labels, out var series))
            {
                labels = _families.Values.Sum(each => each.Series.Count) < MaxSeries ? labels : "overflow=\"true\"";
                if (!family.Series.TryGetValue(labels, out series))
                {
                    family.Series.Add(labels, series = new(family.Kind == FamilyKind.Histogram ? SecondBounds : []));
                }
            }

            series.Add(value);
        }
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        StringBuilder labels = new();
        foreach (var (name, value) in tags)
        {
            labels.Append(labels.Length > 0 ? "," : "").Append(name).Append("=\"").Append(PrometheusText.Escaped(value?.ToString() ?? "")).Append('"');
        }

        return labels.ToString();
    }
}
