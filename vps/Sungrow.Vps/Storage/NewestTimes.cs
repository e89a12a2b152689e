namespace Sungrow.Vps.Storage;

/// <summary>The newest time that this process has written, or tried to, of each device. Only a hint: another replica may have written a
/// newer one, and then COPY fails and is made up for.</summary>
internal sealed class NewestTimes(int capacity = 100_000)
{
    private readonly Dictionary<string, DateTimeOffset> _newest = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>Raises each device's newest time to its request's.</summary>
    /// <returns>Whether each request is known to begin after everything before it.</returns>
    public bool Raise(IReadOnlyList<SampleBatch> requests)
    {
        var allNewer = true;
        lock (_lock)
        {
            foreach (var request in requests)
            {
                var known = _newest.TryGetValue(request.DeviceId, out var newest);
                allNewer &= known && request.Samples[0].Ts > newest;
                if (!known && _newest.Count >= capacity)
                {
                    _newest.Clear(); // They are asked for again: a query each.
                }

                if (!known || request.Samples[^1].Ts > newest)
                {
                    _newest[request.DeviceId] = request.Samples[^1].Ts;
                }
            }
        }

        return allNewer;
    }
}
