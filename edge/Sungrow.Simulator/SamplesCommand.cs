using System.CommandLine;
using System.Globalization;
using Sungrow.Simulator.Day;
using Sungrow.Simulator.Modbus;

namespace Sungrow.Simulator;

/// <summary>What a client would have read in the past, without waiting for it: the samples of some hours as CSV, in the form that
/// <c>sungrow-edge import</c> takes.</summary>
internal static class SamplesCommand
{
    private const int MostHours = 24 * 366;

    private static readonly Metric[] Metrics =
    [
        Metric.PvPower, Metric.PvDaily, Metric.BatteryPower, Metric.BatterySoc, Metric.BatteryTemperature, Metric.LoadPower,
        Metric.ExportPower,
    ];

    public static Command Create(Option<string> serial, Option<int> seed, Option<TimeZoneInfo> zone)
    {
        var hours = OptionForms.Number("--hours", "How many hours up to now", 1, MostHours, 24);
        var interval = OptionForms.Number("--interval", "Seconds from one sample to the next", 1, 3600, 10);
        Command command = new("samples", "Print the samples of the past hours as CSV, as an edge would have read them, and exit.")
        {
            hours, interval, serial, seed, zone,
        };
        command.SetAction(given => Print(
            Console.Out,
            new Household(given.GetRequiredValue(serial), given.GetValue(zone) ?? TimeZoneInfo.Utc, given.GetRequiredValue(seed)),
            given.GetRequiredValue(serial),
            TimeProvider.System.GetUtcNow(),
            TimeSpan.FromHours(given.GetRequiredValue(hours)),
            TimeSpan.FromSeconds(given.GetRequiredValue(interval))));
        return command;
    }

    /// <summary>Each at a multiple of the interval, as polls are, and the last before <paramref name="until"/>.</summary>
    private static void Print(
        TextWriter output, Household household, string serial, DateTimeOffset until, TimeSpan span, TimeSpan interval)
    {
        output.WriteLine($"device_id,ts,{string.Join(',', Metrics.Select(metric => metric.Name))},interval_s");
        var first = (until - span).UtcTicks / interval.Ticks;
        for (var poll = first + 1; poll * interval.Ticks < until.UtcTicks; poll++)
        {
            DateTimeOffset ts = new(poll * interval.Ticks, TimeSpan.Zero);
            var reading = household.At(ts);
            var values = string.Join(',', Metrics.Select(metric => metric.Value(reading).ToString(CultureInfo.InvariantCulture)));
            output.WriteLine($"{serial},{ts.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'},{values},{interval.TotalSeconds}");
        }
    }
}
