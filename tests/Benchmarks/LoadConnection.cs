using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sungrow.Benchmarks;

/// <summary>One keep-alive connection that sends a request and waits for its answer. By hand on a socket: an HttpClient costs as much as
/// the server it measures.</summary>
internal sealed class LoadConnection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _answer = new byte[16 * 1024];

    public static async Task<LoadConnection> OpenAsync(Uri server, CancellationToken cancellationToken)
    {
        LoadConnection connection = new();
        await connection._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, server.Port), cancellationToken);
        return connection;
    }

    /// <returns>The status.</returns>
    public async ValueTask<int> SendAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        while (request.Length > 0)
        {
            request = request[await _socket.SendAsync(request, cancellationToken)..];
        }

        var length = 0;
        while (!IsWhole(_answer.AsSpan(0, length)))
        {
            var read = await _socket.ReceiveAsync(_answer.AsMemory(length), cancellationToken);
            length += read > 0 ? read : throw new IOException($"The server closed the connection: {Text(length)}");
        }

        // HTTP/1.1 200
        return int.Parse(_answer.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture);
    }

    /// <summary>The last answer, for a person.</summary>
    public string Text() => Text(_answer.Length);

    public void Dispose() => _socket.Dispose();

    private string Text(int length) => Encoding.UTF8.GetString(_answer.AsSpan(0, length)).TrimEnd('\0');

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return false;
        }

        var body = answer[(head + 4)..];
        var at = answer[..head].IndexOf("Content-Length: "u8);
        if (at < 0)
        {
            return body.EndsWith("0\r\n\r\n"u8); // Chunked.
        }

        var length = answer[(at + "Content-Length: ".Length)..head];
        var end = length.IndexOf((byte)'\r');
        return body.Length >= int.Parse(end < 0 ? length : length[..end], NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
