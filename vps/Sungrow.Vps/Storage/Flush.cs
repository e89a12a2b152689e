using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>The samples of one request, all of one device.</summary>
/// <param name="PollIntervalS">What a sample without <c>interval_s</c> stands for, per poll.</param>
internal sealed record SampleBatch(string DeviceId, Guid? BufferId, IReadOnlyList<SungrowSample> Samples, double PollIntervalS)
{
    /// <summary>By time. Stable: of two samples with one key the first one sent is the first one written.</summary>
    public SampleBatch InOrder()
    {
        for (var i = 1; i < Samples.Count; i++)
        {
            if (Samples[i].Ts < Samples[i - 1].Ts)
            {
                return this with { Samples = [.. Samples.OrderBy(sample => sample.Ts)] };
            }
        }

        return this;
    }
}

/// <param name="Request">Which of the flush's.</param>
internal readonly record struct FlushRow(int Request, SampleBatch Batch, SungrowSample Sample);

/// <summary>Requests that are written in one transaction.</summary>
internal sealed class Flush
{
    private Flush(IReadOnlyList<SampleBatch> requests, FlushRow[] rows)
    {
        Requests = requests;
        Rows = rows;
    }

    public IReadOnlyList<SampleBatch> Requests { get; }

    /// <summary>By device and time: two flushes that overlap take their keys in one order, so neither waits for the other in a circle. Of
    /// one key the first queued comes first.</summary>
    public IReadOnlyList<FlushRow> Rows { get; private init; }

    public required DateTimeOffset First { get; init; }

    public required DateTimeOffset Last { get; init; }

    /// <summary>No key twice.</summary>
    public required bool Distinct { get; init; }

    /// <param name="requests">As queued, each in order and none empty.</param>
    public static Flush Of(IReadOnlyList<SampleBatch> requests)
    {
        var rows = new FlushRow[requests.Sum(request => request.Samples.Count)];
        var next = 0;
        foreach (var (number, request) in requests.Index().OrderBy(each => each.Item.DeviceId, StringComparer.Ordinal))
        {
            foreach (var sample in request.Samples)
            {
                rows[next++] = new FlushRow(number, request, sample);
            }
        }

        if (LeastStep(rows) < 0)
        {
            rows = [.. rows.OrderBy(row => row.Batch.DeviceId, StringComparer.Ordinal).ThenBy(row => row.Sample.Ts)];
        }

        return new Flush(requests, rows)
        {
            First = requests.Min(request => request.Samples[0].Ts),
            Last = requests.Max(request => request.Samples[^1].Ts),
            Distinct = LeastStep(rows) > 0,
        };
    }

    // 1: each key above the one before it; 0: some are equal; -1: out of order.
    private static int LeastStep(FlushRow[] rows)
    {
        var least = 1;
        for (var i = 1; i < rows.Length && least >= 0; i++)
        {
            var (before, row) = (rows[i - 1], rows[i]);
            if (ReferenceEquals(row.Batch, before.Batch) || row.Batch.DeviceId == before.Batch.DeviceId)
            {
                least = Math.Min(least, row.Sample.Ts.CompareTo(before.Sample.Ts));
            }
        }

        return least;
    }
}
