using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>What became of each device's last request in this process, and so what its next one is likely to be. Only a hint, that saves a
/// question: another replica may have written since, and then COPY fails and is made up for, or a look has been in vain.</summary>
internal sealed class LastOutcomes(int capacity = 100_000)
{
    private readonly Dictionary<string, Last> _last = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <returns>What holds for each of the requests; <see cref="Standing.Between"/> where nothing does.</returns>
    public Standing Expect(IReadOnlyList<SampleBatch> requests)
    {
        bool allNew = true, allAgain = true;
        lock (_lock)
        {
            foreach (var request in requests)
            {
                var known = _last.TryGetValue(request.DeviceId, out var last);
                allNew &= known && !last.SentAgain && request.Samples[0].Ts > last.Newest;
                allAgain &= known && last.SentAgain;
            }
        }

        return allNew ? Standing.New : allAgain ? Standing.SentAgain : Standing.Between;
    }

    public void Learn(IReadOnlyList<SampleBatch> requests, IReadOnlyList<IngestAnswer> answers)
    {
        lock (_lock)
        {
            for (var i = 0; i < answers.Count; i++)
            {
                Learn(requests[i], answers[i]);
            }
        }
    }

    private void Learn(SampleBatch request, IngestAnswer answer)
    {
        var (rows, newest) = (request.Samples.Count, request.Samples[^1].Ts);
        if (answer.Inserted < rows && answer.Duplicates < rows)
        {
            _last.Remove(request.DeviceId);
            return;
        }

        if (_last.TryGetValue(request.DeviceId, out var last))
        {
            newest = last.Newest > newest ? last.Newest : newest;
        }
        else if (_last.Count >= capacity)
        {
            _last.Clear(); // They are asked for again: a query each.
        }

        _last[request.DeviceId] = new Last(newest, answer.Duplicates == rows);
    }

    /// <param name="Newest">That was inserted or met.</param>
    /// <param name="SentAgain">All of its last request was here.</param>
    private readonly record struct Last(DateTimeOffset Newest, bool SentAgain);
}
