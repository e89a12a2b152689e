using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using Sungrow.EndToEnd.Tests.Chaos;

namespace Sungrow.EndToEnd.Tests.Golden;

/// <summary>Between edge and VPS: hands everything on, and keeps it.</summary>
internal sealed class RecordingProxy(int target) : FaultProxy(target)
{
    private readonly ConcurrentQueue<(byte[] Request, byte[] Answer)> _exchanges = new();

    public IReadOnlyList<(byte[] Request, byte[] Answer)> Exchanges => [.. _exchanges];

    /// <summary>Sends a request to the VPS and returns the whole answer. The connection is asked to close; neither that nor how the VPS
    /// says that it will is kept.</summary>
    public static async Task<byte[]> AskAsync(int port, byte[] request, CancellationToken cancellationToken)
    {
        using TcpClient client = new();
        await client.ConnectAsync(System.Net.IPAddress.Loopback, port, cancellationToken);
        await using var vps = client.GetStream();
        var head = request.AsSpan().IndexOf("\r\n\r\n"u8);
        await vps.WriteAsync((byte[])[.. request[..head], .. "\r\nConnection: close"u8, .. request[head..]], cancellationToken);
        using MemoryStream answer = new();
        await vps.CopyToAsync(answer, cancellationToken);
        var bytes = answer.ToArray();
        var close = bytes.AsSpan().IndexOf("\r\nConnection: close"u8);
        return close < 0 ? bytes : [.. bytes[..close], .. bytes[(close + "\r\nConnection: close".Length)..]];
    }

    protected override async Task ServeAsync(Socket client, CancellationToken cancellationToken)
    {
        await using NetworkStream edge = new(client);
        while (await HttpMessage.ReadAsync(edge, cancellationToken) is { } message)
        {
            byte[] request = [.. Encoding.ASCII.GetBytes($"{message.RequestLine}\r\n{string.Join("\r\n", message.Headers)}\r\n\r\n"), .. message.Body];
            var answer = await AskAsync(Target, request, cancellationToken);
            _exchanges.Enqueue((request, answer));
            await edge.WriteAsync(answer, cancellationToken);
        }
    }
}
