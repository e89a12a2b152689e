using System.Globalization;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>The status for an owner's eyes: lines of at most 80 columns, as long as the path allows.</summary>
internal static class StatusTable
{
    public static IEnumerable<string> Lines(StatusReport status, DateTimeOffset now)
    {
        yield return $"Buffer {status.Path}";
        yield return "";
        yield return Row("device", "committed", "stored", "waiting", "dead", "evicted");
        foreach (var device in status.Devices)
        {
            yield return Row(
                device.DeviceId, Count(device.Committed), Count(device.Acknowledged), Count(device.Waiting), Count(device.DeadLettered),
                Count(device.Evicted));
        }

        yield return "";
        yield return Line("newest", status.NewestSample is { } newest ? $"{Second(newest)}, {Ago(now - newest)}" : "no sample yet");
        yield return Line("waiting", status.Waiting == 0 ? "nothing" : $"{Count(status.Waiting)} since {Since(status.Oldest, now)}");
        if (status.Held > 0)
        {
            yield return Line("held", $"{Count(status.Held)} of them, tried again alone when due");
        }

        if (status.Untimed > 0)
        {
            yield return Line("clock", $"{Count(status.Untimed)} of them wait for a clock that can be trusted: see 'check'");
        }

        foreach (var letters in status.DeadLettersByCode)
        {
            yield return Line("dead", $"{Count(letters.Rows)} refused with {letters.Code}: see 'dead-letters list'");
        }

        if (status.Brake is { } brake)
        {
            yield return Line("brake", $"on since {Second(brake.Since)}, {brake.Code} again and again:");
            yield return Line("", "mend the VPS, then 'dead-letters release'");
        }

        foreach (var gap in status.OpenGaps)
        {
            yield return Line("gap", $"{gap.Reason} since {Since(gap.From, now)}, {Count(gap.Missed)} missed");
        }

        yield return Line("space", $"{Bytes(status.FileBytes)} of at most {Bytes(status.MaxBytes)}; the disk has {Bytes(status.FreeBytes)} free");
    }

    /// <summary>Three digits, so that it reads the same for a byte and a terabyte.</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB"];
        var (value, unit) = ((double)bytes, 0);
        for (; value >= 999.5 && unit < units.Length - 1; unit++)
        {
            value /= 1000;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value:G3} {units[unit]}");
    }

    public static string Ago(TimeSpan age) => age switch
    {
        { Ticks: < 0 } => "in the future",
        { TotalSeconds: < 100 } => $"{age.TotalSeconds:0} s ago",
        { TotalMinutes: < 100 } => $"{age.TotalMinutes:0} min ago",
        { TotalHours: < 48 } => $"{age.TotalHours:0} h ago",
        _ => $"{age.TotalDays:0} days ago",
    };

    private static string Row(string device, string committed, string stored, string waiting, string dead, string evicted) =>
        // A device id may take 64 columns: it then has a line of its own.
        $"{(device.Length <= 20 ? $"{device,-20}" : $"{device}\n{"",20}")}{committed,13}{stored,13}{waiting,12}{dead,10}{evicted,12}";

    private static string Line(string name, string text) => $"{name,-9}{text}";

    private static string Since(DateTimeOffset? time, DateTimeOffset now) =>
        time is { } known ? $"{Second(known)}, {Ago(now - known)}" : "a time that is not known yet";

    private static string Second(DateTimeOffset time) => Rfc3339.Write(time.AddTicks(-(time.Ticks % TimeSpan.TicksPerSecond)));

    private static string Count(long rows) => rows.ToString("N0", CultureInfo.InvariantCulture);
}
