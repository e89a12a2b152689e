using System.Diagnostics;

namespace Sungrow.Benchmarks;

/// <summary>A device as the benchmarks know it.</summary>
/// <param name="Token">What it shows.</param>
internal sealed record BenchDevice(string DeviceId, string Token)
{
    /// <summary>The next sample that nobody has sent.</summary>
    public long Next { get; set; }
}

/// <summary>Many connections, each a device that sends the next request when it has its answer.</summary>
internal sealed class HttpLoad(Uri server, IReadOnlyList<BenchDevice> devices, int rows)
{
    private readonly SampleRequest[] _requests = [.. devices.Select(device => new SampleRequest(device.DeviceId, device.Token, rows))];
    private readonly long[] _from = new long[devices.Count];

    /// <summary>Samples that are not stored yet.</summary>
    /// <returns>Rows per second.</returns>
    public Task<double> SendNewAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        for (var i = 0; i < devices.Count; i++)
        {
            _from[i] = devices[i].Next;
        }

        return RunAsync(duration, connection =>
        {
            var first = devices[connection].Next;
            devices[connection].Next += rows;
            return first;
        }, cancellationToken);
    }

    /// <summary>The requests of the last <see cref="SendNewAsync"/>, again and again.</summary>
    /// <returns>Rows per second.</returns>
    public Task<double> SendAgainAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        var next = _from.ToArray();
        return RunAsync(duration, connection =>
        {
            var first = next[connection];
            next[connection] += rows;
            if (next[connection] >= devices[connection].Next)
            {
                next[connection] = _from[connection];
            }

            return first;
        }, cancellationToken);
    }

    private async Task<double> RunAsync(TimeSpan duration, Func<int, long> first, CancellationToken cancellationToken)
    {
        var connections = await Task.WhenAll(devices.Select(_ => LoadConnection.OpenAsync(server, cancellationToken)));
        // The first one of each is not counted: who it is and what it sends this time is new to the server.
        await Task.WhenAll(connections.Select((connection, i) => Task.Run(() => SendOneAsync(connection, i))));
        var started = Stopwatch.GetTimestamp();
        var sent = await Task.WhenAll(connections.Select((connection, i) => Task.Run(() => SendAsync(connection, i))));
        var took = Stopwatch.GetElapsedTime(started);
        foreach (var connection in connections)
        {
            connection.Dispose();
        }

        return sent.Sum() / took.TotalSeconds;

        async Task<long> SendAsync(LoadConnection connection, int number)
        {
            long done = 0;
            while (Stopwatch.GetElapsedTime(started) < duration)
            {
                await SendOneAsync(connection, number);
                done += rows;
            }

            return done;
        }

        async Task SendOneAsync(LoadConnection connection, int number)
        {
            var status = await connection.SendAsync(_requests[number].At(first(number)), cancellationToken);
            if (status != 200)
            {
                throw new InvalidOperationException($"The server answered: {connection.Text()}");
            }
        }
    }
}
