using System.Globalization;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>Whether reports under one buffer's name come from one file. Pure.
/// A process that was followed by another never reports again, and counters never go back: where they do, the file was copied. A report
/// that another one overtook on its way is neither.</summary>
internal static class BufferSighting
{
    /// <summary>Two processes report in turn: two copies of the file are in use.</summary>
    public const string Cloned = "cloned";

    /// <summary>The counters went back: an older copy was put in the file's place.</summary>
    public const string Restored = "restored";

    private const int RunsKept = 8;

    /// <summary>The name of the process that sent a report.</summary>
    public static string RunOf(EdgeReport report) =>
        string.Create(CultureInfo.InvariantCulture, $"{report.BootId}|{report.StartedAt.UtcTicks}");

    /// <summary>Overtaken by a later one: it says nothing new.</summary>
    public static bool IsLate(BufferAccount before, EdgeReport report) =>
        before.SentAt is { } last && report.SentAt < last
        && before.Runs.Contains(RunOf(report)) && report.Counters.Committed <= before.Committed;

    /// <returns>What is wrong with the file, by this report; null: nothing.</returns>
    public static string? Anomaly(BufferAccount before, EdgeReport report)
    {
        var run = RunOf(report);
        return before.Runs.Contains(run) && before.Runs[^1] != run ? Cloned
            : report.Counters.Committed < before.Committed || GoesBack(before.Cursors, report.Cursors) ? Restored
            : null;
    }

    public static string[] Remember(IReadOnlyList<string> runs, EdgeReport report)
    {
        var run = RunOf(report);
        return [.. runs.Where(known => known != run).TakeLast(RunsKept - 1), run];
    }

    private static bool GoesBack(IReadOnlyDictionary<string, long> before, IReadOnlyDictionary<string, long> now) =>
        before.Any(device => now.GetValueOrDefault(device.Key) < device.Value);
}
