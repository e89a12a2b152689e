namespace Sungrow.Protocol;

/// <summary>What a receiver of an <see cref="EdgeReport"/> insists on.</summary>
public static class EdgeReportRules
{
    /// <summary>Every error of <paramref name="report"/>; empty when it is sound.</summary>
    public static List<FieldError> Check(EdgeReport report)
    {
        List<FieldError> errors = [];

        Text("boot_id", report.BootId);
        Text("version", report.Version);
        Text("inverter.model", report.Inverter.Model);
        Text("inverter.serial", report.Inverter.Serial);
        Require(
            report.PollIntervalS is >= SampleRules.MinIntervalS and <= SampleRules.MaxIntervalS,
            "poll_interval_s",
            SampleRules.IntervalRange);
        Require(
            report.SamplesPerRow is >= SampleRules.MinSampleCount and <= SampleRules.MaxSampleCount,
            "samples_per_row",
            SampleRules.SampleCountRange);
        Require(report.Waiting is { Rows: >= 0, Held: >= 0 }, "waiting", "rows and held are not negative");
        Require(
            report.Counters is { Committed: >= 0, Acknowledged: >= 0, DeadLettered: >= 0, Evicted: >= 0 }, "counters", "not negative");
        Require(report.Replaces is null or { Salvaged: >= 0, Lost: >= 0 }, "replaces", "salvaged and lost are not negative");

        AtMost("cursors", report.Cursors.Count);
        Require(
            report.Cursors.Keys.All(deviceId => DeviceIds.IsWellFormed(deviceId)),
            "cursors",
            $"device ids of {DeviceIds.Form}",
            ErrorCodes.MalformedDeviceId);
        Require(report.Cursors.Values.All(seq => seq >= 0), "cursors", "not negative");

        foreach (var (i, range) in Listed("missing", report.Missing))
        {
            var ordered = range.FromSeq >= 1 && range.ToSeq >= range.FromSeq;
            Text($"missing[{i}].reason", range.Reason);
            Require(ordered, $"missing[{i}]", "from_seq at least 1, to_seq at least from_seq");
            Require(
                !ordered || (range.Rows >= 0 && range.Rows <= range.ToSeq - range.FromSeq + 1),
                $"missing[{i}].rows",
                "0 .. to_seq - from_seq + 1");
        }

        foreach (var (i, gap) in Listed("gaps", report.Gaps))
        {
            Text($"gaps[{i}].reason", gap.Reason);
            Require(gap.Missed >= 0, $"gaps[{i}].missed", "not negative");
        }

        return errors;

        void Require(bool holds, string path, string detail, string code = ErrorCodes.OutOfRange)
        {
            if (!holds)
            {
                errors.Add(new(path, code, detail));
            }
        }

        // A database's text holds no NUL, and a terminal obeys the others.
        void Text(string path, string? text) => Require(
            text is null || (text.Length <= ProtocolLimits.MaxReportText && !text.Any(char.IsControl)),
            path,
            $"at most {ProtocolLimits.MaxReportText} characters, none a control character");

        void AtMost(string path, int count) =>
            Require(count <= ProtocolLimits.MaxReportEntries, path, $"at most {ProtocolLimits.MaxReportEntries}");

        // As many as are allowed: an answer grows no longer than that.
        IEnumerable<(int Index, T Entry)> Listed<T>(string path, IReadOnlyList<T> entries)
        {
            AtMost(path, entries.Count);
            return entries.Take(ProtocolLimits.MaxReportEntries).Index();
        }
    }
}
