using System.Net.Sockets;
using Sungrow.EndToEnd.Tests.Chaos;

namespace Sungrow.EndToEnd.Tests.Fleet;

/// <summary>Between a client and its admin VPS: takes the end off each batch of measurements, and repairs the length that is promised, until
/// it is told to stop.</summary>
internal sealed class CuttingProxy(int target) : FaultProxy(target)
{
    private volatile bool _cuts = true;

    public void Mend() => _cuts = false;

    protected override async Task ServeAsync(Socket client, CancellationToken cancellationToken)
    {
        await using NetworkStream pusher = new(client);
        while (await HttpMessage.ReadAsync(pusher, cancellationToken) is { } message)
        {
            using var admin = await ConnectAsync(cancellationToken);
            await using NetworkStream there = new(admin);
            await there.WriteAsync((_cuts && IsMeasurements(message) ? Cut(message) : message).Bytes(), cancellationToken);
            await there.CopyToAsync(pusher, cancellationToken);
            return; // The answer has said that this connection ends.
        }
    }

    private static bool IsMeasurements(HttpMessage message) =>
        message.Headers.Contains("X-Batch-Type: measurements", StringComparer.OrdinalIgnoreCase);

    private static HttpMessage Cut(HttpMessage message)
    {
        var left = message.Body.Length / 2;
        return message with
        {
            Headers = [.. message.Headers.Select(line =>
                line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase) ? $"Content-Length: {left}" : line)],
            Body = message.Body[..left],
        };
    }
}
