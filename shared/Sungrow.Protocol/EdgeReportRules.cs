namespace Sungrow.Protocol;

/// <summary>What a receiver of an <see cref="EdgeReport"/> insists on.</summary>
public static class EdgeReportRules
{
    private const double MinPollIntervalS = 0.1;
    private const double MaxPollIntervalS = 3_600;

    /// <summary>Every error of <paramref name="report"/>; empty when it is sound.</summary>
    public static List<FieldError> Check(EdgeReport report)
    {
        List<FieldError> errors = [];

        Text("boot_id", report.BootId);
        Text("version", report.Version);
        Text("inverter.model", report.Inverter.Model);
        Text("inverter.serial", report.Inverter.Serial);
        Require(report.PollIntervalS is >= MinPollIntervalS and <= MaxPollIntervalS, "poll_interval_s", "0.1 .. 3600");
        Require(report.SamplesPerRow is >= SampleRules.MinSampleCount and <= SampleRules.MaxSampleCount, "samples_per_row", "1 .. 3600");
        Require(report.Waiting is { Rows: >= 0, Held: >= 0 }, "waiting", "rows and held are not negative");
        Require(
            report.Counters is { Committed: >= 0, Acknowledged: >= 0, DeadLettered: >= 0, Evicted: >= 0 }, "counters", "not negative");
        Require(report.Replaces is null or { Salvaged: >= 0, Lost: >= 0 }, "replaces", "salvaged and lost are not negative");
        Require(report.Cursors.Count <= ProtocolLimits.MaxReportEntries, "cursors", $"at most {ProtocolLimits.MaxReportEntries}");
        Require(report.Missing.Count <= ProtocolLimits.MaxReportEntries, "missing", $"at most {ProtocolLimits.MaxReportEntries}");
        Require(report.Gaps.Count <= ProtocolLimits.MaxReportEntries, "gaps", $"at most {ProtocolLimits.MaxReportEntries}");

        foreach (var (deviceId, seq) in report.Cursors)
        {
            Require(DeviceIds.IsWellFormed(deviceId), "cursors", $"device ids of {DeviceIds.Form}", ErrorCodes.MalformedDeviceId);
            Require(seq >= 0, "cursors", "not negative");
        }

        for (var i = 0; i < report.Missing.Count; i++)
        {
            var range = report.Missing[i];
            Text($"missing[{i}].reason", range.Reason);
            Require(range.FromSeq >= 1 && range.ToSeq >= range.FromSeq, $"missing[{i}]", "1 <= from_seq <= to_seq");
            // Written as a difference: the range may end at the largest number.
            Require(range.Rows >= 0 && range.Rows - 1 <= range.ToSeq - range.FromSeq, $"missing[{i}].rows", "0 .. to_seq - from_seq + 1");
        }

        for (var i = 0; i < report.Gaps.Count; i++)
        {
            var gap = report.Gaps[i];
            Text($"gaps[{i}].reason", gap.Reason);
            Require(gap.To is null || gap.To >= gap.From, $"gaps[{i}]", "from <= to");
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

        void Text(string path, string? text) =>
            Require(text is null || text.Length <= ProtocolLimits.MaxReportText, path, $"at most {ProtocolLimits.MaxReportText} characters");
    }
}
