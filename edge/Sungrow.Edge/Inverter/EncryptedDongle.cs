using System.Net.Sockets;

namespace Sungrow.Edge.Inverter;

/// <summary>Dongles with firmware of 2020 encrypt what follows their key exchange. We do not speak that, but can say that it is so: such a
/// dongle answers the unencrypted question for its key. Source: the public Python clients of the encrypted variant.</summary>
internal static class EncryptedDongle
{
    private const int ReplyBytes = 25;
    private const int KeyStart = 9;

    // Input registers 0x0AE7, eight of them, of unit 247, with a transaction number that marks the exchange.
    private static readonly byte[] KeyQuestion = [0x68, 0x68, 0, 0, 0, 6, 0xF7, 4, 0x0A, 0xE7, 0, 8];

    /// <summary>Asks on a connection of its own. False also when there is no answer in time.</summary>
    public static async Task<bool> AnswersAsync(InverterOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.RequestTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(options.Host, options.Port, either.Token);
            await socket.SendAsync(KeyQuestion, either.Token);
            var reply = new byte[ReplyBytes];
            await using var stream = new NetworkStream(socket);
            await stream.ReadExactlyAsync(reply, either.Token);
            var key = reply[KeyStart..];
            return reply.AsSpan(6, 3) is [0xF7, 4, 16] && !Array.TrueForAll(key, static b => b == 0) && !Array.TrueForAll(key, static b => b == 0xFF);
        }
        catch (Exception gone) when (gone is SocketException or IOException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
