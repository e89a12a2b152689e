using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Sungrow.Edge.Tests.Inverter;

/// <summary>A TCP server on loopback that does with each connection what the test says.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentBag<Task> _tasks = [];
    private int _connections;

    public ScriptedServer(Func<ScriptedClient, Task> serve, int port = 0)
    {
        _listener = new(IPAddress.Loopback, port);
        _listener.Start();
        _tasks.Add(AcceptAsync(serve));
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public int Connections => _connections;

    /// <summary>Every request received, in order.</summary>
    public ConcurrentQueue<byte[]> Requests { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_tasks);
        _listener.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync(Func<ScriptedClient, Task> serve)
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stopping.Token);
                Interlocked.Increment(ref _connections);
                _tasks.Add(ServeAsync(socket, serve));
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket, Func<ScriptedClient, Task> serve)
    {
        using (socket)
        {
            try
            {
                socket.NoDelay = true;
                await serve(new(socket, Requests, _stopping.Token));
            }
            catch (Exception ended) when (
                ended is OperationCanceledException or SocketException or EndOfStreamException or ObjectDisposedException)
            {
                // The other side went, or the test is over: what a server's life is made of.
            }
        }
    }
}

/// <summary>The server's end of one connection.</summary>
internal sealed class ScriptedClient(Socket socket, ConcurrentQueue<byte[]> requests, CancellationToken stopping)
{
    public CancellationToken Stopping => stopping;

    /// <summary>The next request of 12 bytes.</summary>
    public async Task<byte[]> RequestAsync()
    {
        var request = new byte[12];
        for (var read = 0; read < request.Length;)
        {
            var received = await socket.ReceiveAsync(request.AsMemory(read), stopping);
            read += received > 0 ? received : throw new EndOfStreamException();
        }

        requests.Enqueue(request);
        return request;
    }

    public async Task SendAsync(params byte[] bytes) => await socket.SendAsync(bytes, stopping);

    /// <summary>Returns once the other side has closed, with the number of bytes that it sent before.</summary>
    public async Task<int> ClosedAsync()
    {
        var sent = 0;
        try
        {
            while (await socket.ReceiveAsync(new byte[64].AsMemory(), stopping) is > 0 and var received)
            {
                sent += received;
            }
        }
        catch (SocketException)
        {
            // A reset is a way of closing.
        }

        return sent;
    }

    public void Reset() => socket.Close(0);
}

internal static class Frames
{
    public static ushort Start(byte[] request) => BinaryPrimitives.ReadUInt16BigEndian(request.AsSpan(8));

    public static ushort Points(byte[] request) => BinaryPrimitives.ReadUInt16BigEndian(request.AsSpan(10));

    public static byte[] Reply(byte[] request, params ushort[] words)
    {
        var reply = new byte[9 + (2 * words.Length)];
        request.AsSpan(0, 8).CopyTo(reply);
        BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(4), (ushort)(3 + (2 * words.Length)));
        reply[8] = (byte)(2 * words.Length);
        for (var i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(9 + (2 * i)), words[i]);
        }

        return reply;
    }

    public static byte[] Refusal(byte[] request, byte code) =>
        [request[0], request[1], 0, 0, 0, 3, request[6], (byte)(request[7] | 0x80), code];
}
