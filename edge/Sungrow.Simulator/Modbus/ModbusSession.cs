using System.Buffers.Binary;
using System.Net.Sockets;

namespace Sungrow.Simulator.Modbus;

/// <summary>Modbus TCP on one socket, and nothing about registers: requests are answered one by one in the order they came, however TCP
/// cut them.</summary>
internal sealed class ModbusSession(Socket socket, TimeSpan idleTimeout, TimeProvider time, Func<Request, Reply> serve)
{
    private const int HeaderBytes = 7;

    // A Modbus PDU has at most 253 bytes; the header's length counts the unit as well.
    private const int LongestLength = 254;

    /// <summary>Returns when the session is over: closed or reset by the client, ended by a reply, no Modbus, too long idle, or
    /// stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var idle = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop, idle.Token);
        var buffer = new byte[HeaderBytes + LongestLength];

        while (true)
        {
            idle.CancelAfter(idleTimeout);
            if (!await TryReceiveAsync(buffer.AsMemory(0, HeaderBytes), end.Token))
            {
                return;
            }

            var transaction = BinaryPrimitives.ReadUInt16BigEndian(buffer);
            var protocol = BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(2));
            int length = BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(4));
            if (protocol != 0 || length is < 2 or > LongestLength)
            {
                return;
            }

            var pdu = buffer.AsMemory(HeaderBytes, length - 1);
            if (!await TryReceiveAsync(pdu, end.Token))
            {
                return;
            }

            var reply = serve(Request.Parse(transaction, buffer[6], pdu.Span));
            if (!await TryPauseAsync(reply.Delay, end.Token) || !await TrySendAsync(reply.Bytes, end.Token))
            {
                return;
            }

            if (reply.Ending != Ending.Stay)
            {
                // Without time to linger, closing the socket is a reset.
                socket.LingerState = new LingerOption(reply.Ending == Ending.Reset, 0);
                return;
            }
        }
    }

    /// <summary>Fills <paramref name="bytes"/>; false when the session is over.</summary>
    private async Task<bool> TryReceiveAsync(Memory<byte> bytes, CancellationToken end)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                var received = await socket.ReceiveAsync(bytes, SocketFlags.None, end);
                if (received == 0)
                {
                    return false;
                }

                bytes = bytes[received..];
            }

            return true;
        }
        catch (Exception problem) when (problem is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> TryPauseAsync(TimeSpan delay, CancellationToken end)
    {
        try
        {
            if (delay > TimeSpan.Zero)
            {
                await Task.Delay(delay, time, end);
            }

            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> TrySendAsync(ReadOnlyMemory<byte> bytes, CancellationToken end)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, end)..];
            }

            return true;
        }
        catch (Exception problem) when (problem is SocketException or OperationCanceledException)
        {
            return false;
        }
    }
}
