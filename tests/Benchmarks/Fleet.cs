namespace Sungrow.Benchmarks;

/// <summary>Many devices that send one sample at a time, in random order from a seed. Each connection has devices of its own, so that a
/// device sends its samples one after the other.</summary>
internal sealed class Fleet(BenchDevice[] devices, int connections)
{
    private readonly SampleRequest[] _requests = [.. devices.Select(device => new SampleRequest(device.DeviceId, device.Token, rows: 1))];

    /// <exception cref="InvalidOperationException">Something other than 200 was answered.</exception>
    public Task SendAsync(Uri server, int requests, CancellationToken cancellationToken) =>
        Task.WhenAll(Enumerable.Range(0, connections).Select(number => Task.Run(
            async () =>
            {
                using var connection = await LoadConnection.OpenAsync(server, cancellationToken);
                foreach (var device in Order(number, requests))
                {
                    var status = await connection.SendAsync(_requests[device].At(devices[device].Next++), cancellationToken);
                    if (status != 200)
                    {
                        throw new InvalidOperationException($"The server answered {status}: {connection.Text()}");
                    }
                }
            },
            cancellationToken)));

    /// <summary>What a cache that gives up its oldest tenth when it is full would be hit, asked in the same order but for the race between
    /// connections.</summary>
    public double PredictHitRate(int requests, int size)
    {
        LinkedList<int> byAge = new();
        Dictionary<int, LinkedListNode<int>> cached = [];
        var hits = 0;
        var orders = Enumerable.Range(0, connections).Select(number => Order(number, requests).GetEnumerator()).ToList();
        for (var sent = 0; orders.Count > 0; sent++)
        {
            var order = orders[sent % orders.Count];
            if (!order.MoveNext())
            {
                orders.Remove(order);
                continue;
            }

            if (cached.TryGetValue(order.Current, out var entry))
            {
                hits++;
                byAge.Remove(entry);
                byAge.AddLast(entry);
                continue;
            }

            for (var drop = cached.Count >= size ? Math.Max(1, size / 10) : 0; drop > 0; drop--)
            {
                cached.Remove(byAge.First!.Value);
                byAge.RemoveFirst();
            }

            cached.Add(order.Current, byAge.AddLast(order.Current));
        }

        return (double)hits / requests;
    }

    private IEnumerable<int> Order(int connection, int requests)
    {
        Random random = new(connection);
        var own = Enumerable.Range(0, devices.Length).Where(device => device % connections == connection).ToArray();
        var share = (requests / connections) + (connection < requests % connections ? 1 : 0);
        for (var i = 0; i < share; i++)
        {
            yield return own[random.Next(own.Length)];
        }
    }
}
