namespace Sungrow.Vps.Storage;

/// <summary>A stretch of time in which samples of one device lie: read by the key, and each compressed batch once.</summary>
/// <param name="Rows">How many of those looked for lie in it.</param>
internal readonly record struct SampleRange(string DeviceId, DateTimeOffset First, DateTimeOffset Last, int Rows)
{
    /// <summary>Between two samples of one range.</summary>
    public static readonly TimeSpan LongestStep = TimeSpan.FromMinutes(1);

    /// <param name="rows">In a flush's order.</param>
    public static List<SampleRange> Of(IReadOnlyList<FlushRow> rows, TimeSpan longestStep)
    {
        List<SampleRange> ranges = [];
        foreach (var row in rows)
        {
            var ts = row.Sample.Ts;
            if (ranges.Count > 0 && ranges[^1].DeviceId == row.Batch.DeviceId && ts - ranges[^1].Last <= longestStep)
            {
                ranges[^1] = ranges[^1] with { Last = ts, Rows = ranges[^1].Rows + 1 };
            }
            else
            {
                ranges.Add(new(row.Batch.DeviceId, ts, ts, 1));
            }
        }

        return ranges;
    }
}
