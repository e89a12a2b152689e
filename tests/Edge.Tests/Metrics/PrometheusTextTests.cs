using System.Diagnostics.Metrics;
using Sungrow.Edge.Metrics;
using Xunit;

namespace Sungrow.Edge.Tests.Metrics;

public sealed class PrometheusTextTests
{
    [Fact]
    public void Counters_gauges_and_histograms_each_have_their_form()
    {
        Family counter = new("polls", "Polls by result.", FamilyKind.Counter);
        Of(counter, "result=\"ok\"", 1, 2);
        Family gauge = new("age_seconds", "A \\ in help.", FamilyKind.Gauge);
        Of(gauge, "", 0.25);
        Family histogram = new("block_seconds", "By block.", FamilyKind.Histogram);
        histogram.Series["block=\"PV\""] = new([0.1, 1]);
        foreach (var value in new[] { 0.05, 0.1, 0.5, 7 })
        {
            histogram.Series["block=\"PV\""].Add(value);
        }

        Assert.Equal(
            """
            # HELP polls_total Polls by result.
            # TYPE polls_total counter
            polls_total{result="ok"} 3
            # HELP age_seconds A \\ in help.
            # TYPE age_seconds gauge
            age_seconds 0.25
            # HELP block_seconds By block.
            # TYPE block_seconds histogram
            block_seconds_bucket{block="PV",le="0.1"} 2
            block_seconds_bucket{block="PV",le="1"} 3
            block_seconds_bucket{block="PV",le="+Inf"} 4
            block_seconds_sum{block="PV"} 7.65
            block_seconds_count{block="PV"} 4

            """,
            PrometheusText.Write([counter, new("never_seen", "", FamilyKind.Counter), gauge, histogram]));
    }

    [Fact]
    public void A_server_s_code_cannot_break_out_of_its_label()
    {
        using var readings = new MeterReadings();
        using var metrics = new EdgeMetrics();

        metrics.DeadLettered(2, "A\"} 1\nfoo{x=\"\\");

        Assert.Contains("sungrow_edge_samples_dead_lettered_total{code=\"A\\\"} 1\\nfoo{x=\\\"\\\\\"} 2\n", readings.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_without_end_are_summed_up_from_a_limit_on()
    {
        using var readings = new MeterReadings();
        using var metrics = new EdgeMetrics();

        for (var code = 0; code < 2 * MeterReadings.MaxSeries; code++)
        {
            metrics.DeadLettered(1, $"CODE_{code}");
        }

        var lines = readings.Text().Split('\n').Where(line => line.StartsWith("sungrow_edge_samples_dead_lettered_total{", StringComparison.Ordinal)).ToList();
        Assert.InRange(lines.Count, 2, MeterReadings.MaxSeries + 1);
        Assert.Equal(2 * MeterReadings.MaxSeries, lines.Sum(line => int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Contains(lines, line => line.Contains("{overflow=\"true\"}", StringComparison.Ordinal));
    }

    [Fact]
    public void A_gauge_that_says_nothing_any_more_is_absent()
    {
        using var meter = new Meter(EdgeMetrics.MeterName);
        var now = new List<Measurement<double>> { new(1) };
        meter.CreateObservableGauge("sungrow_edge_of_this_test", () => now);
        using var readings = new MeterReadings();

        Assert.Contains("sungrow_edge_of_this_test 1\n", readings.Text(), StringComparison.Ordinal);
        now.Clear();
        Assert.DoesNotContain("sungrow_edge_of_this_test", readings.Text(), StringComparison.Ordinal);
    }

    private static void Of(Family family, string labels, params double[] values)
    {
        family.Series[labels] = new([]);
        foreach (var value in values)
        {
            family.Series[labels].Add(value);
        }
    }
}
