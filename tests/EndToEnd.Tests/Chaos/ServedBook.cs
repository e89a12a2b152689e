using System.Text.Json;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>The inverter's own log: each block that it answered with metrics in it, in order.</summary>
internal sealed class ServedBook
{
    // Left out of a row while the edge cannot know which day it is.
    private const string ByTheClock = "pv_daily_kwh";

    // A poll asks for its blocks one after the other; a metric is always in the same one.
    private readonly Dictionary<string, List<IReadOnlyDictionary<string, double>>> _blocks = [];

    private ServedBook()
    {
    }

    /// <summary>Polls that can have been whole: each block was answered so often at least.</summary>
    public long WholePolls => _blocks.Count == 0 ? 0 : _blocks.Values.Min(block => block.Count);

    public static ServedBook Of(IEnumerable<string> lines)
    {
        ServedBook book = new();
        foreach (var line in lines)
        {
            using var entry = JsonDocument.Parse(line);
            var values = entry.RootElement.GetProperty("values").EnumerateObject()
                .ToDictionary(value => value.Name, value => value.Value.GetDouble());
            if (values.Count == 0 || entry.RootElement.TryGetProperty("faults", out _))
            {
                continue;
            }

            var names = string.Join(' ', values.Keys);
            if (!book._blocks.TryGetValue(names, out var block))
            {
                book._blocks.Add(names, block = []);
            }

            block.Add(values);
        }

        return book;
    }

    /// <summary>Matches each row with a poll of its own, block by block, both in their order: so no value was invented, and no poll became
    /// two rows. Taking the earliest answer that fits finds a matching whenever there is one.</summary>
    /// <returns>A sentence for each row that nothing fits.</returns>
    public IEnumerable<string> NotServed(IEnumerable<(long Seq, Metrics Metrics)> rows)
    {
        var next = _blocks.Keys.ToDictionary(names => names, _ => 0);
        foreach (var (seq, metrics) in rows)
        {
            var values = Metrics.Names.Zip(metrics.Values).Where(metric => metric.Second is not null)
                .ToDictionary(metric => metric.First, metric => metric.Second!.Value);
            if (Metrics.Names.Any(name => name != ByTheClock && !values.ContainsKey(name)))
            {
                yield return $"row {seq} lacks a value, though the inverter served every one: {metrics}.";
                continue;
            }

            bool Fits(IReadOnlyDictionary<string, double> answer) =>
                answer.All(value => !values.TryGetValue(value.Key, out var stored) || stored == value.Value);

            foreach (var (names, block) in _blocks)
            {
                var found = block.FindIndex(next[names], Fits);
                if (found < 0)
                {
                    yield return $"row {seq} holds what the inverter did not serve after the row before it: {metrics}.";
                    break;
                }

                next[names] = found + 1;
            }
        }
    }
}
