using System.Net;
using System.Net.Sockets;
using Sungrow.Simulator;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

/// <summary>A TCP connection that sends and reads bytes, and knows Modbus only as far as a test spells it out.</summary>
internal sealed class RawClient : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private readonly Socket _socket;

    private RawClient(Socket socket) => _socket = socket;

    public static async Task<RawClient> ConnectAsync(IPEndPoint endpoint)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(endpoint, TestContext.Current.CancellationToken);
        return new RawClient(socket);
    }

    public static Task<RawClient> ConnectAsync(SimulatedInverter inverter) => ConnectAsync(inverter.Endpoint);

    public static byte[] Read(int transaction, byte unit, byte function, int start, int count) =>
    [
        (byte)(transaction >> 8), (byte)transaction, 0, 0, 0, 6, unit, function,
        (byte)(start >> 8), (byte)start, (byte)(count >> 8), (byte)count,
    ];

    public async Task SendAsync(params byte[] bytes) => await _socket.SendAsync(bytes, TestContext.Current.CancellationToken);

    public async Task<byte[]> ReceiveAsync(int count)
    {
        using var deadline = Until();
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var received = await _socket.ReceiveAsync(bytes.AsMemory(at), deadline.Token);
            Assert.True(received > 0, $"closed after {at} of {count} bytes");
            at += received;
        }

        return bytes;
    }

    /// <summary>The words of a read that succeeds.</summary>
    public async Task<ushort[]> ReadWordsAsync(int start, int count, byte function = 4, byte unit = 1)
    {
        await SendAsync(Read(0x1234, unit, function, start, count));
        var frame = await ReceiveAsync(9 + (2 * count));
        Assert.Equal([0x12, 0x34, 0, 0, 0, (byte)(3 + (2 * count)), unit, function, (byte)(2 * count)], frame[..9]);
        return [.. frame[9..].Chunk(2).Select(pair => (ushort)((pair[0] << 8) | pair[1]))];
    }

    /// <summary>What comes until the other side ends the connection, by farewell or reset.</summary>
    public async Task<byte[]> ReceiveUntilClosedAsync()
    {
        using var deadline = Until();
        var bytes = new List<byte>();
        var some = new byte[256];
        try
        {
            while (await _socket.ReceiveAsync(some, deadline.Token) is > 0 and var received)
            {
                bytes.AddRange(some[..received]);
            }
        }
        catch (SocketException)
        {
            // A reset: that is how it ended.
        }

        return [.. bytes];
    }

    /// <summary>True when the other side ended the connection without another byte.</summary>
    public async Task<bool> IsClosedByPeerAsync()
    {
        using var deadline = Until();
        try
        {
            return await _socket.ReceiveAsync(new byte[1], deadline.Token) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    /// <summary>Ends the connection with a reset in place of a farewell.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    public void Dispose() => _socket.Dispose();

    private static CancellationTokenSource Until()
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        source.CancelAfter(Deadline);
        return source;
    }
}
