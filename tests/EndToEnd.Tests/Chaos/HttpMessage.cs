using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>A whole request as it lay on the wire.</summary>
internal sealed record HttpMessage(string RequestLine, IReadOnlyList<string> Headers, byte[] Body)
{
    private const int MaxHeadBytes = 64 * 1024;
    private const int MaxBodyBytes = 8 * 1024 * 1024;

    public bool IsIngest => RequestLine.StartsWith("POST /v1/ingest ", StringComparison.Ordinal);

    /// <summary>Reads one request. The edge promises a <c>Content-Length</c>: a body without one is its fault, and ends the run.</summary>
    /// <returns>Null when the connection ended before a request.</returns>
    public static async Task<HttpMessage?> ReadAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        if (await ReadHeadAsync(stream, cancellationToken) is not { } head)
        {
            return null;
        }

        var lines = head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        HttpMessage message = new(lines[0], lines[1..], []);
        if (message.Header("Transfer-Encoding") is not null)
        {
            throw new InvalidDataException("The edge sent a chunked body.");
        }

        var body = new byte[int.Parse(message.Header("Content-Length") ?? "0", NumberStyles.None, CultureInfo.InvariantCulture)];
        if (body.Length > MaxBodyBytes)
        {
            throw new InvalidDataException($"The edge sent a body of {body.Length} bytes.");
        }

        await stream.ReadExactlyAsync(body, cancellationToken);
        return message with { Body = body };
    }

    /// <summary>The same request for a connection that carries nothing else.</summary>
    public byte[] Bytes()
    {
        var headers = Headers.Where(line => !line.StartsWith("Connection:", StringComparison.OrdinalIgnoreCase)).Append("Connection: close");
        return [.. Encoding.ASCII.GetBytes($"{RequestLine}\r\n{string.Join("\r\n", headers)}\r\n\r\n"), .. Body];
    }

    /// <summary>The numbers of the samples in an ingest body, in their order.</summary>
    public IReadOnlyList<(Guid Buffer, long Seq)> Rows()
    {
        using var plain = new MemoryStream(Body);
        using Stream stream = Header("Content-Encoding") == "gzip" ? new GZipStream(plain, CompressionMode.Decompress) : plain;
        using var json = JsonDocument.Parse(stream);
        var buffer = json.RootElement.GetProperty("buffer_id").GetGuid();
        return [.. json.RootElement.GetProperty("samples").EnumerateArray().Select(sample => (buffer, sample.GetProperty("seq").GetInt64()))];
    }

    private string? Header(string name) => Headers
        .Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
        .Select(line => line[(name.Length + 1)..].Trim())
        .FirstOrDefault();

    // Byte by byte, so that nothing of the body is taken with it; these are a few hundred bytes on loopback.
    private static async Task<string?> ReadHeadAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        ArrayBufferWriter<byte> head = new();
        while (!head.WrittenSpan.EndsWith("\r\n\r\n"u8))
        {
            if (await stream.ReadAsync(head.GetMemory(1)[..1], cancellationToken) == 0)
            {
                return head.WrittenCount == 0 ? null : throw new EndOfStreamException();
            }

            head.Advance(1);
            if (head.WrittenCount > MaxHeadBytes)
            {
                throw new InvalidDataException("The edge sent a head without end.");
            }
        }

        return Encoding.ASCII.GetString(head.WrittenSpan);
    }
}
