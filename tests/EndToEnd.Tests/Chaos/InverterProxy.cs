using System.Buffers.Binary;
using System.Net.Sockets;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>Between edge and inverter: request and answer in turn, as Modbus goes; silence, a cut and a reset in the middle of an
/// answer.</summary>
internal sealed class InverterProxy(int target) : FaultProxy(target)
{
    // Transaction, protocol, length.
    private const int HeaderBytes = 6;

    private int _requests;

    /// <summary>Requests of the edge that came this far.</summary>
    public int Requests => Volatile.Read(ref _requests);

    protected override async Task ServeAsync(Socket client, CancellationToken cancellationToken)
    {
        using var inverter = await ConnectAsync(cancellationToken);
        await using NetworkStream edge = new(client), served = new(inverter);
        while (await ReadFrameAsync(edge, cancellationToken) is { } request)
        {
            Interlocked.Increment(ref _requests);
            if (Now is { } fault)
            {
                Hit(fault);
                await DisturbAsync(fault, client, edge, served, request, cancellationToken);
                return;
            }

            await served.WriteAsync(request, cancellationToken);
            if (await ReadFrameAsync(served, cancellationToken) is not { } answer)
            {
                return;
            }

            await edge.WriteAsync(answer, cancellationToken);
        }
    }

    private static async Task DisturbAsync(
        Fault fault, Socket client, NetworkStream edge, NetworkStream served, byte[] request, CancellationToken cancellationToken)
    {
        switch (fault)
        {
            case Fault.InverterCut:
                return;

            case Fault.InverterStall:
                await UntilGoneAsync(client, cancellationToken);
                return;

            case Fault.InverterReset:
                await served.WriteAsync(request, cancellationToken);
                if (await ReadFrameAsync(served, cancellationToken) is { } answer)
                {
                    await edge.WriteAsync(answer.AsMemory(0, answer.Length / 2), cancellationToken);
                }

                Reset(client);
                return;

            default:
                throw new InvalidOperationException($"{fault} is nothing that happens between edge and inverter.");
        }
    }

    /// <returns>Null when the connection ended.</returns>
    private static async Task<byte[]?> ReadFrameAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var header = new byte[HeaderBytes];
        if (await stream.ReadAtLeastAsync(header, HeaderBytes, throwOnEndOfStream: false, cancellationToken) < HeaderBytes)
        {
            return null;
        }

        var frame = new byte[HeaderBytes + BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(4))];
        header.CopyTo(frame, 0);
        await stream.ReadExactlyAsync(frame.AsMemory(HeaderBytes), cancellationToken);
        return frame;
    }
}
